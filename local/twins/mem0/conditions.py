"""What each field of a filter may ask for, as a condition in SQL."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from local.twins import moments
from local.twins.mem0.errors import refused
from local.twins.mem0.near import normal

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
DATES = ("created_at", "updated_at", "timestamp", "expiration_date")
_BEYOND = 2**63
"""From here on SQLite reads integers as real numbers."""
_GREATEST = int(sys.float_info.max)
_FEW = 20
_DAY = timedelta(days=1) - timedelta(microseconds=1)
_ORDER = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Where(NamedTuple):
    """A condition on `memories` and its values."""

    sql: str
    values: list[Any]
    deep: int = 0
    """How many conditions it has inside of each other."""


def both(parts: Iterable[Where]) -> Where:
    """All of the conditions."""
    return _joined(list(parts), " and ", "1")


def either(parts: Iterable[Where]) -> Where:
    """Any of the conditions."""
    return _joined(list(parts), " or ", "0")


def _joined(parts: list[Where], word: str, empty: str) -> Where:
    if not parts:
        return Where(empty, [])
    if len(parts) == 1:
        return parts[0]
    # SQLite's parser has a stack of 100, on which what comes first weighs least: the deepest part.
    # The rest goes in halves, as no expression may be deeper than 1,000 and a chain is.
    first = max(parts, key=lambda part: part.deep)
    rest = [part for part in parts if part is not first]
    half = (len(rest) + 1) // 2
    others = [_joined(some, word, empty) for some in (rest[:half], rest[half:]) if some]
    left, right = first, others[0]
    if len(others) > 1:
        right = _pair(others[0], word, others[1])
    return _pair(left, word, right)


def _pair(left: Where, word: str, right: Where) -> Where:
    deep = max(left.deep, right.deep) + 1
    return Where(f"({left.sql}){word}({right.sql})", [*left.values, *right.values], deep)


def negated(part: Where) -> Where:
    """True also where the condition can't be told because there is no value."""
    return Where(f"not coalesce({part.sql}, 0)", part.values, part.deep + 1)


def _among(column: str, wanted: list[str]) -> Where:
    # One by one: of a text with a zero character json_each gives the beginning alone.
    return Where(f"{column} in ({', '.join('?' * len(wanted))})", [*wanted])


def _operators(name: str, value: Any) -> list[tuple[str, Any]]:
    if not value:
        raise refused(f"Unsupported condition for {name}")
    return list(value.items())


def entity(name: str, value: Any) -> Where:
    """One of `ENTITIES`: bare, eq, ne, in or `*`."""
    if not isinstance(value, dict):
        return _entity_by(name, "eq", value)
    return both([_entity_by(name, *pair) for pair in _operators(name, value)])


def _entity_by(name: str, operator: str, wanted: Any) -> Where:
    if operator == "eq" and wanted == "*":
        return Where(f"memories.{name} is not null", [])
    if operator == "eq" and isinstance(wanted, str):
        return Where(f"memories.{name} = ?", [wanted])
    if operator == "ne" and isinstance(wanted, str):
        return Where(f"memories.{name} is not ?", [wanted])
    if operator == "in" and _strings(wanted):
        if "*" in wanted:
            return Where(f"memories.{name} is not null", [])
        return _among(f"memories.{name}", wanted)
    raise refused(f"Unsupported condition for {name}: {operator}")


def date(name: str, value: Any) -> Where:
    """One of `DATES`: bare, ne, in, or compared; `eq` is refused."""
    column = f"memories.{'created_at' if name == 'timestamp' else name}"
    if not isinstance(value, dict):
        return _on(column, name, value)
    parts = []
    for operator, raw in _operators(name, value):
        if operator == "in" and isinstance(raw, list):
            parts.append(either(_on(column, name, one) for one in raw))
        elif operator == "ne":
            parts.append(negated(_on(column, name, raw)))
        elif operator in _ORDER:
            wanted = _moment(name, raw)
            parts.append(Where(f"{column} {_ORDER[operator]} ?", [_written(name, wanted)]))
        else:
            raise refused(f"Unsupported operator for {name}: {operator}")
    return both(parts)


def _on(column: str, name: str, value: Any) -> Where:
    """At that moment; a date alone means its whole day."""
    moment = _moment(name, value)
    if name != "expiration_date" and _is_day(value):
        day = [_written(name, moment), _written(name, moment + _DAY)]
        return Where(f"{column} >= ? and {column} <= ?", day)
    return Where(f"{column} = ?", [_written(name, moment)])


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))


def _moment(name: str, value: Any) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise refused(f"{name} needs a date") from None


def _written(name: str, moment: datetime) -> str:
    return moment.date().isoformat() if name == "expiration_date" else moments.stamp(moment)


