"""What narrows a list or a search: each filter of the wire as a condition in SQL.

Which filters go with which call is the service's own list (`EDGE_SEARCH` …); every other name is
refused with `unsupported_filter`. An empty list narrows nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from local.twins import moments
from local.twins.zep import checks, predicates
from local.twins.zep.errors import invalid

MOST_UUIDS = 256
MOST_PARTS = 512
_GROUPS = {"date_filters", "metadata_filters"}
_EITHER = {"episode_uuids", "metadata_filters", "property_filters"}
_OF_EDGES = {"edge_types", "exclude_edge_types", "edge_uuids", "date_filters"}
_LABELS = {"node_labels", "exclude_node_labels"}
_NODES = {"connected_node_uuids", "source_node_uuids", "target_node_uuids"}
EDGE_SEARCH = frozenset(_EITHER | _OF_EDGES | _NODES)
EDGE_LIST = EDGE_SEARCH | _LABELS
NODE_SEARCH = frozenset(_EITHER | _LABELS)
NODE_LIST = NODE_SEARCH | _OF_EDGES
EPISODE_SEARCH = frozenset({"metadata_filters"})
EPISODE_LIST = EPISODE_SEARCH | {"mentioned_node_uuids"}
OBSERVATION_SEARCH: frozenset[str] = frozenset()
SUMMARY_SEARCH = frozenset({"metadata_filters"})
CONTEXT = EDGE_LIST | NODE_LIST

# `$` stands for the list that was given.
_GIVEN = "(select value from json_each(?))"
_LABELLED = "exists (select 1 from json_each({0}.labels) where value in $)"
_ENDS = "select 1 from nodes as ends where ends.uuid in (edges.source_uuid, edges.target_uuid)"
_DERIVED = "{0}.uuid in (select owner_uuid from mentions where mentions.episode_uuid in $)"
_TOUCHED = (
    "exists (select 1 from edges where edges.source_uuid = nodes.uuid and edges.name in $) "
    "or exists (select 1 from edges where edges.target_uuid = nodes.uuid and edges.name in $)"
)
_LISTS = {
    "edges": {
        "edge_types": "edges.name in $",
        "exclude_edge_types": "edges.name not in $",
        "edge_uuids": "edges.uuid in $",
        "source_node_uuids": "edges.source_uuid in $",
        "target_node_uuids": "edges.target_uuid in $",
        "connected_node_uuids": "edges.source_uuid in $ or edges.target_uuid in $",
        "episode_uuids": _DERIVED.format("edges"),
        "node_labels": f"not exists ({_ENDS} and not {_LABELLED.format('ends')})",
        "exclude_node_labels": f"not exists ({_ENDS} and {_LABELLED.format('ends')})",
    },
    "nodes": {
        "node_labels": _LABELLED.format("nodes"),
        "exclude_node_labels": f"not {_LABELLED.format('nodes')}",
        "episode_uuids": _DERIVED.format("nodes"),
        "edge_types": _TOUCHED,
        "exclude_edge_types": f"not ({_TOUCHED})",
        "edge_uuids": (
            "nodes.uuid in (select source_uuid from edges where edges.uuid in $ "
            "union all select target_uuid from edges where edges.uuid in $)"
        ),
    },
    "episodes": {
        # An episode's own uuid matches it too.
        "mentioned_node_uuids": (
            "episodes.uuid in $ or episodes.uuid in "
            "(select episode_uuid from mentions where mentions.owner_uuid in $)"
        ),
    },
    "thread_summaries": {},
}
_METADATA = {
    "edges": "exists (select 1 from mentions join episodes as told on told.uuid = "
    "mentions.episode_uuid where mentions.owner_uuid = edges.uuid and ({0}))",
    "nodes": "exists (select 1 from mentions join episodes as told on told.uuid = "
    "mentions.episode_uuid where mentions.owner_uuid = nodes.uuid and ({0}))",
    "episodes": "{0}",
    "thread_summaries": "exists (select 1 from episodes as told where told.thread_uuid = "
    "thread_summaries.thread_uuid and ({0}))",
}
_DATES = {
    "edges": {
        "created_at": "edges.created_at",
        "valid_at": "nullif(edges.valid_at, '')",
        "invalid_at": "edges.invalid_at",
        "expired_at": "edges.expired_at",
    },
    "nodes": {"created_at": "nodes.created_at"},
}
_OPERATORS = {"eq": "=", "ne": "<>", "gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
_NULLS = {"is_null": "is null", "is_not_null": "is not null"}


class Where(NamedTuple):
    """Conditions to append to a `where`, each led by `and`, with their values."""

    sql: str = ""
    values: tuple[Any, ...] = ()


NOTHING = Where()


def given(body: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """The filters of a request that narrow something; refuses those that aren't allowed."""
    filters = body.get("filters")
    if filters is None:
        return {}
    if not isinstance(filters, dict):
        raise invalid("filters must be an object", "filters")
    for name in filters:
        if name not in allowed:
            raise invalid(f"filter {name} is not supported here", name, "unsupported_filter")
    return {name: value for name, value in filters.items() if value not in (None, _empty(name))}


