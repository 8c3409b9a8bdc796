"""Texts that a test has said to mean the same, which then lie near each other as vectors."""

from __future__ import annotations

from typing import Any, Final

from local.twins.gemini import vectors, wire
from local.twins.server import Answer, Json, Refusal

_MOST: Final = 20_000


class Meanings:
    """The groups of texts with one meaning each."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        """For each text of a group, the group's first."""

    def clear(self) -> None:
        """Every text means what its words say."""
        self._first.clear()

    def set(self, body: Json) -> Answer:
        """`{groups: [[text, …], …]}`, in the place of those before."""
        if set(body) != {"groups"}:
            raise _refuse("the body must be an object with groups alone")
        groups = _lists(body["groups"])
        first: dict[str, str] = {}
        for n, group in enumerate(groups):
            for text in map(_plain, group):
                if first.setdefault(text, _plain(group[0])) != _plain(group[0]):
                    raise _refuse(f"groups[{n}] has a text of another group")
        if len(first) > _MOST:
            raise _refuse(f"groups must have at most {_MOST} texts")
        self._first = first
        return Answer({"groups": len(groups), "texts": len(first)})

    def embedded(self, text: str, size: int, *, unit: bool) -> list[float]:
        """The vector of a text: that of its group's first text, but for a trace of its own."""
        near = self._first.get(_plain(text))
        if near is None or near == _plain(text):
            return vectors.embedded(text, size, unit=unit)
        return vectors.embedded(near, size, unit=unit, trace=_plain(text))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _lists(groups: Any) -> list[list[str]]:
    if not isinstance(groups, list):
        raise _refuse("groups must be a list")
    for n, group in enumerate(groups):
        fits = isinstance(group, list) and all(isinstance(text, str) for text in group)
        if not fits or not group:
            raise _refuse(f"groups[{n}] must be a list of texts, of one at least")
    return groups


def _refuse(problem: str) -> Refusal:
    return Refusal(wire.error(400, problem))
