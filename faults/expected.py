"""What has to come of every fault at every endpoint: the one table of it.

Times are what a fault may add to an endpoint's healthy answer in the same run, so that a slow
machine is slow for both. They follow from the limits of design §3: 2.5 s for what is recalled,
20 s for the model, 1 s to connect to the database and 2 s for its statement, 1 s for a wake-up;
with a little for what is done besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from faults.endpoints import ENDPOINTS


@dataclass(frozen=True, slots=True)
class Expected:
    """One cell.

    Attributes:
        code: of the problem document; empty when there is none.
        degraded: what the answer says is missing.
        added_seconds: the most that the fault may add to a healthy answer's time.
        is_asked: whether this endpoint ever asks the service that is broken.
        is_filled: whether an answer without an error has something in it.
    """

    status: int
    code: str = ""
    degraded: tuple[str, ...] = ()
    added_seconds: float = 0.8
    is_asked: bool = True
    is_filled: bool = True


Row = Mapping[str, Expected]

_AT_ONCE: Final = 0.8
"""Nothing is waited for: only what two processors are busy with."""
_RETRIES: Final = 1.5
"""Two repeats, about 0.2 and 0.4 s later."""
_RETRIEVAL: Final = 2.8
_RATE_LIMITED: Final = 3.5
"""It asks for 2 s, which fit once into a turn."""
_MODEL: Final = 20.5
_CONNECT: Final = 1.5
"""A connection is tried again for a second: a restart takes no longer."""
_STATEMENT: Final = 3.5
_WAKE_UP: Final = 1.5
_SLOW_MODEL: Final = 4.0
_HELD_MODEL: Final = 5.0
"""The model is held for 4 s, so that something can happen to the database meanwhile."""

ASKS: Final[Mapping[str, frozenset[str]]] = {
    "zep": frozenset({"chat", "history", "memory view", "search"}),
    "mem0": frozenset({"chat", "memory view", "search"}),
    "both": frozenset({"chat", "history", "memory view", "search"}),
    "gemini": frozenset({"chat"}),
    "postgresql": frozenset(ENDPOINTS),
    "sqs": frozenset({"chat"}),
}
"""Which endpoints ask which service; the matrix counts the calls at the twins."""

REASONS: Final[Mapping[str, str]] = {
    "zep": "Session start and login ask PostgreSQL alone: Zep's user and thread are made by the"
    " delivery job, with the first words.",
    "mem0": "History is what was said, which Mem0 does not keep; session start and login ask"
    " PostgreSQL alone.",
    "both": "The memory view and a search have nothing to show then but what was said lately, and"
    " name both; history comes from the ledger. Session start and login ask neither.",
    "gemini": "Only a turn of chat asks the model. What is shown or searched needs none.",
    "postgresql": "",
    "sqs": "Only what leaves words to be delivered wakes the delivery job: a turn of chat. What"
    " is only read, and an empty session, owe the stores nothing.",
}


def _is_fine(endpoint: str) -> Expected:
    return Expected(201 if endpoint == "session start" else 200, is_asked=False)


def _row(service: str, struck: Expected) -> Row:
    """The same for every endpoint that asks the service; the others don't notice."""
    return {
        endpoint: struck if endpoint in ASKS[service] else _is_fine(endpoint)
        for endpoint in ENDPOINTS
    }


def _without(store: str, added_seconds: float) -> Row:
    return _row(store, Expected(200, degraded=(store,), added_seconds=added_seconds))


def _without_model(status: int, code: str, added_seconds: float = _AT_ONCE) -> Row:
    return _row("gemini", Expected(status, code, added_seconds=added_seconds))


def _without_database(added_seconds: float) -> Row:
    struck = Expected(503, "database_unavailable", added_seconds=added_seconds)
    return _row("postgresql", struck)


def _unnoticed(held_model: float) -> Row:
    """Everybody is answered; the turn that is under way while it happens, too."""
    return {
        endpoint: Expected(
            _is_fine(endpoint).status,
            added_seconds=held_model if endpoint == "chat" else _AT_ONCE,
        )
        for endpoint in ENDPOINTS
    }


def _store(store: str) -> Mapping[str, Row]:
    return {
        "down": _without(store, _RETRIES),
        "401": _without(store, _AT_ONCE),
        "429": _without(store, _RETRIEVAL),
        "500": _without(store, _AT_ONCE),
        "hang": _without(store, _RETRIEVAL),
        "reset": _without(store, _RETRIES),
        "junk": _without(store, _AT_ONCE),
        "slow": _without(store, _RETRIEVAL),
    }


def _without_both(added_seconds: float) -> Row:
    both = ("mem0", "zep")
    nothing = Expected(200, "", both, added_seconds, is_filled=False)
    struck = {
        "chat": Expected(200, "", both, added_seconds),
        "history": Expected(200, "", ("zep",), added_seconds),
        "memory view": nothing,
        "search": nothing,
    }
    return {endpoint: struck.get(endpoint) or _is_fine(endpoint) for endpoint in ENDPOINTS}


EXPECTED: Final[Mapping[str, Mapping[str, Row]]] = {
    "zep": _store("zep"),
    "mem0": _store("mem0"),
    "both": {
        "down": _without_both(_RETRIES),
        "500": _without_both(_AT_ONCE),
        "hang": _without_both(_RETRIEVAL),
        "slow": _without_both(_RETRIEVAL),
    },
    "gemini": {
        "down": _without_model(503, "upstream_unavailable"),
        "401": _without_model(503, "upstream_unavailable"),
        "429": _without_model(503, "upstream_rate_limited", _RATE_LIMITED),
        "500": _without_model(503, "upstream_unavailable"),
        "hang": _without_model(504, "upstream_timeout", _MODEL),
        "reset": _without_model(503, "upstream_unavailable"),
        "junk": _without_model(503, "upstream_unavailable"),
        "slow": _row("gemini", Expected(200, added_seconds=_SLOW_MODEL)),
    },
    "postgresql": {
        "refused": _without_database(_CONNECT),
        "53300": _without_database(_CONNECT),
        "terminated": _unnoticed(_HELD_MODEL),
        "hang": _without_database(_STATEMENT),
        "reset": _without_database(_CONNECT),
        "restart": _unnoticed(_HELD_MODEL),
        "slow": _without_database(_STATEMENT),
    },
    "sqs": {
        "down": _row("sqs", Expected(200)),
        "hang": _row("sqs", Expected(200, added_seconds=_WAKE_UP)),
    },
}
"""By service, fault and endpoint."""
