"""Builds a value that a schema allows, from a person's words where they say something."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from local.twins.gemini.checking import Checker
from local.twins.gemini.patterned import matching
from local.twins.gemini.schemas import Unservable, resolve
from local.twins.gemini.words import Words, words_of
from local.twins.server import Json

_DEEPEST: Final = 24
_MOST_STEPS: Final = 20_000
_MOST_TEXTS: Final = 5
_LONGEST: Final = 100_000
_SURE: Final = frozenset({"confidence", "score", "probability", "certainty"})
_FORMATTED: Final = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT1H",
    "email": "person@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "hostname": "example.com",
    "byte": "dHdpbg==",
}


def build(schema: Json, words: Words, *, only_told: bool = False) -> Any:
    """A valid value.

    Args:
        schema: as `schemas` gives it.
        words: what the person said.
        only_told: leaves out optional properties of which nothing was said.

    Raises:
        Unservable: none was found.
    """
    checker = Checker(schema)
    try:
        value = _Builder(schema, words, checker, only_told=only_told).value(schema, "")
    except OverflowError:
        raise Unservable("has bounds that no number can be held against.") from None
    except RecursionError:
        raise Unservable("refers to itself without an end.") from None
    if not checker.passes(value, schema):
        raise Unservable("no value satisfies the schema.")
    return value


class _Builder:
    def __init__(self, root: Json, words: Words, checker: Checker, *, only_told: bool) -> None:
        self._root, self._words, self._only_told = root, words, only_told
        self._fits = checker.passes
        self._steps = 0
        self._refs: list[str] = []
        """References that are being built, outermost first."""
        self._nth: int | None = None
        """Which element of the nearest array is being built."""

    def value(self, schema: Any, name: str) -> Any:
        self._steps += 1
        if self._steps > _MOST_STEPS or len(self._refs) > _DEEPEST:
            raise Unservable("is too large or refers to itself without an end.")
        if isinstance(schema, bool):
            schema = {}
        if "$ref" not in schema:
            return self._made(schema, name)
        self._refs.append(schema["$ref"])
        try:
            return self._made(resolve(schema, self._root), name)
        finally:
            self._refs.pop()

    def _made(self, schema: Json, name: str) -> Any:
        if "const" in schema:
            return schema["const"]
        if "allOf" in schema:
            return self._made(self._merged(schema), name)
        if "enum" in schema:
            return self._first(self._options(schema), schema)
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            base = {word: one for word, one in schema.items() if word not in {"anyOf", "oneOf"}}
            return self._any_of([{**base, **_as_dict(one)} for one in options], schema, name)
        kind = schema.get("type") or _implied(schema)
        if isinstance(kind, list):
            return self._any_of([{**schema, "type": one} for one in kind], schema, name)
        return self._typed(kind, schema, name)

    def _typed(self, kind: str, schema: Json, name: str) -> Any:
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema, name)
            case "null":
                return None
            case "boolean":
                told = self._words.flag(name)
                return bool((self._nth or 0) % 2) if told is None else told
            case "number" | "integer":
                return self._first(self._numbers(schema, name, whole=kind == "integer"), schema)
            case _:
                return self._first(self._strings(schema, name), schema)

    def _first(self, candidates: Iterator[Any], schema: Json) -> Any:
        for candidate in candidates:
            if self._fits(candidate, schema):
                return candidate
        raise Unservable("no value satisfies the schema.")

    def _merged(self, schema: Json) -> Json:
        made = {word: one for word, one in schema.items() if word != "allOf"}
        for part in schema["allOf"]:
            for word, one in resolve(_as_dict(part), self._root).items():
                held = made.get(word)
                if isinstance(held, dict) and isinstance(one, dict):
                    made[word] = {**held, **one}
                elif isinstance(held, list) and isinstance(one, list):
                    made[word] = [*held, *(o for o in one if o not in held)]
                else:
                    made[word] = one
        return made

    def _options(self, schema: Json) -> Iterator[Any]:
        options = list(schema["enum"])
        if not options:
            return
        told = self._words.chosen([one for one in options if isinstance(one, str)])
        nth = self._nth or 0
        yield from told[nth:]
        start = nth % len(options)
        yield from options[start:] + options[:start]

    def _any_of(self, options: list[Json], schema: Json, name: str) -> Any:
        ranked = sorted(options, key=lambda one: self._rank(one, name))
        problem = Unservable("no value satisfies the schema.")
        for option in ranked:
            try:
                value = self.value(option, name)
            except Unservable as raised:
                problem = raised
                continue
            if self._fits(value, schema):
                return value
        raise problem

    def _rank(self, option: Json, name: str) -> int:
        """What was said goes first, then what has parts, then null, then what is made up."""
        if option.get("$ref") in self._refs:
            return 4
        found = resolve(option, self._root)
        kind = _kind(found)
        if kind == "null":
            return 2
        if kind in {"object", "array"} or "anyOf" in found or "const" in found:
            return 1
        return 0 if self._told(found, name) else 3

    def _told(self, schema: Any, name: str) -> bool:
        schema = resolve(_as_dict(schema), self._root)
        if "enum" in schema:
            options = [one for one in schema["enum"] if isinstance(one, str)]
            return bool(self._words.chosen(options))
        kind = _kind(schema)
        if kind in {"number", "integer"}:
            return bool(self._words.numbers(name))
        if kind == "boolean":
            return self._words.flag(name) is not None
        if kind == "string":
            fitting = (self._fits(one, schema) for one in self._words.texts(name))
            return any(fitting)
        return any(self._told(one, name) for one in schema.get("anyOf", ()))

    def _object(self, schema: Json) -> Json:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        required = schema.get("required", [])
        ordered = schema.get("propertyOrdering") or schema.get("property_ordering") or []
        most = schema.get("maxProperties", math.inf)
        made: Json = {}
        for name in dict.fromkeys([*ordered, *properties, *required]):
            inner = properties.get(name, others)
            if name in required:
                made[name] = self.value(inner, name)
            elif name in properties and len(made) + len(set(required) - made.keys()) < most:
                self._optional(made, name, inner)
        number = 0
        while len(made) < schema.get("minProperties", 0) and others is not False:
            number += 1
            made.setdefault(f"key{number}", self.value(others, ""))
        return made

    def _optional(self, made: Json, name: str, schema: Any) -> None:
        if self._only_told and not self._told(schema, name):
            return
        if self._recurs(schema):
            return
        try:
            made[name] = self.value(schema, name)
        except Unservable:
            return

    def _recurs(self, schema: Any) -> bool:
        found = _as_dict(schema)
        return found.get("$ref") in self._refs or any(
            _as_dict(one).get("$ref") in self._refs for one in found.get("anyOf", ())
        )

    def _array(self, schema: Json, name: str) -> list[Any]:
        least, items = schema.get("minItems", 0), schema.get("items", {})
        made = [self.value(one, name) for one in schema.get("prefixItems", ())]
        if "contains" in schema:
            made.append(self.value(schema["contains"], name))
        wanted = max(least, min(self._wanted(items, name), schema.get("maxItems", math.inf)))
        outer, self._nth = self._nth, 0
        seen = {repr(one) for one in made} if schema.get("uniqueItems") else None
        try:
            while len(made) < wanted and items is not False:
                made.append(self._element(items, name, len(made), seen))
        except Unservable:
            if len(made) < least:
                raise
        finally:
            self._nth = outer
        return made

    def _wanted(self, items: Any, name: str) -> int:
        if items is False or self._recurs(items):
            return 0
        found = resolve(_as_dict(items), self._root)
        if "enum" in found:
            return len(self._words.chosen([o for o in found["enum"] if isinstance(o, str)]))
        kind = _kind(found)
        if kind == "string":
            return min(len(self._several(found, name)), _MOST_TEXTS)
        if kind in {"number", "integer"}:
            return min(len(self._words.numbers(name)), _MOST_TEXTS)
        return 1

    def _element(self, items: Any, name: str, nth: int, seen: set[str] | None) -> Any:
        for self._nth in range(nth, nth + 2 + nth):
            value = self.value(items, name)
            if seen is None:
                return value
            if repr(value) not in seen:
                seen.add(repr(value))
                return value
        raise Unservable("no value satisfies the schema.")

    def _several(self, schema: Json, name: str) -> list[str]:
        singular = name.removesuffix("s")
        said = self._words.texts(name) + self._words.texts(singular)
        codes = self._words.codes()
        # "orders A-17 and B-2": the word stands beside the first alone.
        more = codes if set(said) & set(codes) else []
        found = dict.fromkeys([*said, *more] or self._words.topics())
        return [one for one in found if self._fits(one, schema)]

    def _strings(self, schema: Json, name: str) -> Iterator[str]:
        least, most = schema.get("minLength", 0), schema.get("maxLength", _LONGEST)
        if least > _LONGEST:
            raise Unservable("minLength is too large.")
        if self._nth is None:
            yield from self._words.texts(name)
        else:
            yield from self._several(schema, name)[self._nth :]
        if schema.get("format") in _FORMATTED:
            yield _FORMATTED[schema["format"]]
        if "pattern" in schema:
            yield from matching(schema["pattern"])
        plain = self._words.message or name or "text"
        plain = f"{plain} {self._nth + 1}" if self._nth else plain
        yield plain
        yield (plain + " " + "." * least)[: max(least, len(plain))][:most]
        yield plain[-most:] if most else ""

    def _numbers(self, schema: Json, name: str, *, whole: bool) -> Iterator[float]:
        said, nth = self._words.numbers(name), self._nth or 0
        yield from (int(one) if one.is_integer() else one for one in said[nth:])
        if _SURE & set(words_of(name)):
            yield 0.9
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        step = schema.get("multipleOf", 1 if whole else 0)
        starts = [0, low, high] if low is None or low <= 0 else [low, high]
        for start in [one for one in starts if one is not None]:
            for move in (nth, nth + 1, -nth - 1, 0):
                yield from _around(start, step, move, whole=whole)
        if low is not None and high is not None and not whole:
            yield (low + high) / 2


def _around(start: float, step: float, move: int, *, whole: bool) -> Iterator[float]:
    grain = step or 1
    for rounded in (math.ceil(start / grain), math.floor(start / grain)):
        value = (rounded + move) * grain
        yield int(value) if float(value).is_integer() else value
    if not whole:
        yield start + move * 0.001 if move else start


def _as_dict(schema: Any) -> Json:
    return schema if isinstance(schema, dict) else {}


def _kind(schema: Json) -> str:
    """Its type; of several the first that is not null."""
    kinds = schema.get("type") or _implied(schema)
    if not isinstance(kinds, list):
        return str(kinds)
    return next((kind for kind in kinds if kind != "null"), "null")


def _implied(schema: Json) -> str:
    """The type that the other keywords speak of."""
    if schema.keys() & {"properties", "required", "additionalProperties", "minProperties"}:
        return "object"
    if schema.keys() & {"items", "prefixItems", "minItems", "contains"}:
        return "array"
    if schema.keys() & {"minimum", "maximum", "multipleOf", "exclusiveMinimum"}:
        return "number"
    return "string"
