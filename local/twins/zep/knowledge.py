"""The graph of `/api/v4`: context, searches, nodes, edges and episodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, context, graph, reading
from local.twins.zep import store as rows
from local.twins.zep.errors import invalid, missing
from local.twins.zep.tasks import Tasks

_MOST_QUERY = 400


class Knowledge:
    """The handlers, and what their tasks do."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["graph.edge.delete"] = self._do_delete_edge
        tasks.work["graph.episode.delete"] = self._do_delete_episode

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        return [
            ("POST", "/graphs/{graph_uuid}/context", self.graph_context),
            ("POST", "/graphs/{graph_uuid}/search/edges", self.search_edges),
            ("POST", "/graphs/{graph_uuid}/search/nodes", self.search_nodes),
            ("POST", "/graphs/{graph_uuid}/nodes/list", self.list_nodes),
            ("POST", "/graphs/{graph_uuid}/edges/list", self.list_edges),
            ("GET", "/graphs/{graph_uuid}/nodes/{node_uuid}", self.get_node),
            ("GET", "/graphs/{graph_uuid}/edges/{edge_uuid}", self.get_edge),
            ("DELETE", "/graphs/{graph_uuid}/edges/{edge_uuid}", self.delete_edge),
            ("POST", "/graphs/{graph_uuid}/episodes", self.add_episode),
            ("GET", "/graphs/{graph_uuid}/episodes/{episode_uuid}", self.get_episode),
            ("DELETE", "/graphs/{graph_uuid}/episodes/{episode_uuid}", self.delete_episode),
        ]

    def graph_context(self, call: Call) -> Answer:
        graph_uuid, query = self._graph(call), self._query(call)
        most = call.body.get("max_characters", context.DEFAULT_CHARACTERS)
        if not isinstance(most, int) or not 1 <= most <= context.MOST_CHARACTERS:
            raise invalid("max_characters must be 1 to 50000", "max_characters")
        results = bool(call.body.get("include_results"))
        return Answer(context.assemble(self._store, graph_uuid, query, most=most, results=results))

    def search_edges(self, call: Call) -> Answer:
        graph_uuid, query = self._graph(call), self._query(call)
        found = reading.ranked_edges(self._store, graph_uuid, query, self._filters(call))
        return self._ranked(call, found, reading.edge_json)

    def search_nodes(self, call: Call) -> Answer:
        graph_uuid, query = self._graph(call), self._query(call)
        for name in self._filters(call):
            raise invalid(f"filter {name} is not supported", name, "unsupported_filter")
        return self._ranked(
            call, reading.ranked_nodes(self._store, graph_uuid, query), reading.node_json
        )

    def list_nodes(self, call: Call) -> Answer:
        graph_uuid = self._graph(call)
        for name in self._filters(call):
            raise invalid(f"filter {name} is not supported", name, "unsupported_filter")
        wanted = self._wanted(call, ("uuid", "created_at"))
        return Answer(reading.node_page(self._store, graph_uuid, wanted))

    def list_edges(self, call: Call) -> Answer:
        graph_uuid = self._graph(call)
        wanted = self._wanted(call, ("uuid", "created_at", "valid_at"))
        return Answer(reading.edge_page(self._store, graph_uuid, self._filters(call), wanted))

    def get_node(self, call: Call) -> Answer:
        row = reading.node(self._store, self._graph(call), checks.identifier(call, "node_uuid"))
        if row is None:
            raise missing("node")
        return Answer(reading.node_json(row))

    def get_edge(self, call: Call) -> Answer:
        return Answer(reading.edge_json(self._edge(call)))

    def delete_edge(self, call: Call) -> Answer:
        return self._accepted("graph.edge.delete", {"edge": self._edge(call)["uuid"]})

    def add_episode(self, call: Call) -> Answer:
        graph_uuid, at = self._graph(call), moments.stamp(moments.now())
        if call.body.get("type", "text") not in {"text", "json", "message"}:
            raise invalid("type must be text, json or message", "type")
        item: Json = {
            "content": checks.text(call.body, "data", most=checks.MAX_DATA),
            "source": call.body.get("type", "text"),
            "source_description": checks.text(
                call.body, "source_description", most=500, required=False
            ),
            "metadata": checks.metadata(call.body),
            "reference_time": checks.reference_time(call.body, at),
        }
        row = rows.add_episode(self._store, graph_uuid, item, at)
        task = self._tasks.add("graph.add", {"episodes": [row["uuid"]], "ignore_roles": []})
        return Answer({"episode": rows.episode_json(row), "task": task}, 202)

    def get_episode(self, call: Call) -> Answer:
        return Answer(rows.episode_json(self._episode(call)))

    def delete_episode(self, call: Call) -> Answer:
        return self._accepted("graph.episode.delete", {"episode": self._episode(call)["uuid"]})

    def _do_delete_edge(self, _: Row, payload: Json) -> Json:
        graph.forget_edge(self._store, payload["edge"])
        return {}

    def _do_delete_episode(self, _: Row, payload: Json) -> Json:
        graph.forget_episode(self._store, payload["episode"])
        return {}

    def _accepted(self, kind: str, payload: Json) -> Answer:
        return Answer({"task": self._tasks.add(kind, payload)}, 202)

    def _ranked(
        self, call: Call, found: list[tuple[float, Row]], shown: Callable[[Row], Json]
    ) -> Answer:
        size = checks.page_size(call, most=50)
        start = rows.after(call.query.get("cursor"))
        first = start[1] if start else 0
        items = [{**shown(row), "score": value} for value, row in found[first : first + size]]
        body: dict[str, Any] = {"items": items}
        if len(found) > first + size:
            body["next_cursor"] = rows.cursor("rank", first + size)
        return Answer(body)

    def _query(self, call: Call) -> str:
        query = checks.text(call.body, "query", most=checks.MAX_DATA) or ""
        return query[:_MOST_QUERY]

    def _filters(self, call: Call) -> Json:
        filters = call.body.get("filters") or {}
        if not isinstance(filters, dict):
            raise invalid("filters must be an object", "filters")
        return filters

    def _graph(self, call: Call) -> str:
        return rows.graph_uuid(self._store, checks.identifier(call, "graph_uuid"))

    def _edge(self, call: Call) -> Row:
        row = reading.edge(self._store, self._graph(call), checks.identifier(call, "edge_uuid"))
        if row is None:
            raise missing("edge")
        return row

    def _episode(self, call: Call) -> Row:
        graph_uuid, episode = self._graph(call), checks.identifier(call, "episode_uuid")
        row = self._store.row(
            "select * from episodes where uuid = ? and graph_uuid = ?", episode, graph_uuid
        )
        if row is None:
            raise missing("episode")
        return row

    def _wanted(self, call: Call, orders: tuple[str, ...]) -> reading.Wanted:
        return reading.Wanted(
            order=checks.choice(call, "order_by", orders),
            down=checks.choice(call, "order", ("desc", "asc")) == "desc",
            size=checks.page_size(call),
            cursor=call.query.get("cursor"),
        )
