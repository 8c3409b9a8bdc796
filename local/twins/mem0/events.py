"""Asynchronous jobs: PENDING → RUNNING → SUCCEEDED | FAILED, in the order they came."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from local.twins import moments
from local.twins.server import Json
from local.twins.storage import Row, Storage

_LOG = logging.getLogger("local.twins")
Work = Callable[[Json], list[Json]]
"""payload → results."""


def event_json(row: Row) -> Json:
    """An event; `latency` in milliseconds once it is done."""
    names = "id event_type status created_at updated_at started_at completed_at"
    latency = None
    if row["completed_at"] and row["started_at"]:
        done = moments.parse(row["completed_at"]) - moments.parse(row["started_at"])
        latency = done.total_seconds() * 1000
    return {
        **{name: row[name] for name in names.split()},
        "payload": json.loads(row["payload"]),
        "results": json.loads(row["results"]),
        "metadata": {},
        "latency": latency,
        "graph_status": None,
        "error": "the job failed" if row["status"] == "FAILED" else None,
    }


class Events:
    """The queue of one twin; what is unfinished is taken up again after a restart."""

    def __init__(self, store: Storage, *, delay: float) -> None:
        """`delay`: seconds between the call and its effect."""
        self._store, self._delay = store, delay
        self.work: dict[str, Work] = {}
        self.added: Callable[[], None] = lambda: None
        # What an earlier process left is due no later than if it were asked for now.
        store.run("update events set due = min(due, ?)", time.time() + delay)

    def add(self, kind: str, payload: Json) -> str:
        """Enqueues a job and answers its event id."""
        return self._insert(kind, payload, status="PENDING", results=[])

    def done(self, kind: str, payload: Json, results: list[Json]) -> str:
        """Records a job that was done while the caller waited."""
        return self._insert(kind, payload, status="SUCCEEDED", results=results)

    def _insert(self, kind: str, payload: Json, *, status: str, results: list[Json]) -> str:
        event, at = str(uuid.uuid4()), moments.stamp(moments.now())
        over = at if status == "SUCCEEDED" else None
        self._store.insert(
            "events",
            id=event,
            event_type=kind,
            status=status,
            payload=json.dumps(payload),
            results=json.dumps(results),
            created_at=at,
            updated_at=at,
            started_at=over,
            completed_at=over,
            due=time.time() + self._delay,
        )
        self.added()
        return event

    def shown(self, event: str) -> Json | None:
        """An event by id."""
        row = self._store.row("select * from events where id = ?", event)
        return event_json(row) if row else None

    def step(self) -> float | None:
        """Does what is due and answers the seconds until the next, None when all is done."""
        while True:
            row = self._store.row(
                "select * from events where status in ('PENDING', 'RUNNING') order by seq limit 1"
            )
            if row is None:
                return None
            if row["status"] == "PENDING":
                at = moments.stamp(moments.now())
                self._set(row, status="RUNNING", started_at=at)
            wait = float(row["due"]) - time.time()
            if wait > 0:
                return wait
            self._finish(row)

    def _finish(self, row: Row) -> None:
        at = moments.stamp(moments.now())
        try:
            with self._store.transaction():
                results = self.work[row["event_type"]](json.loads(row["payload"]))
                self._set(row, status="SUCCEEDED", results=json.dumps(results), completed_at=at)
        except Exception as failure:  # one bad job must not stop the queue
            _LOG.error("event %s failed: %s", row["event_type"], type(failure).__name__)
            self._set(row, status="FAILED", completed_at=at)

    def _set(self, row: Row, **values: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        self._store.run(
            f"update events set {columns}, updated_at = ? where id = ?",  # noqa: S608 - our names
            *values.values(),
            moments.stamp(moments.now()),
            row["id"],
        )
