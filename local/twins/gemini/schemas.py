"""A declared schema, OpenAPI's subset or JSON Schema, as one kind of JSON Schema.

Both come out with lower-case types and `$ref`s into one table of definitions, so that what builds
and checks values knows one language. A schema that can't be served is refused as a 400.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from local.twins.gemini import wire
from local.twins.server import Json, Refusal

TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_DEEPEST: Final = 32
_UNSERVED: Final = (
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "patternProperties",
    "$dynamicRef",
)
_COUNTS: Final = (
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
)
_NAMES: Final = {"propertyOrdering", "property_ordering"}


class Unservable(Exception):
    """The schema asks for what can't be given; the message says where and what."""


def refuse(where: str, problem: str) -> Refusal:
    """400 in the form of the service's own validation."""
    return Refusal(wire.error(400, f"* GenerateContentRequest.{where}: {problem}"))


def from_openapi(schema: Json, where: str) -> Json:
    """A canonical `Schema` message as JSON Schema.

    Raises:
        Refusal: the service doesn't take it.
    """
    root = _openapi(schema, where)
    if schema.get("defs"):
        root["$defs"] = {
            name: _openapi(one, f"{where}.defs[{name}]") for name, one in schema["defs"].items()
        }
    return from_json_schema(root, where)


def _openapi(schema: Json, where: str) -> Json:
    kind = schema.get("type", "TYPE_UNSPECIFIED").lower()
    named = {"title", "description", "format", "pattern", "default", "minimum", "maximum"}
    made: Json = {name: schema[name] for name in (named | set(_COUNTS)) & schema.keys()}
    if schema.get("ref"):
        return made | {"$ref": re.sub(r"^#?/?(?:defs/)?", "#/$defs/", schema["ref"])}
    if schema.get("anyOf"):
        made["anyOf"] = [
            _openapi(one, f"{where}.any_of[{n}]") for n, one in enumerate(schema["anyOf"])
        ]
    elif kind == "type_unspecified":
        raise refuse(f"{where}.type", "must be specified.")
    else:
        made |= _TYPED.get(kind, _plain)(schema, where) | {"type": kind}
    return _or_null(made) if schema.get("nullable") else made


def _plain(schema: Json, where: str) -> Json:
    if schema.get("enum"):
        raise refuse(f"{where}.enum", "only allowed for STRING type")
    return {}


def _string(schema: Json, where: str) -> Json:
    if "" in schema.get("enum", ()):
        raise refuse(f"{where}.enum[{schema['enum'].index('')}]", "cannot be empty")
    return {"enum": schema["enum"]} if schema.get("enum") else {}


def _integer(schema: Json, where: str) -> Json:
    # Numbers of an enum are written as strings: a protocol buffer has one type for them.
    try:
        return {"enum": [int(one) for one in schema["enum"]]} if schema.get("enum") else {}
    except ValueError:
        raise refuse(f"{where}.enum", "has a value that is no INTEGER") from None


def _array(schema: Json, where: str) -> Json:
    if not schema.get("items"):
        raise refuse(f"{where}.items", "missing field.")
    return {"items": _openapi(schema["items"], f"{where}.items")}


def _object(schema: Json, where: str) -> Json:
    properties = schema.get("properties") or {}
    if not properties:
        raise refuse(f"{where}.properties", "should be non-empty for OBJECT type")
    for part in ("required", "propertyOrdering"):
        for n, name in enumerate(schema.get(part, ())):
            if name not in properties:
                spelled = "property_ordering" if part != "required" else part
                raise refuse(f"{where}.{spelled}[{n}]", "property is not defined")
    made = {name: _openapi(one, f"{where}.properties[{name}]") for name, one in properties.items()}
    return {
        "properties": made,
        "required": schema.get("required", []),
        "propertyOrdering": schema.get("propertyOrdering", []),
        "additionalProperties": False,
    }


_TYPED = {"string": _string, "integer": _integer, "array": _array, "object": _object}


def _or_null(schema: Json) -> Json:
    kept = {name: schema.pop(name) for name in ("title", "description") if name in schema}
    return kept | {"anyOf": [schema, {"type": "null"}]}


def from_json_schema(schema: Any, where: str) -> Json:
    """A JSON Schema, checked; itself when it is fine.

    Raises:
        Refusal: it isn't one, or has what can't be served.
    """
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise refuse(where, "must be an object.")
    try:
        _check(schema, schema, where, 0)
    except Unservable as problem:
        raise refuse(where, str(problem)) from None
    return schema


def _check(schema: Any, root: Json, where: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict) or depth > _DEEPEST:
        raise Unservable(f"{where} is no schema" if depth <= _DEEPEST else "is nested too deeply.")
    for word in _UNSERVED:
        if word in schema:
            raise Unservable(f"keyword '{word}' is not supported.")
    _check_values(schema, where)
    if "$ref" in schema:
        resolve(schema, root)
    for inner, at in inner_schemas(schema, where):
        _check(inner, root, at, depth + 1)


def _check_values(schema: Json, where: str) -> None:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not all(isinstance(kind, str) and kind in TYPES for kind in kinds):
        raise Unservable(f"{where}.type is none of {', '.join(sorted(TYPES))}.")
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        raise Unservable(f"{where}.enum must be a list that is not empty.")
    for count in _COUNTS:
        value = schema.get(count, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Unservable(f"{where}.{count} must be a count.")
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        value = schema.get(bound, 1)
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not math.isfinite(value)
        ):
            raise Unservable(f"{where}.{bound} must be a number.")
    for names in ("required", *_NAMES):
        listed = schema.get(names, [])
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise Unservable(f"{where}.{names} must be a list of names.")
    try:
        re.compile(schema.get("pattern", ""))
    except (re.error, TypeError):
        raise Unservable(f"{where}.pattern is no regular expression.") from None


def inner_schemas(schema: Json, where: str) -> list[tuple[Any, str]]:
    """Every schema that stands in this one, and where."""
    found: list[tuple[Any, str]] = []
    for word in ("items", "additionalProperties", "contains"):
        if word in schema:
            found.append((schema[word], f"{where}.{word}"))
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        listed = schema.get(word, [])
        if not isinstance(listed, list):
            raise Unservable(f"{where}.{word} must be a list.")
        found += [(one, f"{where}.{word}[{n}]") for n, one in enumerate(listed)]
    for word in ("properties", "$defs", "definitions"):
        named = schema.get(word, {})
        if not isinstance(named, dict):
            raise Unservable(f"{where}.{word} must be an object.")
        found += [(one, f"{where}.{word}[{name}]") for name, one in named.items()]
    return found


def resolve(schema: Json, root: Json) -> Json:
    """What a `$ref` points to, with what stands beside it.

    Raises:
        Unservable: it points out of this schema, or to nothing.
    """
    seen = 0
    while "$ref" in schema:
        target, seen = schema["$ref"], seen + 1
        found: Any = root
        if not isinstance(target, str) or not target.startswith("#") or seen > _DEEPEST:
            raise Unservable(f"reference '{target}' can't be followed.")
        for step in target.removeprefix("#").strip("/").split("/") if target != "#" else []:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise Unservable(f"reference to undefined schema '{target}'.")
        schema = {**found, **{name: one for name, one in schema.items() if name != "$ref"}}
    return schema
