"""Edges, nodes and episodes as the wire shows them, read a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable

from local.twins.server import Call, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, rows

MANY = 100
_EDGES = """
select edges.*, source.name as source_name, source.labels as source_labels,
    target.name as target_name, target.labels as target_labels, users.uuid as user_uuid,
    (select json_group_array(episode_uuid) from (select episode_uuid from mentions
        where owner_uuid = edges.uuid order by seq)) as episodes
from edges left join users on users.graph_uuid = edges.graph_uuid
    left join nodes as source on source.uuid = edges.source_uuid
    left join nodes as target on target.uuid = edges.target_uuid
where edges.uuid in (select value from json_each(?))"""
# A summary tells the 50 newest facts that hold, in the order they were learned.
_NODES = """
select nodes.*, users.uuid as user_uuid,
    (select json_group_array(uuid) from (select episodes.uuid from mentions
        join episodes on episodes.uuid = mentions.episode_uuid and episodes.shadow = 0
        where owner_uuid = nodes.uuid order by mentions.seq desc limit 101)) as episodes,
    case when nodes.summary is null then (select group_concat(fact, '. ') from (
        select seq, fact from (
            select seq, fact from (select seq, fact from edges
                where source_uuid = nodes.uuid and invalid_at is null
                order by seq desc limit 50)
            union select seq, fact from (select seq, fact from edges
                where target_uuid = nodes.uuid and invalid_at is null
                order by seq desc limit 50)
            order by seq desc limit 50) order by seq)) end as told
from nodes left join users on users.graph_uuid = nodes.graph_uuid
where nodes.uuid in (select value from json_each(?))"""
_EPISODES = """
select episodes.*, users.uuid as user_uuid
from episodes left join users on users.graph_uuid = episodes.graph_uuid
where episodes.uuid in (select value from json_each(?))"""

_SUMMARIES = "select * from thread_summaries where uuid in (select value from json_each(?))"


def graph_of(store: Storage, call: Call) -> str:
    """The graph of the path: by its own uuid or its user's."""
    return rows.graph_uuid(store, checks.identifier(call, "graph_uuid"))


def open_graph(store: Storage, call: Call) -> str:
    """The same for writes: not a graph that is being deleted, by itself or with its user."""
    graph = graph_of(store, call)
    owner = store.row(
        "select deletion from users where graph_uuid = ?1 "
        "union all select deletion from graphs where uuid = ?1",
        graph,
    )
    if owner:
        rows.kept(owner, "graph")
    return graph


def edge_json(row: Row) -> Json:
    """An Edge."""
    names = (
        "uuid graph_uuid user_uuid name fact invalid_at created_at expired_at "
        "source_node_uuid target_node_uuid"
    )
    shown = {name: row[name.replace("_node_uuid", "_uuid")] for name in names.split()}
    for side in ("source", "target"):
        shown[f"{side}_node_name"] = row[f"{side}_name"]
        labels = row[f"{side}_labels"]
        shown[f"{side}_node_labels"] = json.loads(labels) if labels else None
    return rows.without_nulls(
        {
            **shown,
            "valid_at": row["valid_at"] or None,
            "episode_uuids": json.loads(row["episodes"]),
            "attributes": json.loads(row["attributes"] or "{}"),
            "scope": "entity",
        }
    )


def node_json(row: Row) -> Json:
    """A Node; `episode_uuids` are the newest 100."""
    episodes = json.loads(row["episodes"])
    names = ("uuid", "graph_uuid", "user_uuid", "name", "created_at")
    return rows.without_nulls(
        {
            **{name: row[name] for name in names},
            "labels": json.loads(row["labels"]),
            "summary": summary_of(row),
            "attributes": json.loads(row["attributes"] or "{}"),
            "episode_uuids": episodes[:MANY],
            "episode_uuids_truncated": len(episodes) > MANY,
        }
    )


def summary_of(row: Row) -> str:
    """What somebody wrote of a node, else what its facts tell; so too when it was cleared."""
    if row["summary"]:
        return str(row["summary"])
    return f"{row['told']}." if row["told"] else ""


def edges(store: Storage, uuids: Iterable[str]) -> list[Row]:
    """Edges in the order of their uuids; those that are gone are left out."""
    return _by_uuid(store, _EDGES, uuids)


def nodes(store: Storage, uuids: Iterable[str]) -> list[Row]:
    """Nodes in the order of their uuids."""
    return _by_uuid(store, _NODES, uuids)


def episodes(store: Storage, uuids: Iterable[str]) -> list[Row]:
    """Episodes in the order of their uuids."""
    return _by_uuid(store, _EPISODES, uuids)


def thread_summaries(store: Storage, uuids: Iterable[str]) -> list[Row]:
    """Summaries of threads in the order of their uuids."""
    return _by_uuid(store, _SUMMARIES, uuids)


def _by_uuid(store: Storage, sql: str, uuids: Iterable[str]) -> list[Row]:
    wanted = list(uuids)
    found = {row["uuid"]: row for row in store.rows(sql, json.dumps(wanted))}
    return [found[uuid] for uuid in wanted if uuid in found]


def person(store: Storage, graph: str) -> Row | None:
    """The node that stands for whom a user's graph is about."""
    row = store.row(
        "select nodes.uuid from nodes join users on users.graph_uuid = nodes.graph_uuid "
        "where nodes.graph_uuid = ? and nodes.key = 'user'",
        graph,
    )
    return next(iter(nodes(store, [row["uuid"]])), None) if row else None
