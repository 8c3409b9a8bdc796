"""The filter grammar of search and list: AND, OR, NOT over a short list of fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.twins import moments
from local.twins.mem0.errors import refused
from local.twins.storage import Row

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
_DATES = ("created_at", "updated_at", "timestamp", "expiration_date")
_ORDER: dict[str, Callable[[str, str], bool]] = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "ne": lambda have, want: have != want,
}
Test = Callable[[Row], bool]


def compile_filters(filters: Any) -> Test:
    """A test for one memory's row.

    Raises:
        Refusal: 400, for a grammar error or when no entity is named positively.
    """
    if not isinstance(filters, dict) or not filters:
        raise refused("Filters are required and cannot be empty.")
    if not scopes(filters):
        names = ", ".join(ENTITIES)
        raise refused(f"One of the filters: {names} is required.", key="message")
    return _all(filters)


def scopes(filters: Any) -> list[tuple[str, Any]]:
    """The (field, condition) pairs that name an entity, outside of NOT."""
    found: list[tuple[str, Any]] = []
    for name, value in filters.items() if isinstance(filters, dict) else ():
        if name in ENTITIES:
            found.append((name, value))
        elif name in {"AND", "OR"} and isinstance(value, list):
            found.extend(pair for part in value for pair in scopes(part))
    return found


def _all(filters: Mapping[str, Any]) -> Test:
    tests = [_one(name, value) for name, value in filters.items()]
    return lambda row: all(test(row) for test in tests)


def _one(name: str, value: Any) -> Test:
    if name in {"AND", "OR", "NOT"}:
        return _group(name, value)
    if name in ENTITIES:
        return _entity(name, value)
    if name in _DATES:
        return _date("created_at" if name == "timestamp" else name, value)
    if name == "metadata" and isinstance(value, dict):
        return _metadata(value)
    if name == "categories":
        return _categories(value)
    if name == "memory_ids":
        wanted = set(value["in"] if isinstance(value, dict) else value)
        return lambda row: row["id"] in wanted
    raise refused(f"Unsupported filter: {name}")


def _group(name: str, value: Any) -> Test:
    parts = [value] if name == "NOT" and isinstance(value, dict) else value
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise refused(f"{name} takes a list of filters")
    tests = [_all(part) for part in parts]
    if name == "AND":
        return lambda row: all(test(row) for test in tests)
    if name == "OR":
        return lambda row: any(test(row) for test in tests)
    return lambda row: not any(test(row) for test in tests)


def _entity(name: str, value: Any) -> Test:
    if value == "*":
        return lambda row: row[name] is not None
    if isinstance(value, dict) and len(value) == 1:
        operator, wanted = next(iter(value.items()))
        if operator == "eq":
            return _entity(name, wanted)
        if operator == "ne":
            return lambda row: row[name] != wanted
        if operator == "in" and isinstance(wanted, list):
            return lambda row: row[name] in wanted
    if isinstance(value, str):
        return lambda row: row[name] == value
    raise refused(f"Unsupported condition for {name}")


def _date(name: str, value: Any) -> Test:
    if not isinstance(value, dict):
        wanted = _moment(name, value)
        return lambda row: row[name] == wanted
    tests: list[Test] = []
    for operator, raw in value.items():
        if operator == "in" and isinstance(raw, list):
            wanted_any = [_moment(name, item) for item in raw]
            tests.append(lambda row, any_of=wanted_any: row[name] in any_of)  # type: ignore[misc]
        elif operator in _ORDER:
            tests.append(_compared(name, operator, _moment(name, raw)))
        else:
            raise refused(f"Unsupported operator for {name}: {operator}")
    return lambda row: all(test(row) for test in tests)


def _compared(name: str, operator: str, wanted: str) -> Test:
    compare = _ORDER[operator]
    return lambda row: row[name] is not None and compare(row[name], wanted)


def _moment(name: str, value: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise refused(f"{name} needs a date") from None
    if name == "expiration_date":
        return moment.date().isoformat()
    return moments.stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _metadata(wanted: Mapping[str, Any]) -> Test:
    tests = [_metadata_key(key, value) for key, value in wanted.items()]
    return lambda row: all(test(json.loads(row["metadata"])) for test in tests)


def _metadata_key(key: str, value: Any) -> Callable[[Mapping[str, Any]], bool]:
    if not isinstance(value, dict):
        return lambda have: have.get(key) == value
    operator, wanted = next(iter(value.items()), ("", None))
    if operator == "eq":
        return lambda have: have.get(key) == wanted
    if operator == "ne":
        return lambda have: have.get(key) != wanted
    if operator == "contains":
        return lambda have: key in have and str(wanted) in str(have[key])
    raise refused(f"FilterValidationError: metadata does not support {operator}")


def _categories(value: Any) -> Test:
    if isinstance(value, dict) and isinstance(value.get("in"), list):
        wanted = set(value["in"])
        return lambda row: bool(wanted & set(json.loads(row["categories"])))
    if isinstance(value, dict) and isinstance(value.get("contains"), str):
        part = value["contains"].casefold()
        return lambda row: any(part in one.casefold() for one in json.loads(row["categories"]))
    raise refused("categories supports in and contains")