def between(start: Any, end: Any, *, table: str = "memories") -> list[Where]:
    """`start_date` and `end_date` of a list, days included; None for no bound."""
    parts = []
    if start is not None:
        since = _moment("start_date", start)
        parts.append(Where(f"{table}.created_at >= ?", [moments.stamp(since)]))
    if end is not None:
        until = _moment("end_date", end)
        if _is_day(end):
            until += _DAY
        parts.append(Where(f"{table}.created_at <= ?", [moments.stamp(until)]))
    return parts


def metadata(value: Any) -> Where:
    """Top-level keys of `metadata`.

    Raises:
        Refusal: 400.
    """
    if not isinstance(value, dict):
        raise refused("metadata takes an object")
    return both([_metadata_key(key, wanted) for key, wanted in value.items()])


def _metadata_key(key: str, value: Any) -> Where:
    if not isinstance(value, dict):
        return _has(key, value)
    return both([_metadata_by(key, *pair) for pair in _operators("metadata", value)])


def _metadata_by(key: str, operator: str, wanted: Any) -> Where:
    if operator == "eq":
        return _has(key, wanted)
    if operator == "ne":
        return negated(_has(key, wanted))
    if operator == "contains":
        part = wanted if isinstance(wanted, str) else json.dumps(wanted)
        return _entry("key = ? and instr(value, ?) > 0", key, part)
    raise refused(f"FilterValidationError: metadata does not support {operator}")


def _has(key: str, wanted: Any) -> Where:
    if wanted is None:
        return negated(_entry("key = ? and type != 'null'", key))
    if isinstance(wanted, bool):
        return _entry("key = ? and type = ?", key, "true" if wanted else "false")
    if isinstance(wanted, int | float):
        sql = "key = ? and type in ('integer', 'real') and value = ?"
        if abs(wanted) < _BEYOND:
            return _entry(sql, key, wanted)
        return _entry(sql, key, float(wanted) if abs(wanted) < _GREATEST else math.inf)
    if isinstance(wanted, str):
        return _entry("key = ? and type = 'text' and value = ?", key, wanted)
    written = json.dumps(wanted, separators=(",", ":"))
    return _entry("key = ? and type in ('array', 'object') and value = ?", key, written)


def _entry(condition: str, key: str, *values: Any) -> Where:
    sql = f"exists (select 1 from json_each(memories.metadata) where {condition})"  # noqa: S608
    return both([_written_in("metadata", key), Where(sql, [key, *values])])


def categories(value: Any) -> Where:
    """in and contains."""
    parts = []
    for operator, wanted in _operators("categories", value) if isinstance(value, dict) else ():
        if operator == "in" and _strings(wanted):
            parts.append(in_categories(wanted))
        elif operator == "contains" and isinstance(wanted, str):
            sql = (
                "exists (select 1 from json_each(memories.categories)"
                " where instr(lower(value), ?) > 0)"
            )
            parts.append(Where(sql, [wanted.lower()]))
        else:
            raise refused(f"categories does not support {operator}")
    if not parts:
        raise refused("categories supports in and contains")
    return both(parts)


def in_categories(wanted: list[str]) -> Where:
    """Memories with any of these categories."""
    sql = (
        "exists (select 1 from json_each(memories.categories) as mine"
        " where mine.value in (select value from json_each(?)))"
    )
    part = Where(sql, [json.dumps(wanted)])
    if len(wanted) > _FEW:
        return part
    return both([either(_written_in("categories", name) for name in wanted), part])


def _written_in(column: str, name: str) -> Where:
    """Whether a column's JSON has this text at all: soon told, where `json_each` takes its time."""
    return Where(f"instr(memories.{column}, ?) > 0", [json.dumps(name)])


def memory_ids(value: Any) -> Where:
    """A list, or in."""
    wanted = value["in"] if isinstance(value, dict) and set(value) == {"in"} else value
    if not _strings(wanted):
        raise refused("memory_ids takes a list of ids")
    return _among("memories.id", wanted)


def text(value: Any) -> Where:
    """Bare, eq, contains or icontains."""
    if isinstance(value, str):
        return Where("memories.memory = ?", [value])
    if isinstance(value, dict) and isinstance(value.get("eq"), str) and len(value) == 1:
        return Where("memories.memory = ?", [value["eq"]])
    return words("text", value)


def words(name: str, value: Any) -> Where:
    """contains, with regard to case, or icontains."""
    parts = []
    for operator, wanted in _operators(name, value) if isinstance(value, dict) else ():
        if operator == "contains" and isinstance(wanted, str):
            parts.append(Where("instr(memories.memory, ?) > 0", [wanted]))
        elif operator == "icontains" and isinstance(wanted, str):
            parts.append(containing(wanted))
        else:
            raise refused(f"{name} does not support {operator}")
    if not parts:
        raise refused(f"{name} supports contains and icontains")
    return both(parts)


def containing(words: str) -> Where:
    """Memories with these words, whatever their case."""
    plain = normal(words)
    if not plain:
        # Spaces and full stops alone, which `normal` may have taken away.
        return Where("instr(memories.memory, ?) > 0", [words])
    return Where("instr(memories.normal, ?) > 0", [plain])


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
