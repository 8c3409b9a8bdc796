"""What a turn costs beyond the services that it has to wait for.

Between the chat function and each service lies a wire on which a round trip takes the budget's
time for that service, or longer if the service itself does. A turn that wasted nothing would take
as long as the slower store, the model, two statements and one wake-up: the critical path. All
that the function takes longer is ours: its own work, and statements that take PostgreSQL longer
than a round trip on its wire. It is the function's own figure, from the request's arrival in the
app to its answer; the client's is printed too, which has this machine's gateway and runtime in it.
"""

import json
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlsplit

from bench.results import BenchError, Result
from bench.shipped import database_behind, person_at, shipped_stack, teach
from bench.wire import Wire
from local.person import Person
from local.stack import Stack

TAKES_MS = {"zep": 160, "mem0": 150, "gemini": 1_000, "database": 2, "queue": 5}
CRITICAL_PATH_MS = (
    max(TAKES_MS["zep"], TAKES_MS["mem0"])
    + TAKES_MS["gemini"]
    + 2 * TAKES_MS["database"]
    + TAKES_MS["queue"]
)
BUDGET = 1.04
TURNS, WARM_UPS = 21, 2

SESSION = "critical-path"
FACTS = ("I live in Delhi and like chess.", "My dog's name is Bruno.")
MESSAGE = "I had a long day and cooked soup in the evening."


def run() -> list[Result]:
    """Measures warm turns that need one call of the model, at the client and in the function."""
    ports: dict[str, int] = {}
    with ExitStack() as open_:
        wires = {
            name: open_.enter_context(Wire(partial(ports.__getitem__, name))) for name in TAKES_MS
        }
        stack = open_.enter_context(
            shipped_stack(
                overrides={
                    "ZEP_BASE_URL": wires["zep"].url,
                    "MEM0_API_URL": wires["mem0"].url,
                    "GEMINI_BASE_URL": wires["gemini"].url,
                },
                extra_environment={"AWS_ENDPOINT_URL_SQS": wires["queue"].url},
            )
        )
        ports.update(_ports(stack))
        database_behind(stack, wires["database"])
        person = open_.enter_context(person_at(stack, "critical-path@example.com"))
        teach(person, SESSION, *FACTS)
        at_client = [_turn(person, wires) for _ in range(WARM_UPS + TURNS)]
        in_function = list(_durations(stack))
    return [_result(in_function[-TURNS:], at_client[-TURNS:])]


def _turn(person: Person, wires: Mapping[str, Wire]) -> float:
    """Milliseconds of one turn. What follows it is not timed: the delivery job is done with it
    before the next one, or it would compete for this machine's processors, as it does not in
    the cloud."""
    for name, wire in wires.items():
        wire.takes_seconds = TAKES_MS[name] / 1_000
    started = time.perf_counter()
    answer = person.chat(SESSION, MESSAGE)
    milliseconds = (time.perf_counter() - started) * 1_000
    for wire in wires.values():
        wire.takes_seconds = 0.0
    if answer["usage"]["model_calls"] != 1 or answer["degraded"] or not answer["recalled"]:
        raise BenchError(f"this is not the turn that was meant: {answer}")
    person.until_learned([answer["turn_id"]])
    return milliseconds


def _durations(stack: Stack) -> Iterator[float]:
    """`duration_ms` of every turn that the chat function has logged."""
    for line in (stack.log_dir / "ChatFunction.log").read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("message") == "request" and entry.get("route") == "/api/chat":
            yield float(entry["duration_ms"])


def _result(in_function: list[float], at_client: list[float]) -> Result:
    own, seen = statistics.median(in_function), statistics.median(at_client)
    return Result(
        name="turn, in the function",
        measured=own / CRITICAL_PATH_MS,
        limit=BUDGET,
        detail=f"median {own:.0f} ms of {TURNS}, critical path {CRITICAL_PATH_MS} ms, so "
        f"{own - CRITICAL_PATH_MS:.0f} ms are ours; at the client, through this machine's "
        f"gateway, {seen:.0f} ms ({seen / CRITICAL_PATH_MS:.3f} x)",
    )


def _ports(stack: Stack) -> dict[str, int]:
    urls = {
        "zep": stack.zep_url,
        "mem0": stack.mem0_url,
        "gemini": stack.gemini_url,
        "database": stack.database_url,
        "queue": stack.aws_url,
    }
    return {name: int(urlsplit(url).port or 0) for name, url in urls.items()}
