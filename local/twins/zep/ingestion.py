"""Ingestion: what a thread's messages and a graph's texts state becomes part of the graph."""

from __future__ import annotations

from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import graph
from local.twins.zep.tasks import Tasks


class Ingestion:
    """What the tasks `thread.add_messages` and `graph.add` do.

    Their payload: `episodes` (uuids, in the order added), `ignore_roles`, and `strict_ontology`.
    """

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store = store
        tasks.work["thread.add_messages"] = self._messages
        tasks.work["graph.add"] = self._text

    def _messages(self, _: Row, payload: Json) -> Json:
        edges = self._ingest(payload)
        return {"episodes": [{"episode_uuid": e} for e in payload["episodes"]], "edges": edges}

    def _text(self, _: Row, payload: Json) -> Json:
        edges = self._ingest(payload)
        return {"episode_uuid": payload["episodes"][0], "edges": edges}

    def _ingest(self, payload: Json) -> list[Json]:
        """Learns from each episode that is still there; answers the edges stated."""
        edges: list[Json] = []
        for episode in payload["episodes"]:
            row = self._store.row("select * from episodes where uuid = ?", episode)
            if row is None:
                continue
            if row["role"] not in payload["ignore_roles"]:
                edges.extend(graph.learn(self._store, row))
            self._store.run("update episodes set processed = 1 where uuid = ?", episode)
        return edges
