"""A document in the shape of a JSON Schema, filled from memories by the words they share with it.

A property is filled from the memory that fits its name and description best. What no memory tells
is null where that is allowed, left out where it isn't required, and otherwise the plainest value
the schema takes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from local.twins import schemas, text
from local.twins.schemas import BadSchema, Schema

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_DEEPEST = 12
_ABSENT = object()
_PLAIN_TEXT = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "unknown@example.com",
    "uri": "https://example.com/",
}


class Piece(NamedTuple):
    """A memory to fill from."""

    text: str
    value: str
    """What is stated: "Delhi" of "Lives in Delhi", else the whole text."""
    created_at: str


def shaped(schema: Any, pieces: Sequence[Piece]) -> Any:
    """The document.

    Raises:
        BadSchema: it isn't understood, or nothing that can be made here fits it.
    """
    document = _Shaper(schema).fill(schema, list(pieces), hint="", depth=0)
    made = {} if document is _ABSENT else document
    wrong = schemas.problems(schema, made)
    if wrong:
        raise BadSchema(wrong[0])
    return made


def check(schema: Any) -> None:
    """Passes for a schema that is understood, whether or not it can be filled.

    Raises:
        BadSchema: it isn't.
    """
    document = _Shaper(schema).fill(schema, [], hint="", depth=0)
    schemas.problems(schema, {} if document is _ABSENT else document)


class _Shaper:
    def __init__(self, root: Any) -> None:
        self._root = root

    def fill(self, schema: Any, pieces: list[Piece], *, hint: str, depth: int) -> Any:
        """A value, or `_ABSENT` when no memory tells it."""
        words = self._flat(schema)
        if depth > _DEEPEST:
            raise BadSchema("nested too deeply")
        hint = f"{hint} {words.get('description', '')}".strip()
        for word in ("anyOf", "oneOf"):
            if word in words:
                return self._first_told(words[word], pieces, hint, depth)
        if "const" in words:
            return words["const"]
        if "enum" in words:
            return _picked(words["enum"], _fitting(hint, pieces) or pieces)
        kind = _kind(words)
        if kind == "object":
            return self._object(words, pieces, hint, depth)
        if kind == "array":
            return self._array(words, pieces, hint, depth)
        fitting = _fitting(hint, pieces)
        fill = {"string": _string, "integer": _number, "number": _number, "boolean": _boolean}
        return fill[kind](words, fitting) if kind in fill else _ABSENT

    def plain(self, schema: Any, depth: int = 0) -> Any:
        """The value that says nothing: null, or the least that the schema takes."""
        words = self._flat(schema)
        if depth > _DEEPEST:
            raise BadSchema("nested too deeply")
        if words.get("nullable") or "null" in _kinds(words):
            return None
        if "default" in words:
            return words["default"]
        options = words.get("anyOf") or words.get("oneOf")
        if options:
            plain = [self.plain(option, depth + 1) for option in options]
            return None if None in plain else plain[0]
        if "const" in words or "enum" in words:
            return words.get("const", next(iter(words.get("enum", [])), None))
        return self._least(words, depth)

    def _least(self, words: Schema, depth: int) -> Any:
        kind = _kind(words)
        if kind == "object":
            named = words.get("properties", {})
            required = words.get("required", [])
            return {name: self.plain(named.get(name, {}), depth + 1) for name in required}
        if kind == "array":
            item = words.get("items", {})
            return [self.plain(item, depth + 1) for _ in range(int(words.get("minItems", 0)))]
        if kind == "string":
            return _PLAIN_TEXT.get(str(words.get("format")), "-" * int(words.get("minLength", 0)))
        return {"boolean": False, "null": None}.get(kind, _within(words, 0))

    def _object(self, words: Schema, pieces: list[Piece], hint: str, depth: int) -> Any:
        made, told = {}, False
        for name, schema in words.get("properties", {}).items():
            spoken = " ".join(_WORDS.findall(name))
            value = self.fill(schema, pieces, hint=spoken, depth=depth + 1)
            if value is not _ABSENT:
                made[name], told = value, True
            elif name in words.get("required", ()) or self.plain(schema, depth + 1) is None:
                made[name] = self.plain(schema, depth + 1)
        for name in words.get("required", ()):
            made.setdefault(name, None)
        if not words.get("properties") and words.get("additionalProperties") is not False:
            return {"memories": [piece.text for piece in _fitting(hint, pieces)]}
        return made if told or depth == 0 else _ABSENT

    def _array(self, words: Schema, pieces: list[Piece], hint: str, depth: int) -> Any:
        fitting = _fitting(hint, pieces)
        items: list[Any] = []
        for piece in fitting:
            item = self.fill(words.get("items", {}), [piece], hint="", depth=depth + 1)
            if item is not _ABSENT and not (words.get("uniqueItems") and item in items):
                items.append(item)
        items = items[: int(words.get("maxItems", len(items)))]
        while len(items) < int(words.get("minItems", 0)):
            items.append(self.plain(words.get("items", {}), depth + 1))
        return items if items else _ABSENT

    def _first_told(self, options: list[Any], pieces: list[Piece], hint: str, depth: int) -> Any:
        for option in options:
            value = self.fill(option, pieces, hint=hint, depth=depth + 1)
            if value is not _ABSENT:
                return value
        return _ABSENT

    def _flat(self, schema: Any) -> Schema:
        words = dict(schemas.resolved(schema, self._root))
        for part in words.pop("allOf", []):
            inner = self._flat(part)
            named = {**inner.get("properties", {}), **words.get("properties", {})}
            required = [*inner.get("required", []), *words.get("required", [])]
            words = {**inner, **words}
            words |= {"properties": named} if named else {}
            words |= {"required": required} if required else {}
        return words


def _kinds(words: Schema) -> list[str]:
    kinds = words.get("type", [])
    return [str(kind).lower() for kind in (kinds if isinstance(kinds, list) else [kinds])]


def _kind(words: Schema) -> str:
    told = [kind for kind in _kinds(words) if kind != "null"]
    if told:
        return told[0]
    if "properties" in words:
        return "object"
    if "items" in words:
        return "array"
    return "null" if "null" in _kinds(words) else "string"


def _fitting(hint: str, pieces: list[Piece]) -> list[Piece]:
    """The memories that fit a hint, best first; all of them when it names nothing."""
    if not text.understand(hint).stems:
        return pieces
    scored = [(text.score(hint, piece.text), piece) for piece in pieces]
    return [piece for score, piece in sorted(scored, key=lambda one: -one[0]) if score > 0]


def _string(words: Schema, pieces: list[Piece]) -> Any:
    for piece in pieces:
        for words_said in (piece.value, piece.text):
            value = _as_text(words, words_said, piece)
            if value is not None and not schemas.problems({**words, "type": "string"}, value):
                return value
    return _ABSENT


def _as_text(words: Schema, said: str, piece: Piece) -> str | None:
    form = words.get("format")
    if form == "date":
        return piece.created_at[:10]
    if form == "date-time":
        return piece.created_at
    if form == "email":
        found = re.search(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", said)
        return found[0] if found else None
    if "pattern" in words:
        try:
            tried = (re.search(words["pattern"], part) for part in (said, *said.split()))
            found = next((one for one in tried if one), None)
        except (re.error, TypeError):
            raise BadSchema("a pattern that can't be read") from None
        return found[0] if found else None
    return said[: int(words.get("maxLength", len(said)))]


def _number(words: Schema, pieces: list[Piece]) -> Any:
    for piece in pieces:
        found = _NUMBER.search(piece.value) or _NUMBER.search(piece.text)
        if found:
            value = float(found[0])
            whole = _kind(words) == "integer" or value.is_integer()
            return _within(words, int(value) if whole else value)
    return _ABSENT


def _within(words: Schema, value: float) -> float:
    """The nearest number that the schema takes."""
    step = words.get("multipleOf") or 1
    low, high = words.get("minimum"), words.get("maximum")
    if isinstance(words.get("exclusiveMinimum"), int | float):
        low = words["exclusiveMinimum"] + step
    if isinstance(words.get("exclusiveMaximum"), int | float):
        high = words["exclusiveMaximum"] - step
    value = value if low is None else max(value, low)
    value = value if high is None else min(value, high)
    return math.ceil(value / step) * step if "multipleOf" in words else value


def _boolean(_: Schema, pieces: list[Piece]) -> Any:
    if not pieces:
        return _ABSENT
    return not re.search(r"\b(?:not|no longer|never)\b", pieces[0].text.casefold())


def _picked(options: list[Any], pieces: list[Piece]) -> Any:
    for piece in pieces:
        for option in options:
            if isinstance(option, str) and option and text.score(option, piece.text) > 0:
                return option
    return _ABSENT
