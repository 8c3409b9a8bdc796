"""Whether a JSON value is what a JSON Schema, or an OpenAPI 3.0 schema, asks for.

The check is that of `jsonschema`, JSON Schema 2020-12; OpenAPI's `nullable`, its true or false
`exclusiveMinimum` and upper-case types are put into those words first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, best_match
from referencing.exceptions import Unresolvable

Schema = Mapping[str, Any]
# Where a schema holds others: by name, in a list, or one.
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_LONGEST = 300
_FORMATS = FormatChecker(["date", "uuid", "email"])


class BadSchema(ValueError):
    """What was given is no schema, or refers to what isn't there."""


def problems(schema: Any, value: Any, *, root: Schema | None = None) -> list[str]:
    """Where and why `value` isn't what `schema` asks for; [] when it is.

    `root` is where references start from: the schema itself unless given.

    Raises:
        BadSchema: see there.
    """
    whole = _draft(schema)
    if isinstance(whole, dict):
        whole = {**_definitions(schema if root is None else root), **whole}
    try:
        Draft202012Validator.check_schema(whole)
        found = Draft202012Validator(whole, format_checker=_FORMATS).iter_errors(value)
        return [_told(error) for error in found]
    except SchemaError as cause:
        raise BadSchema(f"{cause.json_path}: {cause.message}") from None
    except (Unresolvable, RecursionError, re.error):
        raise BadSchema("a reference or a pattern leads nowhere") from None


def _told(error: Any) -> str:
    """What is wrong; of alternatives, what is wrong with the one that fits best."""
    closest = best_match([error])
    # The message may quote the whole value; its first words say enough.
    return f"{closest.json_path}: {closest.message[:_LONGEST]}"


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
    if head or (path and not path.startswith("/")):
        raise BadSchema(f"a reference that leads nowhere: {pointer}")
    found = root
    for part in path.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise BadSchema(f"a reference that leads nowhere: {pointer}")
        found = found[name]
    return found


def _definitions(root: Schema) -> dict[str, Any]:
    """What references of `root` may point to."""
    shared = {name: _draft(root[name]) for name in ("$defs", "definitions") if name in root}
    parts = root.get("components")
    if isinstance(parts, dict):
        schemas = {name: _draft(one) for name, one in parts.get("schemas", {}).items()}
        shared["components"] = {**parts, "schemas": schemas}
    return shared


def _draft(schema: Any) -> Any:
    """The schema in the words of JSON Schema 2020-12."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        raise BadSchema("a schema is an object")
    made = {name: _inner(name, value) for name, value in schema.items()}
    for exclusive, bound in _BOUNDS.items():
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if made.pop("nullable", False) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def _inner(name: str, value: Any) -> Any:
    if name in _NAMED and isinstance(value, dict):
        return {key: _draft(one) for key, one in value.items()}
    if name in _LISTED and isinstance(value, list):
        return [_draft(one) for one in value]
    if name in _SINGLE and isinstance(value, dict):
        return _draft(value)
    if name == "type":
        return [kind.lower() for kind in value] if _words(value) else _lower(value)
    return value


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return datetime.fromisoformat(value).tzinfo is not None and "T" in value.upper()


_FORMATS.checks("date-time", raises=ValueError)(_moment)
