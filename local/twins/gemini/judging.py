"""Judging pairs of statements, when a request asks for that: by rule, or as a test has said.

What asks for it is the schema of the answer, a list of objects with a number and one of four words,
and what is judged are the lines of the person's turn that are JSON objects with a number and two
objects that have a `text`, and a `said_at` where a time is known. What the texts say is never
looked at as anything but a statement.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from local.twins.gemini import judging_rules, wire
from local.twins.gemini.judging_rules import Statement
from local.twins.gemini.request import Asked
from local.twins.gemini.schemas import Unservable, resolve
from local.twins.server import Answer, Json, Refusal

RELATIONS: Final = ("same", "update", "contradiction", "distinct")
MODES: Final = ("rules", "labels", "same", "off")
_MOST: Final = 20_000
_BUSY: Final = "The model is overloaded. Please try again later."


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements, and the number by which the caller knows them."""

    number: int
    a: Statement
    b: Statement


@dataclass(frozen=True, slots=True)
class _Form:
    """The names that the answer's schema has for its parts."""

    listed: str
    number: str
    relation: str


class Judge:
    """How pairs are judged, and how many were."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """By rule again; nothing was judged."""
        self._mode, self._otherwise = "rules", "distinct"
        self._labels: dict[frozenset[str], str] = {}
        self._calls, self._judged = 0, Counter[str]()

    def shown(self) -> Answer:
        """The mode, and what was judged since the last reset: calls, and pairs by relation."""
        judged = {relation: self._judged[relation] for relation in RELATIONS}
        told = {"mode": self._mode, "pairs": len(self._labels), "otherwise": self._otherwise}
        return Answer({**told, "calls": self._calls, "judged": judged})

    def set(self, body: Json) -> Answer:
        """`{mode?, pairs?, otherwise?}`: what is left out is as at the start."""
        for name in body:
            if name not in {"mode", "pairs", "otherwise"}:
                raise _refuse(f"{name[:50]} is not known here; there is mode, pairs, otherwise")
        mode, otherwise = body.get("mode", "rules"), body.get("otherwise", "distinct")
        if mode not in MODES:
            raise _refuse(f"mode must be one of {', '.join(MODES)}")
        if otherwise not in RELATIONS:
            raise _refuse(f"otherwise must be one of {', '.join(RELATIONS)}")
        self._labels = _labels(body.get("pairs", []))
        self._mode, self._otherwise = mode, otherwise
        return self.shown()

    def decided(self, asked: Asked) -> Json | None:
        """The answer to a request that asks for judging; None when it doesn't.

        Raises:
            Refusal: 503, when the judge is off.
        """
        form = _form(asked.schema) if asked.schema is not None else None
        pairs = _pairs(asked.body) if form else []
        if not form or not pairs:
            return None
        if self._mode == "off":
            raise Refusal(wire.error(503, _BUSY))
        self._calls += 1
        relations = [self._relation(pair) for pair in pairs]
        self._judged.update(relations)
        decisions = [
            {form.number: pair.number, form.relation: relation}
            for pair, relation in zip(pairs, relations, strict=True)
        ]
        return {form.listed: decisions}

    def _relation(self, pair: Pair) -> str:
        if self._mode == "labels":
            return self._labels.get(_key(pair.a.text, pair.b.text), self._otherwise)
        return "same" if self._mode == "same" else judging_rules.relation(pair.a, pair.b)


def _labels(given: Any) -> dict[frozenset[str], str]:
    if not isinstance(given, list) or len(given) > _MOST:
        raise _refuse(f"pairs must be a list of at most {_MOST}")
    labels: dict[frozenset[str], str] = {}
    for n, one in enumerate(given):
        fits = isinstance(one, dict) and set(one) == {"a", "b", "relation"}
        if not fits or not (isinstance(one["a"], str) and isinstance(one["b"], str)):
            raise _refuse(f"pairs[{n}] must have two texts, a and b, and a relation")
        if one["relation"] not in RELATIONS:
            raise _refuse(f"pairs[{n}].relation must be one of {', '.join(RELATIONS)}")
        if labels.setdefault(_key(one["a"], one["b"]), one["relation"]) != one["relation"]:
            raise _refuse(f"pairs[{n}] has another relation than the same pair before it")
    return labels


def _key(a: str, b: str) -> frozenset[str]:
    return frozenset((a.strip(), b.strip()))


def _refuse(problem: str) -> Refusal:
    return Refusal(wire.error(400, problem))


def _form(schema: Json) -> _Form | None:
    """The names in a schema that asks for one of the four words for each of a list of numbers."""
    for name, inner in _properties(schema, schema).items():
        items = inner.get("items")
        if inner.get("type") != "array" or not isinstance(items, dict):
            continue
        found = _properties(items, schema)
        numbers = [key for key, one in found.items() if one.get("type") == "integer"]
        words = [key for key, one in found.items() if set(one.get("enum", ())) == set(RELATIONS)]
        if len(numbers) == len(words) == 1 and len(found) == len(numbers + words):
            return _Form(name, numbers[0], words[0])
    return None


def _properties(schema: Json, root: Json) -> dict[str, Json]:
    try:
        found = resolve(schema, root).get("properties") or {}
        return {name: resolve(one, root) for name, one in found.items()}
    except Unservable:
        return {}


def _pairs(body: Json) -> list[Pair]:
    texts = [
        part["text"]
        for content in body["contents"]
        if content.get("role") != "model"
        for part in content["parts"]
        if "text" in part
    ]
    lines = (_pair(line) for text in texts for line in text.split("\n"))
    return [pair for pair in lines if pair]


def _pair(line: str) -> Pair | None:
    try:
        told = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    values = list(told.values()) if isinstance(told, dict) else []
    numbers = [value for value in values if type(value) is int]
    sides = [value for value in values if isinstance(value, dict)]
    if len(numbers) != 1 or len(sides) != 2 or not all(_is_text(one) for one in sides):  # noqa: PLR2004
        return None
    a, b = (Statement(one["text"], _moment(one.get("said_at"))) for one in sides)
    return Pair(numbers[0], a, b)


def _is_text(side: Json) -> bool:
    return isinstance(side.get("text"), str)


def _moment(stamp: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None
