"""Real `awslambdaric` processes: timeouts, crashes, ceilings, limits, hooks and environment."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.runtime.credentials import TEST_CREDENTIALS
from local.runtime.environment import RuntimeOptions
from local.runtime.outcome import PAYLOAD_LIMIT_BYTES, Failure, Outcome
from local.runtime.pool import Runtime
from local.template import load_template

pytestmark = pytest.mark.integration

PROBE = Path(__file__).parents[1] / "fixtures" / "probe" / "template.yaml"

Story = Callable[[Callable[..., Awaitable[Outcome]], Runtime], Awaitable[None]]


def play(story: Story, folder: Path, **options: Any) -> None:
    """Runs the story with a runtime of the probe functions, and stops it."""

    async def run() -> None:
        template = load_template(PROBE)
        runtime = Runtime(
            template.functions,
            RuntimeOptions(log_dir=folder / "logs", home_dir=folder / "home", **options),
        )

        async def invoke(function_id: str, **event: Any) -> Outcome:
            return await runtime.invoke(function_id, json.dumps(event).encode())

        try:
            await story(invoke, runtime)
        finally:
            await runtime.stop()
        assert runtime.pids == {}

    asyncio.run(run())


def test_a_warm_instance_is_used_again_and_its_context_is_lambdas(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        first, second = [(await invoke("EchoFunction")).value() for _ in range(2)]
        assert first["pid"] == second["pid"]
        assert first["request_id"] != second["request_id"]
        assert 4000 < first["remaining_ms"] <= 5000

    play(story, tmp_path)


def test_the_function_sees_lambdas_environment_and_nothing_of_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GEMINI_API_KEY", "ZEP_API_KEY", "DATABASE_URL", "AWS_PROFILE", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary")
    code = PROBE.parent / "code"

    async def story(invoke: Any, _runtime: Runtime) -> None:
        shown = (await invoke("EchoFunction")).value()
        environment = shown["environment"]
        assert "canary" not in environment.values()
        assert environment["_HANDLER"] == "probe.echo"
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "EchoFunction"
        assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
        assert environment["LAMBDA_TASK_ROOT"] == str(code)
        assert environment.items() >= TEST_CREDENTIALS.items()
        assert not any(name.startswith("AWS_CONTAINER") for name in environment)
        assert environment["PYTHONPATH"] == f"{code}:{PROBE.parent / 'layer'}"
        root = str(Path(__file__).parents[2])
        assert root not in shown["path"]

    play(story, tmp_path)


def test_a_function_that_overruns_is_killed_and_replaced(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        await invoke("SleepFunction", seconds=0)
        (before,) = runtime.pids.values()
        started = time.monotonic()
        outcome = await invoke("SleepFunction", seconds=30)
        assert 1.9 < time.monotonic() - started < 6
        assert outcome.failure is Failure.TIMEOUT
        assert "Task timed out after 2.00 seconds" in outcome.value()["errorMessage"]
        assert (await invoke("SleepFunction", seconds=0)).value() != before

    play(story, tmp_path)
    log = (tmp_path / "logs" / "SleepFunction.log").read_text()
    assert "Task timed out" in log
    assert "Runtime exited" not in log


def test_a_crash_fails_its_call_and_the_next_one_gets_a_new_process(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        before = (await invoke("CrashFunction")).value()
        outcome = await invoke("CrashFunction", die=True)
        assert outcome.failure is Failure.CRASH
        assert outcome.value()["errorMessage"] == "Runtime exited with status 3"
        assert (await invoke("CrashFunction")).value() != before

    play(story, tmp_path)
    assert "Runtime exited with status 3" in (tmp_path / "logs" / "CrashFunction.log").read_text()


def test_an_error_has_its_type_and_message_and_keeps_the_process(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        outcome = await invoke("EchoFunction", do="raise", message="Unauthorized")
        assert outcome.failure is Failure.FUNCTION
        error = outcome.value()
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "Unauthorized")
        await invoke("EchoFunction")
        assert set(runtime.pids) == {"EchoFunction.1"}

    play(story, tmp_path)


def test_a_handler_that_cannot_be_imported_fails_each_call_with_its_reason(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        for _ in range(2):
            outcome = await invoke("BrokenFunction")
            assert outcome.failure is Failure.INIT
            assert outcome.value()["errorMessage"] == "nothing works"

    play(story, tmp_path)


def test_instances_start_side_by_side_up_to_the_ceiling_and_the_rest_waits(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        calls = [invoke("EchoFunction", do="hold", seconds=0.3) for _ in range(7)]
        outcomes = await asyncio.gather(*calls)
        assert [outcome.failure for outcome in outcomes] == [None] * 7
        assert len({outcome.value() for outcome in outcomes}) == 3
        assert len(runtime.pids) == 3

    play(story, tmp_path)


def test_a_call_that_finds_no_free_instance_in_time_is_throttled(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        await asyncio.gather(*(invoke("SleepFunction", seconds=0.2) for _ in range(2)))
        busy = [asyncio.create_task(invoke("SleepFunction", seconds=1.2)) for _ in range(2)]
        await asyncio.sleep(0)
        outcome = await invoke("SleepFunction", seconds=0)
        assert outcome.failure is Failure.THROTTLED
        assert [(await call).failure for call in busy] == [None, None]

    play(story, tmp_path, queue_wait_seconds=0.2)


def test_a_call_may_wait_less_long_than_the_stack_lets_it(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        cold = await runtime.invoke("SleepFunction", b'{"seconds": 0}', wait_seconds=0.001)
        assert cold.failure is None  # starting does not count as waiting
        await asyncio.gather(*(invoke("SleepFunction", seconds=0.2) for _ in range(2)))
        busy = [asyncio.create_task(invoke("SleepFunction", seconds=1.2)) for _ in range(2)]
        await asyncio.sleep(0)
        late = await runtime.invoke("SleepFunction", b'{"seconds": 0}', wait_seconds=0.2)
        assert late.failure is Failure.THROTTLED
        assert [outcome.failure for outcome in await asyncio.gather(*busy)] == [None, None]

    play(story, tmp_path)


def test_a_cold_start_does_not_count_as_waiting(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        assert (await invoke("EchoFunction")).failure is None

    play(story, tmp_path, queue_wait_seconds=0.001)


def test_a_start_that_nobody_waits_for_any_more_is_dropped(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        calls = [invoke("EchoFunction", do="hold", seconds=0) for _ in range(4)]
        outcomes = await asyncio.gather(*calls)
        assert [outcome.failure for outcome in outcomes] == [None] * 4
        assert len(runtime.pids) < 3

    play(story, tmp_path, parallel_starts=1)


def test_lambdas_size_limits_hold_both_ways(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        # The JSON of a string has two quotes more than the string.
        fits = await invoke("EchoFunction", do="size", bytes=PAYLOAD_LIMIT_BYTES - 2)
        assert len(fits.payload) == PAYLOAD_LIMIT_BYTES
        too_much = await invoke("EchoFunction", do="size", bytes=PAYLOAD_LIMIT_BYTES - 1)
        assert too_much.failure is Failure.RESPONSE_TOO_LARGE
        event = b'{"do":"hold","seconds":0,"pad":"%s"}'
        padding = b"x" * (PAYLOAD_LIMIT_BYTES - len(event) + 2)
        largest = await runtime.invoke("EchoFunction", event % padding)
        assert largest.failure is None
        above = await runtime.invoke("EchoFunction", event % (padding + b"x"))
        assert above.failure is Failure.REQUEST_TOO_LARGE

    play(story, tmp_path)


@pytest.mark.parametrize(("snap_start", "ran"), [(True, ["before", "after"]), (False, [])])
def test_snap_start_hooks_run_before_the_first_event(
    tmp_path: Path, snap_start: bool, ran: list[str]
) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        assert (await invoke("HookFunction")).value() == ran

    play(story, tmp_path, snap_start=snap_start)


@pytest.mark.parametrize("snap_start", [True, False])
def test_with_snapstart_the_environment_has_no_keys_and_an_address_that_wants_its_token(
    tmp_path: Path, snap_start: bool
) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        await invoke("HookFunction")
        environment = environment_of(runtime.pids["HookFunction.1"])
        assert not TEST_CREDENTIALS.keys() & environment.keys()
        assert "test-key" not in environment.values()
        address = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        async with httpx.AsyncClient(trust_env=False) as client:
            for wrong in ({}, {"authorization": ""}, {"authorization": token[:-1]}):
                refused = await client.get(address, headers=wrong)
                assert (refused.status_code, refused.content) == (403, b"")
            found = await client.get(address, headers={"authorization": token})
        keys = found.raise_for_status().json()
        lasts = datetime.fromisoformat(keys.pop("Expiration")) - datetime.now(UTC)
        assert timedelta(minutes=50) < lasts <= timedelta(hours=1)
        assert keys == dict.fromkeys(("AccessKeyId", "SecretAccessKey", "Token"), "test-key")
        assert (await invoke("HookFunction")).failure is None

    play(story, tmp_path, snap_start=snap_start)


def test_each_instance_has_a_token_of_its_own(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        tokens = set()
        for _ in range(2):
            await invoke("HookFunction")
            pid = runtime.pids.popitem()[1]
            tokens.add(environment_of(pid)["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
            os.kill(pid, 9)
            async with asyncio.timeout(10):
                while runtime.pids:  # noqa: ASYNC110 - it is the kernel we wait for
                    await asyncio.sleep(0.01)
        assert len(tokens) == 2
        assert min(map(len, tokens)) == 32

    play(story, tmp_path)


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with."""
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_output_of_instances_at_once_is_kept_in_whole_lines(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        words = ("a" * 50, "b" * 50, "c" * 50)
        await asyncio.gather(
            *(invoke("EchoFunction", do="print", word=word, lines=200) for word in words)
        )

    play(story, tmp_path)
    lines = (tmp_path / "logs" / "EchoFunction.log").read_text().splitlines()
    assert len(lines) == 600
    assert {line.split(" ")[0] for line in lines} == {"a" * 50, "b" * 50, "c" * 50}


def test_an_interpreter_that_is_not_there_fails_the_call_and_names_it(tmp_path: Path) -> None:
    async def story(invoke: Any, _runtime: Runtime) -> None:
        outcome = await invoke("EchoFunction")
        assert outcome.failure is Failure.INIT
        assert "no-such-python" in outcome.value()["errorMessage"]

    play(story, tmp_path, python=Path("/no-such-python"))


def test_a_function_killed_from_outside_while_idle_is_replaced(tmp_path: Path) -> None:
    async def story(invoke: Any, runtime: Runtime) -> None:
        await invoke("EchoFunction")
        os.kill(runtime.pids["EchoFunction.1"], 9)
        async with asyncio.timeout(10):
            while "EchoFunction.1" in runtime.pids:  # noqa: ASYNC110 - it is the kernel we wait for
                await asyncio.sleep(0.01)
        assert (await invoke("EchoFunction")).failure is None

    play(story, tmp_path, python=Path(sys.executable))
    assert "Runtime exited" not in (tmp_path / "logs" / "EchoFunction.log").read_text()


def test_built_code_is_never_written_to(tmp_path: Path) -> None:
    template = load_template(PROBE)
    code = tmp_path / "code"
    code.mkdir()
    (code / "probe.py").write_text((PROBE.parent / "code" / "probe.py").read_text())
    echo = replace(template.functions["EchoFunction"], code_dir=code, python_path=(code,))

    async def run(*, built: bool) -> None:
        options = RuntimeOptions(log_dir=tmp_path / "l", home_dir=tmp_path / "h", built=built)
        runtime = Runtime({"EchoFunction": echo}, options)
        assert (await runtime.invoke("EchoFunction", b"{}")).failure is None
        await runtime.stop()

    asyncio.run(run(built=True))
    assert [path.name for path in code.iterdir()] == ["probe.py"]
    asyncio.run(run(built=False))
    assert (code / "__pycache__").is_dir()
