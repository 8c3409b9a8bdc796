"""Whether a value is valid against a schema, for the keywords that `schemas` lets through."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from local.twins.gemini.schemas import resolve
from local.twins.server import Json


def conforms(value: Any, schema: Any, root: Json) -> bool:
    """Whether it does. Formats are checked where a wrong one could be told."""
    if isinstance(schema, bool):
        return schema
    schema = resolve(schema, root)
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(_is(value, kind) for kind in kinds):
        return False
    if "const" in schema and not _same(value, schema["const"]):
        return False
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return False
    return _combined(value, schema, root) and _detailed(value, schema, root)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float):
        return kind == "number" or (kind == "integer" and value.is_integer())
    known = {
        "string": str,
        "integer": int,
        "number": int,
        "array": list,
        "object": dict,
        "null": type(None),
        "boolean": bool,
    }
    return isinstance(value, known[kind])


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _combined(value: Any, schema: Json, root: Json) -> bool:
    if "anyOf" in schema and not any(conforms(value, one, root) for one in schema["anyOf"]):
        return False
    # Of oneOf the service makes anyOf; a value that fits exactly one is right for both.
    if "oneOf" in schema and sum(conforms(value, one, root) for one in schema["oneOf"]) != 1:
        return False
    return all(conforms(value, one, root) for one in schema.get("allOf", ()))


def _detailed(value: Any, schema: Json, root: Json) -> bool:
    if isinstance(value, str):
        return _string(value, schema)
    if isinstance(value, list):
        return _array(value, schema, root)
    if isinstance(value, dict):
        return _object(value, schema, root)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, schema)
    return True


def _string(value: str, schema: Json) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    check = _FORMATS.get(schema.get("format", ""))
    return check is None or _passes(check, value)


def _passes(check: Callable[[str], Any], value: str) -> bool:
    try:
        return check(value) is not None
    except ValueError:
        return False


_FORMATS: dict[str, Callable[[str], Any]] = {
    "date-time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": lambda value: datetime.fromisoformat(f"2026-01-01T{value}"),
    "uuid": UUID,
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch,
    "uri": re.compile(r"[a-z][a-z0-9+.-]*:\S+").fullmatch,
    "ipv4": re.compile(r"\d{1,3}(?:\.\d{1,3}){3}").fullmatch,
    "duration": re.compile(r"P(?=.)[\dYMWDTHS.]+").fullmatch,
}


def _number(value: float, schema: Json) -> bool:
    step = schema.get("multipleOf")
    if step and abs(value / step - round(value / step)) > 1e-9:  # noqa: PLR2004
        return False
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return False
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        return False
    return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))


def _array(value: list[Any], schema: Json, root: Json) -> bool:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return False
    written = [repr(one) for one in value]
    if schema.get("uniqueItems") and len(set(written)) < len(written):
        return False
    first = schema.get("prefixItems", [])
    if not all(conforms(one, inner, root) for one, inner in zip(value, first, strict=False)):
        return False
    if "contains" in schema and not any(conforms(one, schema["contains"], root) for one in value):
        return False
    return all(conforms(one, schema.get("items", True), root) for one in value[len(first) :])


def _object(value: Json, schema: Json, root: Json) -> bool:
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        return False
    if not value.keys() >= set(schema.get("required", ())):
        return False
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    return all(conforms(inner, properties.get(name, others), root) for name, inner in value.items())
