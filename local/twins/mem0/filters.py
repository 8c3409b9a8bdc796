"""The filter grammar of search and list: AND, OR, NOT over a short list of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.twins.mem0 import conditions
from local.twins.mem0.conditions import DATES, ENTITIES, Where, both, either, negated
from local.twins.mem0.errors import refused

_DEEPEST = 12
_MOST_VALUES = 20_000


def compile_filters(filters: Any, *, listing: bool) -> Where:
    """The condition that memories meet. `listing`: keywords may be asked for.

    Raises:
        Refusal: 400, for a grammar error or when no entity is named positively.
    """
    if not isinstance(filters, dict) or not filters:
        raise refused("Filters are required and cannot be empty.")
    where = _Grammar(listing=listing).all(filters)
    if len(where.values) > _MOST_VALUES:
        raise refused("Filters have too many conditions")
    if not positive(filters):
        names = ", ".join(ENTITIES)
        raise refused(f"One of the filters: {names} is required.", key="message")
    return where


def positive(filters: Any) -> bool:
    """Whether an entity is named, outside of NOT and not by `ne` alone."""
    for name, value in filters.items() if isinstance(filters, dict) else ():
        if name in ENTITIES and not (isinstance(value, dict) and set(value) == {"ne"}):
            return True
        if name in {"AND", "OR"} and any(positive(part) for part in value):
            return True
    return False


def cover(filters: Mapping[str, Any]) -> frozenset[tuple[str, str]] | None:
    """(entity, id) pairs one of which every memory that fits has; None when there are none to name.

    Takes filters that compile.
    """
    found: list[frozenset[tuple[str, str]] | None] = []
    for name, value in filters.items():
        if name in ENTITIES:
            found.append(_named(name, value))
        elif name == "AND":
            found.extend(cover(part) for part in value)
        elif name == "OR":
            parts = [cover(part) for part in value]
            known = [part for part in parts if part is not None]
            found.append(frozenset().union(*known) if len(known) == len(parts) else None)
    return min((one for one in found if one is not None), key=len, default=None)


def _named(name: str, value: Any) -> frozenset[tuple[str, str]] | None:
    if isinstance(value, dict):
        wanted = value.get("in", [value["eq"]] if "eq" in value else None)
    else:
        wanted = [value]
    if wanted is None or "*" in wanted:
        return None
    return frozenset((name, one) for one in wanted)


class _Grammar:
    def __init__(self, *, listing: bool) -> None:
        self._listing = listing
        self._fields: dict[str, Callable[[str, Any], Where]] = {
            **dict.fromkeys(ENTITIES, conditions.entity),
            **dict.fromkeys(DATES, conditions.date),
            "metadata": lambda _, value: conditions.metadata(value),
            "categories": lambda _, value: conditions.categories(value),
            "memory_ids": lambda _, value: conditions.memory_ids(value),
            "text": lambda _, value: conditions.text(value),
            "keywords": self._keywords,
            "keywords_search": self._keywords,
        }

    def all(self, filters: Mapping[str, Any], depth: int = 0) -> Where:
        if depth > _DEEPEST:
            raise refused("Filters are nested too deeply")
        return both([self._one(name, value, depth) for name, value in filters.items()])

    def _one(self, name: str, value: Any, depth: int) -> Where:
        if name in {"AND", "OR", "NOT"}:
            return self._group(name, value, depth)
        if name not in self._fields:
            raise refused(f"Unsupported filter: {name}")
        return self._fields[name](name, value)

    def _group(self, name: str, value: Any, depth: int) -> Where:
        parts = [value] if name == "NOT" and isinstance(value, dict) else value
        if not isinstance(parts, list) or not parts:
            raise refused(f"{name} takes a list of filters")
        if not all(isinstance(part, dict) and part for part in parts):
            raise refused(f"{name} takes a list of filters")
        wheres = [self.all(part, depth + 1) for part in parts]
        if name == "AND":
            return both(wheres)
        return either(wheres) if name == "OR" else negated(either(wheres))

    def _keywords(self, name: str, value: Any) -> Where:
        if not self._listing:
            raise refused(f"{name} is supported when listing memories, not in search")
        return conditions.words(name, value)
