"""How each service is broken, and mended again.

Zep, Mem0 and Gemini fail by their twins' own rules (docs/twins.md); where nobody answers at all,
PostgreSQL's network and SQS fail by the wire before them; what PostgreSQL does itself, it does.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from faults.database import full_house, terminate_all
from faults.world import World
from local.faulty_wire import Mode

SLOW_SECONDS: Final = 3.0
HELD_SECONDS: Final = 4.0
"""How long the model is held where something happens to the database during a turn."""
_HEARD_SECONDS: Final = 10.0

Broken = AbstractContextManager[None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which one service fails.

    Attributes:
        meaning: what is done, for a reader of the document.
        broken: the service is broken so inside of it.
        meanwhile: done while a turn of chat is with the model; the other calls come after it.
    """

    service: str
    name: str
    meaning: str
    broken: Callable[[World], Broken]
    meanwhile: Callable[[World], None] | None = None


@contextmanager
def _by_rule(world: World, *, twin: str, rule: Mapping[str, Any]) -> Iterator[None]:
    world.twin(twin, "POST", "faults", rule)
    try:
        yield
    finally:
        world.twin(twin, "DELETE", "faults")


@contextmanager
def _by_wire(world: World, *, service: str, mode: Mode) -> Iterator[None]:
    wire = world.wires[service]
    wire.delay_seconds = SLOW_SECONDS
    wire.mode = mode
    try:
        yield
    finally:
        wire.mode = "pass"


@contextmanager
def _model_held(world: World) -> Iterator[None]:
    """The model takes its time, so that a turn is under way; idle connections are cut first."""
    terminate_all(world)
    world.twin("gemini", "POST", "latency", {"milliseconds": HELD_SECONDS * 1_000})
    world.twin("gemini", "DELETE", "requests")
    try:
        yield
    finally:
        world.twin("gemini", "POST", "latency", {"milliseconds": 0})


def until_model_is_asked(world: World) -> None:
    """Returns once the model has been asked something since its records were forgotten."""
    ends_at = time.monotonic() + _HEARD_SECONDS
    while not world.calls("gemini"):
        if time.monotonic() > ends_at:
            raise TimeoutError("the model was never asked")
        time.sleep(0.02)


def _terminate(world: World) -> None:
    until_model_is_asked(world)
    terminate_all(world)


def _restart(world: World) -> None:
    until_model_is_asked(world)
    world.stack.restart("postgres")


_RULES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "401": ("refuses the key (401)", {"kind": "status", "status": 401}),
    "429": (
        "refuses for now (429, Retry-After 2 s)",
        {"kind": "status", "status": 429, "retry_after": 2},
    ),
    "500": ("fails (500)", {"kind": "status", "status": 500}),
    "hang": ("takes the request and never answers", {"kind": "hang"}),
    "reset": ("resets the connection once it has the request", {"kind": "reset"}),
    "junk": ("answers 200 with JSON that is none", {"kind": "junk"}),
    "slow": ("answers 3 s late", {"kind": "latency", "milliseconds": SLOW_SECONDS * 1_000}),
}
_NOBODY: Final = "nobody listens at its address"
_SWALLOWED: Final = "connections are taken, and nothing ever comes back"


def _of_twin(name: str) -> list[Fault]:
    down = Fault(name, "down", _NOBODY, partial(_by_wire, service=name, mode="refuse"))
    return [down] + [
        Fault(name, kind, meaning, partial(_by_rule, twin=name, rule=rule))
        for kind, (meaning, rule) in _RULES.items()
    ]


@contextmanager
def _at_both(world: World, *, name: str) -> Iterator[None]:
    with ExitStack() as broken:
        for fault in (*_of_twin("zep"), *_of_twin("mem0")):
            if fault.name == name:
                broken.enter_context(fault.broken(world))
        yield


def _of_both(*names: str) -> list[Fault]:
    return [
        Fault("both", fault.name, fault.meaning, partial(_at_both, name=fault.name))
        for fault in _of_twin("zep")
        if fault.name in names
    ]


def _on_wire(service: str, name: str, meaning: str, mode: Mode) -> Fault:
    return Fault(service, name, meaning, partial(_by_wire, service=service, mode=mode))


def _of_database() -> list[Fault]:
    return [
        _on_wire("postgresql", "refused", _NOBODY, "refuse"),
        Fault(
            "postgresql",
            "53300",
            "all of `max_connections` are taken by others, and ours were ended",
            full_house,
        ),
        Fault(
            "postgresql",
            "terminated",
            "all backends are ended (`pg_terminate_backend`): the idle ones before, those in use"
            " while a turn is with the model, which takes 4 s",
            _model_held,
            _terminate,
        ),
        _on_wire("postgresql", "hang", _SWALLOWED, "hang"),
        _on_wire("postgresql", "reset", "open and new connections are reset", "reset"),
        Fault(
            "postgresql",
            "restart",
            "it is stopped and started while a turn is with the model, which takes 4 s",
            _model_held,
            _restart,
        ),
        _on_wire("postgresql", "slow", "each of its answers comes 3 s late", "slow"),
    ]


def _of_queue() -> list[Fault]:
    return [
        _on_wire("sqs", "down", _NOBODY, "refuse"),
        _on_wire("sqs", "hang", _SWALLOWED, "hang"),
    ]


FAULTS: Final = [
    *_of_twin("zep"),
    *_of_twin("mem0"),
    *_of_both("down", "500", "hang", "slow"),
    *_of_twin("gemini"),
    *_of_database(),
    *_of_queue(),
]
"""All of them, in the order in which they strike."""
