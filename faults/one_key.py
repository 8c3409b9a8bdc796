"""One request, sent fifty times at once with one Idempotency-Key over eight containers.

While the first of them is with the model, the others are told `turn_in_progress`, or by the gateway
that all containers are busy (503). They come back until they have the answer. Then the same with
the process that answers the first one killed (SIGKILL) while the model is asked.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from faults.afterwards import drained
from faults.containers import chat_processes, cpu_ticks, owner_of, template_with
from faults.crowd import EXPECTED_KINDS, MOST_HELD_SECONDS, Crowd, insist
from faults.held_model import HeldModel
from faults.stores import mem0_additions, zep_messages
from faults.world import World, world
from local.person import Person, until

REQUESTS: Final = 50
CONTAINERS: Final = 8
LEAST_HELD_SECONDS: Final = 12.0
_KILLED_AFTER: Final = 20


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went.

    Attributes:
        reached: how many requests a container had answered when the model was let go.
        worked: how many containers had something to do by then.
    """

    reached: int
    held_seconds: float
    worked: int
    model_calls: int
    took_seconds: float
    kills: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of one run, and what is wrong with it."""

    figures: str
    wrong: Sequence[str]


def run() -> list[Outcome]:
    """Both runs: left alone, and with the process of the first one killed."""
    with _held_world() as (made, model):
        person = made.acquaintance()
        with person:
            made.twin("mem0", "POST", "requests", {"whole": True})
            _warm(model, person)
            return [
                _play(made, model, person, kills=False),
                _play(made, model, person, kills=True),
            ]


@contextmanager
def _held_world() -> Iterator[tuple[World, HeldModel]]:
    with tempfile.TemporaryDirectory() as folder, HeldModel() as model:
        template = template_with(Path(folder), chat_containers=CONTAINERS)
        options: dict[str, Any] = {"template": template, "queue_wait_seconds": 0.05}
        with world(overrides={"GEMINI_BASE_URL": model.url}, ingestion_ms=50, **options) as made:
            model.target = made.stack.gemini_url
            yield made, model


def _warm(model: HeldModel, person: Person) -> None:
    """As many turns at once as there may be containers, so that all of them are there."""
    model.go_on.clear()
    model.callers.clear()
    with ThreadPoolExecutor(CONTAINERS) as crowd:
        turns = [
            crowd.submit(person.chat, f"warm-{number}", "I had soup.")
            for number in range(CONTAINERS)
        ]
        until(lambda: len(model.callers) == CONTAINERS, f"{CONTAINERS} containers are at work")
        model.go_on.set()
        for turn in turns:
            turn.result()


def _play(made: World, model: HeldModel, person: Person, *, kills: bool) -> Outcome:
    """One run. Its first request is with the model before the others are sent."""
    body = {"session_id": f"one-{secrets.token_hex(4)}", "message": _message()}
    crowd, key = Crowd(), secrets.token_hex(16)
    made.stack.forget_authorizations()
    person.call("GET", "/api/session")
    processes = chat_processes(made.stack)
    before = cpu_ticks(processes)
    model.go_on.clear()
    model.callers.clear()
    limits = httpx.Limits(max_connections=2 * REQUESTS)
    with (
        httpx.Client(
            base_url=made.stack.url,
            headers=dict(person.http.headers),
            timeout=35,
            limits=limits,
            trust_env=False,
        ) as http,
        ThreadPoolExecutor(REQUESTS) as threads,
    ):

        def ask(number: int) -> None:
            insist(lambda: _post(http, body, key), crowd, number, model.go_on)

        calls = [threads.submit(ask, 0)]
        until(lambda: bool(model.callers), "the first request is with the model")
        owner = owner_of((model.callers[0], model.port), processes)
        crowd.reached.add(0)
        started = time.monotonic()
        calls += [threads.submit(ask, number) for number in range(1, REQUESTS)]
        if kills:
            until(lambda: len(crowd.reached) >= _KILLED_AFTER, "some have reached a container")
            made.stack.kill(owner)
        else:
            _hold(crowd, started)
        reached, held = len(crowd.reached), time.monotonic() - started
        worked = _worked(before, cpu_ticks(processes))
        model.go_on.set()
        wrong = _failures(calls)
    took = time.monotonic() - started
    wrong += drained(made) + _counted(made, body["message"], crowd, kills=kills)
    course = Course(reached, held, worked, len(model.callers), took, kills)
    return Outcome(_figures(crowd, course), wrong)


def _message() -> str:
    return f"I like juggling on day {secrets.token_hex(3)}."


def _post(http: httpx.Client, body: dict[str, str], key: str) -> httpx.Response:
    return http.post("/api/chat", json=body, headers={"idempotency-key": key})


def _hold(crowd: Crowd, started: float) -> None:
    """Until the model has been held for 12 s and all have reached a container, or for 18 s."""
    while (held := time.monotonic() - started) < MOST_HELD_SECONDS:
        if held >= LEAST_HELD_SECONDS and len(crowd.reached) == REQUESTS:
            return
        time.sleep(0.05)


def _worked(before: dict[str, int], after: dict[str, int]) -> int:
    return sum(after[name] > ticks for name, ticks in before.items())


def _failures(calls: Sequence[Future[None]]) -> list[str]:
    errors = [call.exception() for call in calls]
    return [f"one key: {error}" for error in errors if error is not None]


def _counted(made: World, message: str, crowd: Crowd, *, kills: bool) -> list[str]:
    """What is wrong with what the ledger, the stores and the clients have of it."""
    with made.database() as connection:
        rows = connection.run(
            "select id, state, reply is not null, attempt from turns where message = :message",
            message=message,
        )
    turns = [str(row[0]) for row in rows]
    at_zep, at_mem0 = zep_messages(made, turns), mem0_additions(made)
    found = {
        "turns": [list(row[1:]) for row in rows],
        "messages in Zep": [at_zep[turn, role] for turn in turns for role in ("user", "assistant")],
        "added to Mem0": [at_mem0[turn] for turn in turns],
        "different answers": len(crowd.replies),
        "answered": crowd.told["answered"],
        "anything else": sorted(set(crowd.told) - EXPECTED_KINDS),
    }
    wanted = {
        "turns": [["answered", True, 2 if kills else 1]],
        "messages in Zep": [1, 1],
        "added to Mem0": [1],
        "different answers": 1,
        "answered": REQUESTS,
        "anything else": [],
    }
    return [
        f"one key{', owner killed' if kills else ''}: {name} is {found[name]}, not {value}"
        for name, value in wanted.items()
        if found[name] != value
    ]


def _figures(crowd: Crowd, course: Course) -> str:
    reached = f"{course.reached} of the {REQUESTS} had reached a container"
    end = f"the model was held for {course.held_seconds:.1f} s; by then {reached}"
    if course.kills:
        end = (
            "the process that answered it was killed (SIGKILL) after"
            f" {course.held_seconds:.1f} s, when {reached}"
        )
    told = crowd.told
    return (
        f"{end}, and {course.worked} of {CONTAINERS} containers had worked. Answers:"
        f" {told['in_progress']} times `turn_in_progress`, {told['busy']} times the gateway's 503,"
        f" {told['lost']} times its 500, {told['answered']} times 200, {len(crowd.replies)}"
        f" different. The model was asked {course.model_calls} times; the last of them had the"
        f" answer after {course.took_seconds:.0f} s."
    )
