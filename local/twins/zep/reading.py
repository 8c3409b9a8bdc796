"""Edges and nodes as the wire shows them: lists with filters, and searches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.twins import moments
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.text import score
from local.twins.zep import store as rows
from local.twins.zep.errors import invalid

_MANY = 100
_EDGES = """
select edges.*, source.name as source_name, source.labels as source_labels,
    target.name as target_name, target.labels as target_labels, users.uuid as user_uuid,
    (select json_group_array(episode_uuid) from (select episode_uuid from mentions
        where owner_uuid = edges.uuid order by seq)) as episodes
from edges join users on users.graph_uuid = edges.graph_uuid
    left join nodes as source on source.uuid = edges.source_uuid
    left join nodes as target on target.uuid = edges.target_uuid
where edges.graph_uuid = ?"""
_NODES = """
select nodes.*, users.uuid as user_uuid,
    (select json_group_array(episode_uuid) from (select episode_uuid from mentions
        where owner_uuid = nodes.uuid order by seq desc limit 101)) as episodes,
    (select group_concat(fact, '. ') from (select fact from edges where edges.invalid_at is null
        and nodes.uuid in (edges.source_uuid, edges.target_uuid) order by edges.seq)) as summary
from nodes join users on users.graph_uuid = nodes.graph_uuid
where nodes.graph_uuid = ?"""
_LISTS = {
    "edge_types": "edges.name in (select value from json_each(?))",
    "exclude_edge_types": "edges.name not in (select value from json_each(?))",
    "edge_uuids": "edges.uuid in (select value from json_each(?))",
    "source_node_uuids": "edges.source_uuid in (select value from json_each(?))",
    "target_node_uuids": "edges.target_uuid in (select value from json_each(?))",
    "connected_node_uuids": (
        "exists (select 1 from json_each(?) where value in (edges.source_uuid, edges.target_uuid))"
    ),
    "episode_uuids": (
        "edges.uuid in (select owner_uuid from mentions where episode_uuid in "
        "(select value from json_each(?)))"
    ),
}
_DATES = ("created_at", "valid_at", "invalid_at", "expired_at")
_OPERATORS = {"eq": "=", "ne": "<>", "gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
_NULLS = {"is_null": "is null", "is_not_null": "is not null"}


def edge_json(row: Row) -> Json:
    """An Edge."""
    names = (
        "uuid graph_uuid user_uuid name fact valid_at invalid_at created_at expired_at "
        "source_node_uuid target_node_uuid"
    )
    shown = {name: row[name.replace("_node_uuid", "_uuid")] for name in names.split()}
    for side in ("source", "target"):
        shown[f"{side}_node_name"] = row[f"{side}_name"]
        labels = row[f"{side}_labels"]
        shown[f"{side}_node_labels"] = json.loads(labels) if labels else None
    return rows.without_nulls(
        {**shown, "episode_uuids": json.loads(row["episodes"]), "attributes": {}, "scope": "entity"}
    )


def node_json(row: Row) -> Json:
    """A Node; `episode_uuids` are the newest 100."""
    episodes = json.loads(row["episodes"])
    names = ("uuid", "graph_uuid", "user_uuid", "name", "created_at")
    return {
        **{name: row[name] for name in names},
        "labels": json.loads(row["labels"]),
        "summary": f"{row['summary']}." if row["summary"] else "",
        "attributes": {},
        "episode_uuids": episodes[:_MANY],
        "episode_uuids_truncated": len(episodes) > _MANY,
    }


def edge(store: Storage, graph: str, edge_uuid: str) -> Row | None:
    """One edge of a graph."""
    return store.row(f"{_EDGES} and edges.uuid = ?", graph, edge_uuid)


def node(store: Storage, graph: str, node_uuid: str) -> Row | None:
    """One node of a graph."""
    return store.row(f"{_NODES} and nodes.uuid = ?", graph, node_uuid)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page of a list: the column it is ordered by, the direction, the size, the start."""

    order: str
    down: bool
    size: int
    cursor: str | None


