"""Every fault at every endpoint: strikes, measures, mends, and looks at what is left."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import httpx

from faults.afterwards import Kept, Said, kept, shown_in_history
from faults.endpoints import ENDPOINTS, Answer, Asked, measure
from faults.expected import ASKS, EXPECTED, Expected
from faults.kinds import FAULTS, Fault
from faults.world import TWINS, World, world
from local.person import Person, until

HEALTHY_ROUNDS: Final = 5
_WARM_UPS: Final = 2
_COME_AGAIN: Final = frozenset({503, 504})
_BACK_SECONDS: Final = 90.0
_MAX_CONNECTIONS: Final = 40
_WORDS: Final = ("sailing", "origami", "archery", "baking", "running", "painting", "climbing")

Cells = Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a whole run.

    Attributes:
        cells: by service, fault and endpoint.
        healthy: the longest healthy answer of each endpoint, in seconds.
        back: by service and fault, seconds until all endpoints were as before.
        wrong: everything that is not as it has to be, in sentences; empty when all is well.
    """

    cells: Mapping[str, Mapping[str, Cells]]
    healthy: Mapping[str, float]
    back: Mapping[str, Mapping[str, float]]
    kept: Kept
    wrong: Sequence[str]


def run(services: Sequence[str] = tuple(EXPECTED)) -> Run:
    """Plays all faults of these services, one after the other."""
    with ExitStack() as open_:
        made = open_.enter_context(world(max_connections=_MAX_CONNECTIONS, ingestion_ms=50))
        matrix = open_.enter_context(Matrix(made))
        return matrix.run(services)


