"""Edges of a graph in `/api/v4`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, filters, forgetting, placing, reading, rows
from local.twins.zep.errors import invalid, missing
from local.twins.zep.filters import Where
from local.twins.zep.items import MOST_ITEMS, Given, attributes, items, merged
from local.twins.zep.paging import Listing
from local.twins.zep.tasks import Partly, Tasks

_EDGES = Listing(
    table="edges",
    keys={"uuid": "uuid", "created_at": "created_at", "valid_at": "valid_at"},
    columns="uuid",
    counted=False,
)
_MOMENTS = ("valid_at", "invalid_at", "expired_at")
_SIDES = ("source_node", "target_node")


class Edges:
    """The handlers, and what their tasks do."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["graph.add_edges"] = self._add
        tasks.work["graph.edge.delete"] = self._delete

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        one = "/graphs/{graph_uuid}/edges/{edge_uuid}"
        return [
            ("POST", "/graphs/{graph_uuid}/edges", self.add),
            ("POST", "/graphs/{graph_uuid}/edges/list", self.listed),
            ("GET", one, self.get),
            ("PATCH", one, self.update),
            ("DELETE", one, self.delete),
        ]

    def add(self, call: Call) -> Answer:
        """Fact triples. Without `deduplicate` the ends are known at once: those referred to, and
        the uuids of the nodes that will be made."""
        owner = reading.open_graph(self._store, call)
        deduplicate = bool(checks.flag(call.body, "deduplicate"))
        edges = [self._checked(owner, item) for item in items(call.body, "edges", MOST_ITEMS)]
        if not deduplicate:
            for item in edges:
                for side in _SIDES:
                    item[side]["assigned"] = item[side].get("uuid") or rows.new_id()
        payload = {"graph": owner, "edges": edges, "deduplicate": deduplicate}
        task = self._tasks.add("graph.add_edges", payload, graph=owner)
        return Answer({"edges": [_acknowledged(item) for item in edges], "task": task}, 202)

    def listed(self, call: Call) -> Answer:
        owner = reading.graph_of(self._store, call)
        narrowed = filters.where("edges", filters.given(call.body, filters.EDGE_LIST))
        where = Where(" and edges.graph_uuid = ?" + narrowed.sql, (owner, *narrowed.values))

        def shown(found: list[Row]) -> list[Json]:
            edges = reading.edges(self._store, [row["uuid"] for row in found])
            return [reading.edge_json(row) for row in edges]

        return Answer(_EDGES.page(self._store, call, shown, where))

    def get(self, call: Call) -> Answer:
        return Answer(reading.edge_json(self._edge(call)))

    def update(self, call: Call) -> Answer:
        """`fact` is replaced, `attributes` merged: null removes one."""
        reading.open_graph(self._store, call)
        row, fact = self._edge(call), Given(call.body).fact(required=False)
        if fact is not None:
            placing.restate(self._store, row, fact)
        if call.body.get("attributes") is not None:
            self._store.run(
                "update edges set attributes = ? where uuid = ?",
                merged(row["attributes"], attributes(call.body)),
                row["uuid"],
            )
        return Answer(reading.edge_json(self._edge(call)))

    def delete(self, call: Call) -> Answer:
        """The edge goes; its nodes stay."""
        owner, row = reading.open_graph(self._store, call), self._edge(call)
        task = self._tasks.add("graph.edge.delete", {"edge": row["uuid"]}, graph=owner)
        return Answer({"task": task}, 202)

    def _edge(self, call: Call) -> Row:
        owner, edge = (
            reading.graph_of(self._store, call),
            checks.identifier(call, "edge_uuid"),
        )
        found = reading.edges(self._store, [edge])
        if not found or found[0]["graph_uuid"] != owner:
            raise missing("edge")
        return found[0]

    def _checked(self, owner: str, item: Json) -> Json:
        given = Given(item)
        return {
            "uuid": rows.new_id(),
            "fact": given.fact(),
            "fact_name": given.fact_name(),
            **{name: checks.moment(item, name) for name in _MOMENTS},
            "attributes": attributes(item) or None,
            "metadata": checks.metadata(item) or None,
            **{side: self._end(owner, item.get(side), side) for side in _SIDES},
        }

    def _end(self, owner: str, item: Any, side: str) -> Json:
        """A reference to a node: by the uuid of one that is there, or by a name."""
        if not isinstance(item, dict) or (item.get("uuid") is None) == (item.get("name") is None):
            raise invalid(f"{side} needs a uuid or a name, and not both", side)
        if item.get("uuid") is not None:
            uuid = checks.uuid_of(item["uuid"], f"{side}.uuid")
            known = self._store.row(
                "select 1 from nodes where uuid = ? and graph_uuid = ?", uuid, owner
            )
            if known is None:
                raise missing("node")
            return {"uuid": uuid}
        given = Given(item)
        end = {
            "name": given.name(),
            "labels": given.labels() or None,
            "summary": given.summary(),
            "attributes": attributes(item) or None,
        }
        return rows.without_nulls(end)

    def _add(self, _: Row, payload: Json) -> Json | Partly:
        written, gone = [], 0
        for item in payload["edges"]:
            try:
                written.append(
                    placing.edge(
                        self._store, payload["graph"], item, deduplicate=payload["deduplicate"]
                    )
                )
            except LookupError:
                gone += 1
        names = ("edge_uuid", "source_node_uuid", "target_node_uuid")
        edges = [{name: one[name] for name in names} for one in written]
        result: Json = {"edges": edges}
        if len(written) == 1:
            result = {**written[0], **result}
        if not gone:
            return result
        of = len(payload["edges"])
        return Partly(result if written else None, f"{gone} of {of} edges refer to what is gone")

    def _delete(self, _: Row, payload: Json) -> Json:
        forgetting.edge(self._store, payload["edge"])
        return {}


def _acknowledged(item: Mapping[str, Any]) -> Json:
    """An AddedEdge: what was given, and the uuids that are known by now."""
    shown = dict(item)
    for side in _SIDES:
        shown[f"{side}_uuid"] = item[side].get("assigned")
        shown[side] = {name: value for name, value in item[side].items() if name != "assigned"}
    return rows.without_nulls(shown)
