"""What a turn costs beyond the services that it has to wait for.

The stores, the model, PostgreSQL and SQS are given the times of the budget. The shortest turn
then takes as long as the slower store, the model, two statements and one wake-up: the critical
path. All that a turn takes longer is ours: the gateway on this machine, the function, and what
the local services themselves take.
"""

import json
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.results import BenchError, Result
from bench.shipped import database_behind, person_at, shipped_stack, slow_down, teach
from bench.wire import Wire
from local.person import Person
from local.stack import Stack

ZEP_MS, MEM0_MS, GEMINI_MS, POSTGRES_MS, SQS_MS = 160, 150, 1_000, 2, 5
CRITICAL_PATH_MS = max(ZEP_MS, MEM0_MS) + GEMINI_MS + 2 * POSTGRES_MS + SQS_MS
BUDGET = 1.04
TURNS, WARM_UPS = 15, 2

SESSION = "critical-path"
FACTS = ("I live in Delhi and like chess.", "My dog's name is Bruno.")
MESSAGE = "I had a long day and cooked soup in the evening."


def run() -> list[Result]:
    """Measures warm turns that need one call of the model, at the client and in the function."""
    with (
        Wire(lambda: _port(stack.aws_url), delay_seconds=SQS_MS / 1_000) as queue,
        Wire(lambda: _port(stack.database_url), delay_seconds=POSTGRES_MS / 1_000) as database,
        shipped_stack(
            extra_environment={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{queue.port}"}
        ) as stack,
    ):
        database_behind(stack, database)
        with person_at(stack, "critical-path@example.com") as person:
            at_client = measure(stack, person)
        in_function = list(_durations(stack))[-TURNS:]
    return [
        _result("turn, at the client through the gateway", at_client),
        _result("turn, inside the function", in_function),
    ]


def measure(stack: Stack, person: Person) -> list[float]:
    """Milliseconds of each measured turn, at the client."""
    teach(person, SESSION, *FACTS)
    for url, milliseconds in (
        (stack.zep_url, ZEP_MS),
        (stack.mem0_url, MEM0_MS),
        (stack.gemini_url, GEMINI_MS),
    ):
        slow_down(url, milliseconds)
    return [_turn(person) for _ in range(WARM_UPS + TURNS)][WARM_UPS:]


def _turn(person: Person) -> float:
    started = time.perf_counter()
    answer = person.chat(SESSION, MESSAGE)
    milliseconds = (time.perf_counter() - started) * 1_000
    if answer["usage"]["model_calls"] != 1 or answer["degraded"] or not answer["recalled"]:
        raise BenchError(f"this is not the turn that was meant: {answer}")
    return milliseconds


def _durations(stack: Stack) -> Iterator[float]:
    """`duration_ms` of every turn that the chat function has logged."""
    for line in (stack.log_dir / "ChatFunction.log").read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("message") == "request" and entry.get("route") == "/api/chat":
            yield float(entry["duration_ms"])


def _result(name: str, milliseconds: list[float]) -> Result:
    median = statistics.median(milliseconds)
    return Result(
        name=name,
        measured=median / CRITICAL_PATH_MS,
        limit=BUDGET,
        detail=f"median {median:.0f} ms of {len(milliseconds)}, critical path {CRITICAL_PATH_MS}"
        f" ms, {median - CRITICAL_PATH_MS:.0f} ms ours",
    )


def _port(url: str) -> int:
    return int(urlsplit(url).port or 0)
