"""Comparisons with what a JSON object holds: an item's attributes, an episode's metadata.

A key that is missing counts as null: it meets `is_null` and no comparison. Values of different
kinds are never equal, and `contains` looks into texts and lists.
"""

from __future__ import annotations

import json
import math
from typing import Any

from local.twins.zep.errors import invalid

_COMPARED = {"eq": "=", "ne": "<>", "gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
_DEEPEST = 8
_TOO_LARGE = 2**63
_PAIR = "exists (select 1 from json_each({0}) as pair where pair.key = ?"
_ANY = "exists (select 1 from json_each(?) as given where {0} = {1} and given.value = pair.value)"
_KINDS = "case pair.type when 'integer' then 'number' when 'real' then 'number' when 'true' then \
'boolean' when 'false' then 'boolean' else pair.type end"


def every(filters: Any, column: str, values: list[Any]) -> str:
    """`property_filters`: all of a list must hold."""
    name = "property_filters"
    if not isinstance(filters, list):
        raise invalid(f"{name} must be a list", name)
    return " and ".join(_one(item, column, values, name) for item in filters) or "1"


def group(value: Any, column: str, values: list[Any], depth: int = 0) -> str:
    """`metadata_filters`: conditions and groups, joined by the group's `type`."""
    name = "metadata_filters"
    if not isinstance(value, dict) or depth > _DEEPEST:
        raise invalid(f"{name} must be a group, at most {_DEEPEST} deep", name)
    joined = "and" if value.get("type") is None else value["type"]
    if joined not in ("and", "or"):
        raise invalid("a group's type is and or or", name)
    filters, groups = (
        [] if value.get(part) is None else value[part] for part in ("filters", "groups")
    )
    if not isinstance(filters, list) or not isinstance(groups, list):
        raise invalid("a group has lists of filters and groups", name)
    parts = [_one(item, column, values, name) for item in filters]
    parts += [f"({group(item, column, values, depth + 1)})" for item in groups]
    return f" {joined} ".join(parts) or "1"


def _one(item: Any, column: str, values: list[Any], name: str) -> str:
    """One condition on the pair of that name."""
    key = item.get("property_name") if isinstance(item, dict) else None
    if not isinstance(key, str) or not key:
        raise invalid(f"each of {name} needs a property_name", name)
    operator = "eq" if item.get("operator") is None else str(item["operator"])
    pair = _PAIR.format(column)
    values.append(key)
    if operator in {"is_null", "is_not_null"}:
        return f"{'not ' if operator == 'is_null' else ''}{pair} and pair.type <> 'null')"
    value = item.get("value")
    if operator == "in":
        return f"{pair} and {_any(value, values, name)})"
    if operator == "contains" and name == "metadata_filters":
        return f"{pair} and {_contains(value, values, name)})"
    if operator not in _COMPARED:
        raise invalid(f"operator {operator} is not supported", name)
    values.extend([_kind(value, name), _bound(value)])
    if operator == "ne":
        return f"{pair} and not ({_KINDS} = ? and pair.value = ?))"
    return f"{pair} and {_KINDS} = ? and pair.value {_COMPARED[operator]} ?)"


def _any(value: Any, values: list[Any], name: str) -> str:
    if not isinstance(value, list) or not value:
        raise invalid("operator in needs a list of values", name)
    for one in value:
        _kind(one, name)
    values.append(json.dumps(value))
    return _ANY.format(_KINDS.replace("pair.", "given."), _KINDS)


def _contains(value: Any, values: list[Any], name: str) -> str:
    if not isinstance(value, str) or not value:
        raise invalid("operator contains needs a text", name)
    values.extend([value, value])
    return (
        "(pair.type = 'text' and instr(pair.value, ?) > 0 or pair.type = 'array' and exists "
        "(select 1 from json_each(pair.value) as member where member.value = ?))"
    )


def _bound(value: str | float) -> str | float:
    """What SQLite takes: its integers have 64 bits."""
    if isinstance(value, str) or abs(value) < _TOO_LARGE:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if value > 0 else -1)


def _kind(value: Any, name: str) -> str:
    """The kind of a scalar, as `_KINDS` names those of JSON."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    raise invalid(f"each of {name} compares with a text, a number or a boolean", name)
