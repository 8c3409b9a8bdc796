"""Both memories hang: how long a turn takes until the breakers open, and from then on.

Some containers, as many people who talk without a pause. The model takes now less, now more than
the second by which a breaker knows that a store hangs. Each container has breakers of its own, so
the first turns of each wait for the memories as long as a turn may; then nobody asks them but for a
probe now and then, which runs beside the model and keeps nobody waiting.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from faults.containers import template_with
from faults.endpoints import SESSION
from faults.world import World, world
from local.person import Person

CONTAINERS: Final = 3
MODEL_MS: Final = (300, 1_500)
WARM_UPS: Final = 3
HEALTHY_TURNS: Final = 20
"""Of each person, like the turns before them that start the containers."""
LEAST_TURNS: Final = 200
"""After all breakers have opened."""
_TURNS_BEFORE: Final = 22
LEAST_SECONDS: Final = 60.0
"""From the first turn: breakers open for 10, 20 and 40 s, so that each is probed twice."""
MOST_SECONDS: Final = 150.0
ADDED_BEFORE: Final = 2.8
ADDED_AFTER: Final = 0.2
_STORES: Final = ("zep", "mem0")
_MESSAGE: Final = "I had a long day and cooked soup in the evening."


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn at the client; `began` is in seconds since the epoch."""

    began: float
    seconds: float
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """What the chat function's log says of a time.

    Attributes:
        model: of each call of the model: (when it ended, seconds).
        opened: when each breaker opened for the first time, and again.
        asked: when each call of a store ended.
    """

    model: Sequence[tuple[float, float]]
    opened: Sequence[float]
    asked: Sequence[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of a run, and what is wrong with it."""

    figures: Sequence[str]
    wrong: Sequence[str]


def run() -> Outcome:
    """Healthy turns, then turns while both memories hang."""
    with tempfile.TemporaryDirectory() as folder:
        template = template_with(Path(folder), chat_containers=CONTAINERS)
        with world(template=template, ingestion_ms=50) as made:
            people = [made.acquaintance() for _ in range(CONTAINERS)]
            takes = {"kind": "latency", "milliseconds": {"uniform": list(MODEL_MS)}}
            made.twin("gemini", "POST", "faults", takes)
            _together(people, partial(_some_turns, count=WARM_UPS))
            healthy = _together(people, partial(_some_turns, count=HEALTHY_TURNS))
            for store in _STORES:
                made.twin(store, "POST", "faults", {"kind": "hang"})
            began = time.time()
            turns = _together(people, partial(_turns_until_probed, began=began))
            logged = _logged(made)
            for person in people:
                person.http.close()
    return judged(healthy, turns, logged)


def _together(people: Sequence[Person], talk: Any) -> list[Turn]:
    with ThreadPoolExecutor(len(people)) as crowd:
        return sorted(
            (turn for turns in crowd.map(talk, people) for turn in turns),
            key=lambda turn: turn.began,
        )


def _some_turns(person: Person, *, count: int) -> list[Turn]:
    return [_turn(person) for _ in range(count)]


def _turns_until_probed(person: Person, *, began: float) -> list[Turn]:
    turns: list[Turn] = []
    enough = (LEAST_TURNS + _TURNS_BEFORE) / CONTAINERS
    while len(turns) < enough or time.time() - began < LEAST_SECONDS:
        if time.time() - began > MOST_SECONDS:
            break
        turns.append(_turn(person))
    return turns


def _turn(person: Person) -> Turn:
    began, started = time.time(), time.perf_counter()
    answer = person.chat(SESSION, _MESSAGE)
    return Turn(began, time.perf_counter() - started, tuple(sorted(answer["degraded"])))


def _logged(made: World) -> Logged:
    text = (made.stack.log_dir / "ChatFunction.log").read_text(errors="replace")
    return read_log(text.splitlines())


def read_log(lines: Sequence[str]) -> Logged:
    """What these lines of the function's log say."""
    model, opened, asked = list[tuple[float, float]](), list[float](), list[float]()
    for at, entry in _entries(lines):
        if entry["message"] == "breaker_opened":
            opened.append(at)
        elif entry["message"] == "upstream_call" and entry["provider"] == "gemini":
            model.append((at, entry["duration_ms"] / 1_000))
        elif entry["message"] == "upstream_call" and entry["outcome"] != "not_sent":
            asked.append(at)
    return Logged(model, opened, asked)


def _entries(lines: Sequence[str]) -> Iterator[tuple[float, Any]]:
    for line in lines:
        entry = json.loads(line) if line.startswith("{") else {}
        if "message" in entry and "timestamp" in entry:
            yield datetime.fromisoformat(entry["timestamp"]).timestamp(), entry


def judged(healthy: Sequence[Turn], turns: Sequence[Turn], logged: Logged) -> Outcome:
    """The figures of a run, held against the limits."""
    breakers = CONTAINERS * len(_STORES)
    if len(logged.opened) < breakers:
        return Outcome([], [f"hanging: {len(logged.opened)} breakers opened, not {breakers}"])
    open_from = sorted(logged.opened)[breakers - 1]
    before = [turn for turn in turns if turn.began <= open_from]
    after = [turn for turn in turns if turn.began > open_from]
    probes = sum(at > open_from for at in logged.asked)
    phases = [
        Phase("healthy", healthy, logged, None),
        Phase("before all breakers were open", before, logged, ADDED_BEFORE),
        Phase("after that", after, logged, ADDED_AFTER),
    ]
    wrong = [sentence for phase in phases if (sentence := phase.wrong)]
    if len(after) < LEAST_TURNS:
        wrong.append(f"hanging: {len(after)} turns after the breakers opened")
    if probes < breakers:
        wrong.append(f"hanging: {probes} probes of {breakers} breakers")
    if any(turn.degraded != tuple(sorted(_STORES)) for turn in turns):
        wrong.append("hanging: a turn doesn't name both memories as missing")
    counts = (
        f"breakers: {breakers}; {len(logged.opened) - breakers} times one opened again after a"
        f" probe; calls to the memories once all were open, all of them probes: {probes}"
    )
    return Outcome([*(phase.figures for phase in phases), counts], wrong)


@dataclass(frozen=True, slots=True)
class Phase:
    """Some turns, and what the model took in the same time.

    Attributes:
        added_seconds: the most that the p95 of the turns may lie above the model's.
    """

    name: str
    turns: Sequence[Turn]
    logged: Logged
    added_seconds: float | None

    @property
    def model(self) -> list[float]:
        """Seconds of the model's calls in these turns."""
        first = min(turn.began for turn in self.turns)
        last = max(turn.began + turn.seconds for turn in self.turns)
        return [seconds for at, seconds in self.logged.model if first <= at <= last]

    @property
    def figures(self) -> str:
        """In words."""
        if not self.turns:
            return f"{self.name}: no turns"
        seconds = [turn.seconds for turn in self.turns]
        return (
            f"{self.name}: {len(seconds)} turns, median {statistics.median(seconds):.2f} s,"
            f" p95 {p95(seconds):.2f} s, longest {max(seconds):.2f} s; the model's p95"
            f" {p95(self.model):.2f} s"
        )

    @property
    def wrong(self) -> str | None:
        """A sentence, if the turns took too long."""
        if not self.turns or self.added_seconds is None:
            return None if self.turns else f"hanging: no turns {self.name}"
        seconds = [turn.seconds for turn in self.turns]
        limit = p95(self.model) + self.added_seconds
        if p95(seconds) <= limit:
            return None
        return f"hanging, {self.name}: p95 {p95(seconds):.2f} s, at most {limit:.2f} s"


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]