def edge_page(store: Storage, graph: str, filters: Mapping[str, Any], wanted: Wanted) -> Json:
    """A page of edges ordered by uuid, created_at or valid_at."""
    where, values = _where(filters)
    found = _ordered(store, f"{_EDGES}{where}", [graph, *values], "edges", wanted)
    return rows.page(found, wanted.size, edge_json, wanted.order)


def node_page(store: Storage, graph: str, wanted: Wanted) -> Json:
    """A page of nodes ordered by uuid or created_at."""
    found = _ordered(store, _NODES, [graph], "nodes", wanted)
    return rows.page(found, wanted.size, node_json, wanted.order)


def ranked_edges(
    store: Storage, graph: str, query: str, filters: Mapping[str, Any]
) -> list[tuple[float, Row]]:
    """Edges that match a query, best first; what holds goes before what is over, then newer."""
    where, values = _where(filters)
    found = store.rows(f"{_EDGES}{where}", graph, *values)
    scored = [(score(query, row["fact"]), row) for row in found]
    scored.sort(
        key=lambda pair: (pair[0], pair[1]["invalid_at"] is None, pair[1]["said_at"]), reverse=True
    )
    return [pair for pair in scored if pair[0] > 0]


def ranked_nodes(store: Storage, graph: str, query: str) -> list[tuple[float, Row]]:
    """Nodes whose name or summary matches a query, best first."""
    scored = [
        (max(score(query, row["name"]), 0.8 * score(query, row["summary"] or "")), row)
        for row in store.rows(_NODES, graph)
    ]
    scored.sort(key=lambda pair: (pair[0], pair[1]["seq"]), reverse=True)
    return [pair for pair in scored if pair[0] > 0]


def all_edges(store: Storage, graph: str) -> list[Row]:
    """Every edge of a graph, newest evidence first."""
    return store.rows(f"{_EDGES} order by edges.said_at desc, edges.seq desc", graph)


def all_nodes(store: Storage, graph: str) -> list[Row]:
    """Every node of a graph, the person first."""
    return store.rows(f"{_NODES} order by nodes.key <> 'user', nodes.seq desc", graph)


def _ordered(store: Storage, sql: str, values: list[Any], table: str, wanted: Wanted) -> list[Row]:
    key, direction = f"{table}.{wanted.order}", "desc" if wanted.down else "asc"
    start = rows.after(wanted.cursor)
    if start:
        sql += f" and ({key}, {table}.seq) {'<' if wanted.down else '>'} (?, ?)"
        values = [*values, *start]
    sql += f" order by {key} {direction}, {table}.seq {direction} limit ?"
    return store.rows(sql, *values, wanted.size + 1)


def _where(filters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for name, value in filters.items():
        if value is None:
            continue
        if name in _LISTS and isinstance(value, list):
            parts.append(_LISTS[name])
            values.append(json.dumps(value))
        elif name == "date_filters" and isinstance(value, dict):
            parts.append(_any_of(value, values))
        else:
            raise invalid(f"filter {name} is not supported", name, "unsupported_filter")
    return "".join(f" and ({part})" for part in parts), values


def _any_of(filters: Mapping[str, Any], values: list[Any]) -> str:
    groups = [
        " and ".join(_date(one, values) for one in group.get("all_of") or []) or "1"
        for group in filters.get("any_of") or []
    ]
    return " or ".join(f"({group})" for group in groups) or "1"


def _date(one: Mapping[str, Any], values: list[Any]) -> str:
    name, operator = one.get("field"), str(one.get("operator"))
    if name not in _DATES or operator not in {**_OPERATORS, **_NULLS}:
        raise invalid("date filter is not valid", "date_filters", "unsupported_filter")
    if operator in _NULLS:
        return f"edges.{name} {_NULLS[operator]}"
    try:
        values.append(moments.stamp(moments.parse(str(one.get("value")))))
    except ValueError:
        raise invalid("date filter needs an RFC 3339 value", "date_filters") from None
    return f"edges.{name} {_OPERATORS[operator]} ?"