def _empty(name: str) -> Any:
    return {} if name in _GROUPS else []


def where(table: str, filters: Mapping[str, Any], only: frozenset[str] | None = None) -> Where:
    """The conditions on a table; of the filters only those in `only`, where that is given."""
    parts: list[str] = []
    values: list[Any] = []
    for name, value in filters.items():
        if only is None or name in only:
            parts.append(f" and ({_condition(table, name, value, values)})")
    return Where("".join(parts), tuple(values))


def _condition(table: str, name: str, value: Any, values: list[Any]) -> str:
    if name in {*_GROUPS, "property_filters"} and _parts(value) > MOST_PARTS:
        raise invalid(f"{name} may have at most {MOST_PARTS} conditions and groups", name)
    if name == "date_filters":
        return _dates(table, value, values)
    if name == "property_filters":
        return predicates.every(value, f"{table}.attributes", values)
    if name == "metadata_filters":
        owner = "episodes" if table == "episodes" else "told"
        return _METADATA[table].format(predicates.group(value, f"{owner}.metadata", values))
    sql, chosen = _LISTS[table][name], json.dumps(_strings(name, value))
    values.extend([chosen] * sql.count("$"))
    return sql.replace("$", _GIVEN)


def _parts(value: Any) -> int:
    """How many conditions and groups a filter has, at any depth."""
    if isinstance(value, dict):
        return 1 + sum(map(_parts, value.values()))
    return sum(map(_parts, value)) if isinstance(value, list) else 0


def _strings(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"{name} must be a list of strings", name)
    if not name.endswith("_uuids"):
        return value
    if len(value) > MOST_UUIDS:
        raise invalid(f"{name} may have at most {MOST_UUIDS} entries", name)
    return [checks.uuid_of(item, name) for item in value]


def _dates(table: str, value: Any, values: list[Any]) -> str:
    """Groups of which any may hold, of conditions that must all hold."""
    groups = value.get("any_of") if isinstance(value, dict) else None
    if not isinstance(groups, list) or not all(isinstance(one, dict) for one in groups):
        raise invalid("date_filters needs any_of, a list of groups", "date_filters")
    return " or ".join(f"({_all_of(table, one, values)})" for one in groups) or "1"


def _all_of(table: str, one: Mapping[str, Any], values: list[Any]) -> str:
    conditions = [] if one.get("all_of") is None else one["all_of"]
    if not isinstance(conditions, list) or not all(isinstance(c, dict) for c in conditions):
        raise invalid("a group of date_filters needs all_of, a list", "date_filters")
    return " and ".join(_date(table, condition, values) for condition in conditions) or "1"


def _date(table: str, one: Mapping[str, Any], values: list[Any]) -> str:
    column, operator = _DATES[table].get(str(one.get("field"))), str(one.get("operator"))
    if column is None:
        raise invalid(f"dates to filter by: {', '.join(_DATES[table])}", "date_filters")
    if operator in _NULLS:
        return f"{column} {_NULLS[operator]}"
    if operator not in _OPERATORS:
        raise invalid(f"operator {operator} is none of dates", "date_filters")
    try:
        values.append(moments.stamp(moments.parse(str(one.get("value")))))
    except ValueError:
        raise invalid("a date filter needs an RFC 3339 value", "date_filters") from None
    return f"{column} {_OPERATORS[operator]} ?"
