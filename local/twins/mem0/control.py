"""What tests and developers may set while the twin runs, below `/_twin`."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from local.twins.mem0.errors import refused
from local.twins.mem0.events import Events
from local.twins.mem0.memories import Memories
from local.twins.server import Answer, Call, Handler

_SWITCHES = ("refuse_past", "hidden_count")


class Control:
    """The handlers; `/_twin/reset` undoes what they set."""

    def __init__(self, events: Events, memories: Memories) -> None:
        self._events, self._memories = events, memories

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("GET", "/_twin/ingestion", self._shown),
            ("POST", "/_twin/ingestion", self._ingestion),
            ("POST", "/_twin/expiration", self._expiration),
        ]

    def _shown(self, _: Call) -> Answer:
        """The pace, and how many ingestions were made to fail by it."""
        shown = asdict(self._events.pace)
        milliseconds = shown.pop("seconds") * 1000
        return Answer({"milliseconds": milliseconds, **shown, "failed": self._events.failed})

    def _ingestion(self, call: Call) -> Answer:
        """`{milliseconds?, failures?, seed?}`: what is left out stays as it is."""
        _only(call, "milliseconds", "failures", "seed")
        changes: dict[str, Any] = {}
        if "milliseconds" in call.body:
            changes["seconds"] = _number(call, "milliseconds", most=86_400_000) / 1000
        if "failures" in call.body:
            changes["failures"] = _number(call, "failures", most=1)
        if "seed" in call.body:
            changes["seed"] = int(_number(call, "seed", most=2**53))
        self._events.go(replace(self._events.pace, **changes))
        return self._shown(call)

    def _expiration(self, call: Call) -> Answer:
        """`{refuse_past?, hidden_count?}`: what is left out stays as it is."""
        _only(call, *_SWITCHES)
        if not call.body:
            raise refused(f"one of {', '.join(_SWITCHES)} is needed")
        for name, value in call.body.items():
            if not isinstance(value, bool):
                raise refused(f"{name} must be true or false")
        for name, value in call.body.items():
            setattr(self._memories, name, value)
        return Answer({name: getattr(self._memories, name) for name in _SWITCHES})


def _only(call: Call, *known: str) -> None:
    for name in call.body:
        if name not in known:
            raise refused(f"{name[:50]} is not known here; there is {', '.join(known)}")


def _number(call: Call, name: str, *, most: float) -> float:
    value = call.body[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise refused(f"{name} must be 0 to {most}")
    return float(value)
