"""What a cold start costs: processor time of INIT and the first request, as shipped.

Fresh processes run `.aws-sam/build`'s artifacts with what Lambda's runtime has and no more. The
rounds of all functions are interleaved and budgets are ratios to a baseline in the same round, so
that a busy machine is busy for both; a figure is the median over the rounds.
"""

import asyncio
import compileall
import json
import py_compile
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.people import Person, authorizer_call, call, new_person
from bench.results import BenchError, Result
from bench.shipped import RUNTIME_PYTHON, shipped_stack
from local.resources import Function
from local.runtime.api import RuntimeApi
from local.runtime.credentials import RuntimeAddress
from local.runtime.environment import RuntimeOptions, function_environment
from local.stack import ROOT, Stack

DRIVER = ROOT / "bench" / "first_request.py"
ROUNDS = 9
TIMEOUT_SECONDS = 60

BARE, CHAT_BASELINE = "baseline_bare", "baseline_chat"
BUDGETS = {
    "AuthorizerFunction": (0.45, BARE),
    "AuthFunction": (1.7, BARE),
    "HistoryFunction": (1.75, BARE),
    "MemoryFunction": (1.9, BARE),
    "ChatFunction": (1.2, CHAT_BASELINE),
}
"""By logical id: the ratio that is allowed, and to which baseline."""


@dataclass(frozen=True)
class Start:
    """One function to start: its whole environment, and the first event it gets."""

    name: str
    environment: Mapping[str, str]
    event: Mapping[str, Any]


def run() -> list[Result]:
    """Measures every function that has a budget."""
    with (
        tempfile.TemporaryDirectory() as folder,
        shipped_stack(event_sources=False) as stack,
    ):
        samples = asyncio.run(_samples(stack, Path(folder)))
    return [
        _result(name, samples[name], baseline, samples[baseline], limit)
        for name, (limit, baseline) in BUDGETS.items()
    ]


async def _samples(stack: Stack, folder: Path) -> dict[str, list[float]]:
    """Measures in a thread, because the role's keys are handed out meanwhile."""
    runtime_api = RuntimeApi(on_waiting=lambda: None, on_init_error=lambda _: None)
    address = await runtime_api.start()
    try:
        starts = [*_baselines(stack, folder, address), *_functions(stack, address)]
        return await asyncio.to_thread(measure, side_by_side(starts), folder=folder)
    finally:
        runtime_api.close()


def side_by_side(starts: Sequence[Start]) -> list[Start]:
    """Each baseline right before the functions that are judged by it."""
    by_name = {start.name: start for start in starts}
    names = [name for function, (_, baseline) in BUDGETS.items() for name in (baseline, function)]
    return [by_name[name] for name in dict.fromkeys(names)]


def _result(
    name: str, own: Sequence[float], baseline: str, others: Sequence[float], limit: float
) -> Result:
    return Result(
        name=f"cold start {name.removesuffix('Function').lower()}",
        measured=statistics.median(a / b for a, b in zip(own, others, strict=True)),
        limit=limit,
        detail=f"{statistics.median(own):.0f} ms CPU, "
        f"{baseline} {statistics.median(others):.0f} ms",
    )


def measure(
    starts: Sequence[Start], *, folder: Path, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """CPU milliseconds of each round by name; a first one, which fills the disk cache, is left out.

    Raises:
        BenchError: a first request was not answered as it should.
    """
    samples: dict[str, list[float]] = {start.name: [] for start in starts}
    for round_number in range(rounds + 1):
        for start in starts:
            cpu_ms = _first_request(start, folder)
            if round_number:
                samples[start.name].append(cpu_ms)
    return samples


def _first_request(start: Start, folder: Path) -> float:
    event, result = folder / "event.json", folder / "result.json"
    event.write_text(json.dumps(start.event))
    result.unlink(missing_ok=True)
    finished = subprocess.run(
        # -P: the driver's folder is no place to import from.
        [RUNTIME_PYTHON, "-P", DRIVER, event, result],
        env=start.environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if finished.returncode or not result.exists():
        raise BenchError(f"{start.name} did not start:\n{finished.stderr[-2000:]}")
    measured = json.loads(result.read_text())
    answer = measured["answer"]
    allowed = answer.get("isAuthorized") is True
    if not allowed and answer.get("statusCode") != 200:
        raise BenchError(f"{start.name} answered {str(answer)[:500]}:\n{finished.stdout[-2000:]}")
    return float(measured["cpu_ms"])


def _functions(stack: Stack, address: RuntimeAddress) -> Iterator[Start]:
    """The functions of the template, each with a request that it does its usual work for."""
    person = new_person(stack, "cold-start@example.com")
    for name, event in _first_events(stack, person).items():
        function = stack.template.functions[name]
        yield Start(name, _environment(stack, function, address), event)


def _first_events(stack: Stack, person: Person) -> dict[str, dict[str, Any]]:
    # `me` and not `login`: a password's hash is meant to cost the same cold and warm.
    return {
        "AuthorizerFunction": authorizer_call(stack, person),
        "AuthFunction": call(stack, person, "GET", "/api/auth/me"),
        "HistoryFunction": call(stack, person, "GET", "/api/session"),
        "MemoryFunction": call(stack, person, "GET", "/api/memory"),
        "ChatFunction": call(stack, person, "POST", "/api/chat", {"message": "Hello there"}),
    }


def _environment(stack: Stack, function: Function, address: RuntimeAddress) -> dict[str, str]:
    options = RuntimeOptions(
        log_dir=stack.log_dir,
        home_dir=stack.data_dir / "home",
        python=RUNTIME_PYTHON,
        built=True,
        overrides={
            "ZEP_BASE_URL": stack.zep_url,
            "MEM0_API_URL": stack.mem0_url,
            "GEMINI_BASE_URL": stack.gemini_url,
        },
        extra_environment={"AWS_ENDPOINT_URL": stack.aws_url},
    )
    return function_environment(function, options, address=address, instance=0)


def _baselines(stack: Stack, folder: Path, address: RuntimeAddress) -> Iterator[Start]:
    """The baselines, compiled and run exactly as the functions are."""
    chat = stack.template.functions["ChatFunction"]
    layers = chat.python_path[1:]
    for name in (BARE, CHAT_BASELINE):
        code = folder / name
        code.mkdir()
        shutil.copy(ROOT / "bench" / f"{name}.py", code)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(code, quiet=1, invalidation_mode=mode)
        environment = _environment(stack, chat, address) | {
            "_HANDLER": f"{name}.handler",
            "PYTHONPATH": ":".join(str(path) for path in (code, *layers)),
        }
        yield Start(name, environment, _root_event())


def _root_event() -> dict[str, Any]:
    http = {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0",
        "routeKey": "GET /",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"host": "localhost"},
        "requestContext": {"http": http, "requestId": "bench", "stage": "$default"},
        "isBase64Encoded": False,
    }
