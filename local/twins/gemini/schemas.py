"""A declared schema, OpenAPI's subset or JSON Schema, as one kind of JSON Schema.

Both come out with lower-case types and `$ref`s into one table of definitions, so that what builds
and checks values knows one language. A schema that can't be served is refused as a 400.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from local.twins.gemini import patterned, wire
from local.twins.schemas import BadSchema, resolved
from local.twins.server import Json, Refusal

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
_SINGLE: Final = ("items", "additionalProperties", "contains", "propertyNames")
_LISTED: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED: Final = ("properties", "$defs", "definitions")
_LONGEST: Final = 300


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
        wrong = _grammar(json.dumps(schema, sort_keys=True))
        if wrong:
            raise Unservable(wrong)
        _check(schema, schema, 0)
    except Unservable as problem:
        raise refuse(where, str(problem)) from None
    return schema


@lru_cache(maxsize=256)
def _grammar(written: str) -> str:
    """What is wrong with a schema as such, "" when nothing is. Slow, and asked again and again."""
    try:
        Draft202012Validator.check_schema(json.loads(written))
    except SchemaError as problem:
        return f"{problem.json_path.removeprefix('$')}: {problem.message[:_LONGEST]}"
    except RecursionError:
        return "is nested too deeply."
    return ""


def _check(schema: Any, root: Json, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if depth > _DEEPEST:
        raise Unservable("is nested too deeply.")
    for word in _UNSERVED:
        if word in schema:
            raise Unservable(f"keyword '{word}' is not supported.")
    try:
        patterned.check(schema.get("pattern", ""))
    except ValueError as problem:
        raise Unservable(f"pattern {problem}.") from None
    for spelled in ("propertyOrdering", "property_ordering"):
        order = schema.get(spelled, [])
        if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
            raise Unservable(f"{spelled} must be a list of names.")
    if "$ref" in schema:
        resolve(schema, root)
    for inner in _inner_schemas(schema):
        _check(inner, root, depth + 1)


def _inner_schemas(schema: Json) -> Iterator[Any]:
    yield from (schema[word] for word in _SINGLE if word in schema)
    yield from (one for word in _LISTED for one in schema.get(word, ()))
    yield from (one for word in _NAMED for one in schema.get(word, {}).values())


def resolve(schema: Json, root: Json) -> Json:
    """What a `$ref` points to, with what stands beside it.

    Raises:
        Unservable: it points out of this schema, or to nothing.
    """
    try:
        return dict(resolved(schema, root))
    except BadSchema as problem:
        raise Unservable(f"{problem}.") from None
