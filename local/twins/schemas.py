"""Whether a JSON value is what a JSON Schema, or an OpenAPI 3.0 schema, asks for.

Knows the words that twins meet; a schema that uses another one is refused instead of being
understood by half.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from local.twins.verbs import word_set

Schema = Mapping[str, Any]
_NOTES = word_set(
    """$schema $id $comment $defs definitions components title description default example examples
    deprecated readonly writeonly propertyordering nullable contentmediatype"""
)
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    ),
}


class BadSchema(ValueError):
    """What was given is no schema, or uses a word that isn't known here."""


def problems(schema: Any, value: Any, *, root: Schema | None = None) -> list[str]:
    """Where and why `value` isn't what `schema` asks for; [] when it is.

    `root` is where references start from: the schema itself unless given.

    Raises:
        BadSchema: see there.
    """
    return list(_Check(schema if root is None else root).walk(schema, value, "$"))


def resolved(schema: Any, root: Any) -> Schema:
    """The schema, or what its `$ref` points to, with the words beside it.

    Raises:
        BadSchema: the reference leads nowhere or in a circle.
    """
    seen: set[str] = set()
    while isinstance(schema, dict) and "$ref" in schema:
        pointer, beside = schema["$ref"], {k: v for k, v in schema.items() if k != "$ref"}
        if not isinstance(pointer, str) or pointer in seen:
            raise BadSchema(f"bad reference: {pointer}")
        seen.add(pointer)
        target = _pointed(root, pointer)
        schema = {**target, **beside} if isinstance(target, dict) else target
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise BadSchema("a schema is an object")
    return schema


def _pointed(root: Any, pointer: str) -> Any:
    head, _, path = pointer.partition("#")
    found = root
    for part in path.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if head or not isinstance(found, dict) or name not in found:
            raise BadSchema(f"a reference that leads nowhere: {pointer}")
        found = found[name]
    return found


class _Check:
    def __init__(self, root: Any) -> None:
        self.root = root

    def walk(self, schema: Any, value: Any, at: str) -> Iterator[str]:
        if schema is False:
            yield f"{at} may not be here"
            return
        words = resolved(schema, self.root)
        if value is None and words.get("nullable") is True:
            return
        for word, wanted in words.items():
            if word.lower() in _NOTES or word.startswith("x-"):
                continue
            check = getattr(self, f"_{word}", None) if word.isalpha() else None
            if check is None:
                raise BadSchema(f"not known here: {word}")
            yield from check(wanted, value, at, words)

    def _type(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        names = [str(name).lower() for name in (wanted if isinstance(wanted, list) else [wanted])]
        if unknown := set(names) - set(_TYPES):
            raise BadSchema(f"not known here: type {', '.join(sorted(unknown))}")
        if not any(_TYPES[name](value) for name in names):
            yield f"{at} is no {' or '.join(names)}"

    def _enum(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if not any(_same(value, one) for one in wanted):
            yield f"{at} is none of {wanted}"

    def _const(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if not _same(value, wanted):
            yield f"{at} is not {wanted!r}"

    def _properties(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        for name in wanted if isinstance(value, dict) else ():
            if name in value:
                yield from self.walk(wanted[name], value[name], f"{at}.{name}")

    def _required(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        for name in wanted if isinstance(value, dict) else ():
            if name not in value:
                yield f"{at}.{name} is missing"

    def _additionalProperties(
        self, wanted: Any, value: Any, at: str, words: Schema
    ) -> Iterator[str]:
        for name in value if isinstance(value, dict) else ():
            if name not in words.get("properties", {}):
                yield from self.walk(wanted, value[name], f"{at}.{name}")

    def _items(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from self.walk(wanted, item, f"{at}[{number}]")

    def _uniqueItems(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if wanted and isinstance(value, list):
            for number, item in enumerate(value):
                if any(_same(item, before) for before in value[:number]):
                    yield f"{at}[{number}] is there twice"

    def _allOf(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        for schema in wanted:
            yield from self.walk(schema, value, at)

    def _anyOf(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        found = [list(self.walk(schema, value, at)) for schema in wanted]
        if all(found):
            yield f"{at} fits none: {'; '.join(one for some in found for one in some)}"

    def _oneOf(self, wanted: Any, value: Any, at: str, words: Schema) -> Iterator[str]:
        yield from self._anyOf(wanted, value, at, words)
        if sum(not list(self.walk(schema, value, at)) for schema in wanted) > 1:
            yield f"{at} fits more than one"

    def _minimum(self, wanted: Any, value: Any, at: str, words: Schema) -> Iterator[str]:
        least = words.get("exclusiveMinimum") is True  # as OpenAPI 3.0 has it
        if _TYPES["number"](value) and (value < wanted or (least and value == wanted)):
            yield f"{at} is less than {wanted}"

    def _maximum(self, wanted: Any, value: Any, at: str, words: Schema) -> Iterator[str]:
        most = words.get("exclusiveMaximum") is True
        if _TYPES["number"](value) and (value > wanted or (most and value == wanted)):
            yield f"{at} is more than {wanted}"

    def _exclusiveMinimum(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if not isinstance(wanted, bool) and _TYPES["number"](value) and value <= wanted:
            yield f"{at} is not more than {wanted}"

    def _exclusiveMaximum(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if not isinstance(wanted, bool) and _TYPES["number"](value) and value >= wanted:
            yield f"{at} is not less than {wanted}"

    def _multipleOf(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if _TYPES["number"](value) and not math.isclose(value / wanted, round(value / wanted)):
            yield f"{at} is no multiple of {wanted}"

    def _minLength(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, str) and len(value) < int(wanted):
            yield f"{at} is shorter than {wanted}"

    def _maxLength(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, str) and len(value) > int(wanted):
            yield f"{at} is longer than {wanted}"

    def _minItems(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, list) and len(value) < int(wanted):
            yield f"{at} has fewer than {wanted}"

    def _maxItems(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, list) and len(value) > int(wanted):
            yield f"{at} has more than {wanted}"

    def _minProperties(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, dict) and len(value) < int(wanted):
            yield f"{at} has fewer than {wanted}"

    def _maxProperties(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, dict) and len(value) > int(wanted):
            yield f"{at} has more than {wanted}"

    def _pattern(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        try:
            fits = not isinstance(value, str) or re.search(wanted, value)
        except (re.error, TypeError):
            raise BadSchema(f"a pattern that can't be read: {wanted}") from None
        if not fits:
            yield f"{at} does not fit {wanted}"

    def _format(self, wanted: Any, value: Any, at: str, _: Schema) -> Iterator[str]:
        if isinstance(value, str) and wanted in _FORMATS and not _FORMATS[wanted](value):
            yield f"{at} is no {wanted}"


def _same(one: Any, other: Any) -> bool:
    """Equal, where true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _parses(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            return bool(parse(value))
        except ValueError:
            return False

    return check


def _moment(value: str) -> bool:
    return datetime.fromisoformat(value).tzinfo is not None and "T" in value.upper()


def _date(value: str) -> bool:
    return bool(date.fromisoformat(value)) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date": _parses(_date),
    "date-time": _parses(_moment),
    "uuid": _parses(uuid.UUID),
    "uri": _parses(lambda value: urlsplit(value).scheme),
    "email": lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None,
}
