"""Nodes of a graph in `/api/v4`."""

from __future__ import annotations

import json
from dataclasses import replace

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, filters, forgetting, graph, indexing, placing, reading, rows
from local.twins.zep.errors import missing
from local.twins.zep.filters import Where
from local.twins.zep.items import MOST_ITEMS, Given, attributes, items, merged
from local.twins.zep.paging import Listing
from local.twins.zep.tasks import Tasks

_DEGREE = (
    "((select count(*) from edges where source_uuid = nodes.uuid and expired_at is null) + "
    "(select count(*) from edges where target_uuid = nodes.uuid and source_uuid <> nodes.uuid "
    "and expired_at is null))"
)
_NODES = Listing(
    table="nodes",
    keys={"uuid": "uuid", "created_at": "created_at", "degree": _DEGREE},
    columns="uuid",
    counted=False,
)
_NEIGHBORS = replace(_NODES, keys={"uuid": "uuid", "created_at": "created_at"})
_WAYS = ("both", "in", "out")
# {0}: filters of edges. The other ends of a node's edges, by the way they point.
_OUT = "select target_uuid from edges where source_uuid = ?{0}"
_IN = "select source_uuid from edges where target_uuid = ?{0}"
_BETWEEN = (
    "select uuid, source_uuid, target_uuid from edges where (source_uuid = ? and target_uuid in "
    "(select value from json_each(?)) or target_uuid = ? and source_uuid in "
    "(select value from json_each(?))){0} order by seq"
)


class Nodes:
    """The handlers, and what their tasks do."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["graph.add_nodes"] = self._add
        tasks.work["graph.node.delete"] = self._delete

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        one = "/graphs/{graph_uuid}/nodes/{node_uuid}"
        return [
            ("POST", "/graphs/{graph_uuid}/nodes", self.add),
            ("POST", "/graphs/{graph_uuid}/nodes/list", self.listed),
            ("GET", one, self.get),
            ("PATCH", one, self.update),
            ("DELETE", one, self.delete),
            ("POST", f"{one}/neighbors", self.neighbors),
        ]

    def add(self, call: Call) -> Answer:
        """Nodes as given, also beside others of the same name; they are there when the task is
        done."""
        owner, at = reading.open_graph(self._store, call), moments.stamp(moments.now())
        added = [
            {"uuid": rows.new_id(), "created_at": at, **_checked(item)}
            for item in items(call.body, "nodes", MOST_ITEMS)
        ]
        task = self._tasks.add("graph.add_nodes", {"graph": owner, "nodes": added}, graph=owner)
        return Answer({"nodes": [rows.without_nulls(one) for one in added], "task": task}, 202)

    def listed(self, call: Call) -> Answer:
        owner, by_degree = reading.graph_of(self._store, call), _NODES.order(call) == "degree"
        narrowed = filters.where("nodes", filters.given(call.body, filters.NODE_LIST))
        where = Where(" and nodes.graph_uuid = ?" + narrowed.sql, (owner, *narrowed.values))

        def shown(found: list[Row]) -> list[Json]:
            nodes = map(reading.node_json, reading.nodes(self._store, [r["uuid"] for r in found]))
            if not by_degree:
                return [*nodes]
            return [
                {**node, "degree": row["sort_key"]} for node, row in zip(nodes, found, strict=True)
            ]

        return Answer(_NODES.page(self._store, call, shown, where))

    def get(self, call: Call) -> Answer:
        return Answer(reading.node_json(self._node(call)))

    def update(self, call: Call) -> Answer:
        """`name` and `summary` are replaced, `attributes` merged: null removes one."""
        reading.open_graph(self._store, call)
        row, given = self._node(call), Given(call.body)
        name, summary = given.name(required=False), given.summary()
        if name is not None:
            self._store.run("update nodes set name = ? where uuid = ?", name, row["uuid"])
            self._store.run(
                "update or ignore nodes set key = ? where uuid = ? and key <> 'user'",
                graph.plain_name(name).casefold(),
                row["uuid"],
            )
        if summary is not None:
            self._store.run("update nodes set summary = ? where uuid = ?", summary, row["uuid"])
        if call.body.get("attributes") is not None:
            self._store.run(
                "update nodes set attributes = ? where uuid = ?",
                merged(row["attributes"], attributes(call.body)),
                row["uuid"],
            )
        indexing.put_node(self._store, row["uuid"])
        return Answer(reading.node_json(self._node(call)))

    def delete(self, call: Call) -> Answer:
        """The node goes with all its edges."""
        owner, row = reading.open_graph(self._store, call), self._node(call)
        task = self._tasks.add("graph.node.delete", {"node": row["uuid"]}, graph=owner)
        return Answer({"task": task}, 202)

    def neighbors(self, call: Call) -> Answer:
        """The nodes at the other ends of a node's edges, each with the edges between."""
        owner, node = reading.graph_of(self._store, call), self._node(call)["uuid"]
        way = checks.one_of(call.body, "direction", _WAYS)
        given = filters.given(call.body, filters.CONTEXT)
        of_edges = filters.where("edges", given, filters.EDGE_SEARCH)
        parts = {"out": [_OUT], "in": [_IN], "both": [_OUT, _IN]}[way]
        ends = " union all ".join(part.format(of_edges.sql) for part in parts)
        of_nodes = filters.where("nodes", given, frozenset({"node_labels", "exclude_node_labels"}))
        where = Where(
            f" and nodes.graph_uuid = ? and nodes.uuid <> ? and nodes.uuid in ({ends})"
            + of_nodes.sql,
            (owner, node, *((node, *of_edges.values) * len(parts)), *of_nodes.values),
        )

        def shown(found: list[Row]) -> list[Json]:
            return self._entries(node, [row["uuid"] for row in found], way, of_edges)

        return Answer(_NEIGHBORS.page(self._store, call, shown, where))

    def _entries(self, node: str, others: list[str], way: str, where: Where) -> list[Json]:
        chosen = json.dumps(others)
        to = chosen if way != "in" else "[]"
        back = chosen if way != "out" else "[]"
        between: dict[str, list[str]] = {}
        for row in self._store.rows(
            _BETWEEN.format(where.sql), node, to, node, back, *where.values
        ):
            other = row["target_uuid"] if row["source_uuid"] == node else row["source_uuid"]
            between.setdefault(other, []).append(row["uuid"])
        return [
            {
                "node": reading.node_json(row),
                "edges": [
                    reading.edge_json(edge)
                    for edge in reading.edges(self._store, between.get(row["uuid"], []))
                ],
            }
            for row in reading.nodes(self._store, others)
        ]

    def _node(self, call: Call) -> Row:
        owner, node = (
            reading.graph_of(self._store, call),
            checks.identifier(call, "node_uuid"),
        )
        found = reading.nodes(self._store, [node])
        if not found or found[0]["graph_uuid"] != owner:
            raise missing("node")
        return found[0]

    def _add(self, _: Row, payload: Json) -> Json:
        for item in payload["nodes"]:
            placing.node(self._store, payload["graph"], item)
        return {}

    def _delete(self, _: Row, payload: Json) -> Json:
        forgetting.node(self._store, payload["node"])
        return {}


def _checked(item: Json) -> Json:
    given = Given(item)
    return {
        "name": given.name(),
        "label": given.label(),
        "summary": given.summary(),
        "attributes": attributes(item) or None,
        "metadata": checks.metadata(item) or None,
    }