class Matrix:
    """The six endpoints and a person for each of them, in one world."""

    def __init__(self, made: World) -> None:
        self._world = made
        self._open = ExitStack()
        self._rounds = 0
        self._said: list[Said] = []
        self.wrong: list[str] = []
        self.people: dict[str, Person] = {}
        self._crowd = ThreadPoolExecutor(len(ENDPOINTS))

    def __enter__(self) -> "Matrix":
        self._open.callback(self._crowd.shutdown)
        for endpoint in ENDPOINTS:
            person = self._world.acquaintance()
            self.people[endpoint] = self._open.enter_context(person)
        self._world.twin("mem0", "POST", "requests", {"whole": True})
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, services: Sequence[str]) -> Run:
        """Plays all faults of these services."""
        healthy = self._healthy()
        self.wrong += self._who_asks_whom()
        cells: dict[str, dict[str, Cells]] = {}
        back: dict[str, dict[str, float]] = {}
        for fault in (fault for fault in FAULTS if fault.service in services):
            found = cells.setdefault(fault.service, {})[fault.name] = self._struck(fault)
            self.wrong += wrong_in(fault, found, healthy)
            back.setdefault(fault.service, {})[fault.name] = self._until_healthy(fault)
            print(f"{fault.service} {fault.name}: {_line(found)}", flush=True)
        counts, wrong = kept(self._world, self.people["chat"], self._said)
        self.wrong += [*wrong, *self._breakers_that_opened()]
        return Run(cells, healthy, back, counts, self.wrong)

    # ------------------------------------------------------------------ healthy

    def _healthy(self) -> dict[str, float]:
        """The longest healthy answer of each endpoint, once the containers are warm."""
        rounds = [self._round(self._asked()) for _ in range(_WARM_UPS + HEALTHY_ROUNDS)]
        for found in rounds:
            self.wrong += [
                f"before any fault {endpoint} answered {answer}"
                for endpoint, answer in found.items()
                if not answer.is_fine
            ]
        return {
            endpoint: max(found[endpoint].seconds for found in rounds[_WARM_UPS:])
            for endpoint in ENDPOINTS
        }

    def _who_asks_whom(self) -> list[str]:
        """Holds what is said of who asks which service against the twins' own records."""
        until(lambda: not self._world.owed(), "everything is delivered")
        wrong = []
        for endpoint in ENDPOINTS:
            self._world.forget_calls()
            measure(endpoint, self.people[endpoint], self._asked())
            asked = {name for name in TWINS if self._world.calls(name)}
            said = {name for name in TWINS if endpoint in ASKS[name]}
            if asked != said:
                wrong.append(f"{endpoint} asks {sorted(asked)} and is said to ask {sorted(said)}")
            until(lambda: not self._world.owed(), "everything is delivered")
        return wrong

    def _until_healthy(self, fault: Fault) -> float:
        """Seconds until all endpoints answer as before; breakers have seen a success by then."""
        started, name = time.monotonic(), f"{fault.service} {fault.name}"
        until(
            lambda: self._is_as_before(f"after {name}"),
            f"everything is as before {name}",
            within_seconds=_BACK_SECONDS,
        )
        return time.monotonic() - started

    def _is_as_before(self, when: str) -> bool:
        asked = self._asked()
        found = self._round(asked)
        if found["chat"].status != httpx.codes.OK:
            self._said.append(Said(when, asked, found["chat"]))
        return all(answer.is_fine for answer in found.values())

    def _breakers_that_opened(self) -> list[str]:
        """The cells are about closed breakers: nobody may have been refused by an open one."""
        folder = self._world.stack.log_dir
        names = [f"{name}Function" for name in ("Chat", "History", "Memory")]
        return [
            f"a breaker of {name} was open during the matrix"
            for name in names
            if "breaker_open" in (folder / f"{name}.log").read_text(errors="replace")
        ]

    # ------------------------------------------------------------------ a round

    def _asked(self) -> Asked:
        self._rounds += 1
        word = _WORDS[self._rounds % len(_WORDS)]
        name = f"{self._rounds}-{secrets.token_hex(3)}"
        return Asked(f"round-{name}", f"I tried {word} on day {name}.")

    def _round(self, asked: Asked) -> Cells:
        """All endpoints at the same time."""
        return {endpoint: call.result() for endpoint, call in self._started(ENDPOINTS, asked)}

    def _started(
        self, endpoints: Sequence[str], asked: Asked
    ) -> Iterator[tuple[str, Future[Answer]]]:
        calls = [
            (endpoint, self._crowd.submit(measure, endpoint, self.people[endpoint], asked))
            for endpoint in endpoints
        ]
        yield from calls

    def _struck(self, fault: Fault) -> Cells:
        """One row: all endpoints while the service is broken."""
        asked = self._asked()
        with fault.broken(self._world):
            found = dict[str, Answer]()
            calls = list(self._started(ENDPOINTS if fault.meanwhile is None else ["chat"], asked))
            if fault.meanwhile is not None:
                fault.meanwhile(self._world)
                calls += self._started([name for name in ENDPOINTS if name != "chat"], asked)
            found = {endpoint: call.result() for endpoint, call in calls}
            name = f"{fault.service} {fault.name}"
            said = Said(name, asked, found["chat"])
            self._said.append(said)
            if said.answer.is_filled and fault.service != "postgresql":
                shown = shown_in_history(self.people["chat"], asked)
                if shown != ["user", "assistant"]:
                    self.wrong.append(f"{name}: history showed {shown} of the turn at once")
        return found


def wrong_in(fault: Fault, found: Cells, healthy: Mapping[str, float]) -> list[str]:
    """What is not as the table of `expected.py` has it, in sentences."""
    row = EXPECTED[fault.service][fault.name]
    return [
        f"{fault.service} {fault.name}, {endpoint}: {sentence}"
        for endpoint, expected in row.items()
        for sentence in _differences(found[endpoint], expected, healthy[endpoint])
    ]


def _differences(answer: Answer, expected: Expected, healthy_seconds: float) -> Iterator[str]:
    told = (answer.status, answer.code, answer.degraded)
    wanted = (expected.status, expected.code, expected.degraded)
    if told != wanted:
        yield f"answered {told}, expected {wanted}"
    if expected.status in _COME_AGAIN and not answer.retry_after:
        yield "has no Retry-After"
    limit = healthy_seconds + expected.added_seconds
    if answer.seconds > limit:
        yield f"took {answer.seconds:.2f} s, at most {limit:.2f} s are expected"
    if expected.is_filled and not expected.code and not answer.is_filled:
        yield "has nothing in it, though one store still answers"


def _line(found: Cells) -> str:
    return " | ".join(
        f"{answer.status} {answer.code}{','.join(answer.degraded)} {answer.seconds:.2f}"
        for answer in found.values()
    )
