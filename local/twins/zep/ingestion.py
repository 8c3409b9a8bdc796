"""Ingestion: what a thread's messages and a graph's texts state becomes part of the graph."""

from __future__ import annotations

import logging

from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import graph, indexing, summaries
from local.twins.zep.tasks import Partly, Tasks

_LOG = logging.getLogger("local.twins")


class Ingestion:
    """What the tasks `thread.add_messages` and `graph.add` do.

    Their payload: `episodes` (uuids, in the order added), `ignore_roles`, and `strict_ontology`.
    """

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store = store
        tasks.work["thread.add_messages"] = self._messages
        tasks.work["graph.add"] = self._text

    def _messages(self, _: Row, payload: Json) -> Json | Partly:
        edges, failed = self._ingest(payload)
        episodes = payload["episodes"]
        result = {"episodes": [{"episode_uuid": e} for e in episodes], "edges": edges}
        return _ended(result, failed, len(episodes))

    def _text(self, _: Row, payload: Json) -> Json | Partly:
        edges, failed = self._ingest(payload)
        return _ended({"episode_uuid": payload["episodes"][0], "edges": edges}, failed, 1)

    def _ingest(self, payload: Json) -> tuple[list[Json], int]:
        """Learns from each episode that is still there; answers the edges stated, and how many
        episodes could not be read."""
        edges: list[Json] = []
        threads: dict[str, None] = {}
        failed = 0
        for episode in payload["episodes"]:
            row = self._store.row("select * from episodes where uuid = ?", episode)
            if row is None:
                continue
            if row["thread_uuid"]:
                threads[row["thread_uuid"]] = None
            try:
                edges.extend(self._one(row, payload))
            except Exception as problem:  # the others are ingested all the same
                _LOG.error("an episode failed: %s", type(problem).__name__)
                failed += 1
        for thread in threads:
            summaries.renew(self._store, thread)
        return edges, failed

    def _one(self, row: Row, payload: Json) -> list[Json]:
        with self._store.savepoint():
            ignored = row["role"] in payload["ignore_roles"]
            strict = bool(payload.get("strict_ontology"))
            edges = [] if ignored else graph.learn(self._store, row, strict=strict)
            indexing.put_episode(self._store, row)
            self._store.run("update episodes set processed = 1 where uuid = ?", row["uuid"])
            return edges


def _ended(result: Json, failed: int, of: int) -> Json | Partly:
    if not failed:
        return result
    return Partly(result if failed < of else None, f"{failed} of {of} episodes were not ingested")
