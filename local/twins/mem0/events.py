"""Asynchronous jobs: PENDING → RUNNING → SUCCEEDED | FAILED, in the order they came."""

from __future__ import annotations

import json
import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.twins import moments
from local.twins.server import Json
from local.twins.storage import Row, Storage

_LOG = logging.getLogger("local.twins")
Work = Callable[[Json], list[Json]]
"""job → results."""
EXPORT = "EXPORT"
"""A kind of job that isn't shown as an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How ingestion goes."""

    seconds: float
    """Between a call and its effect."""
    failures: float = 0.0
    """The share of ingestions that fail, 0 to 1."""
    seed: int = 0


class Planned(Exception):
    """A job that is meant to fail."""


def event_json(row: Row) -> Json:
    """An event; its times and `latency` (milliseconds) are there once they are known."""
    names = "id event_type status created_at updated_at started_at completed_at"
    shown = {name: row[name] for name in names.split() if row[name] is not None}
    if row["completed_at"] and row["started_at"]:
        done = moments.parse(row["completed_at"]) - moments.parse(row["started_at"])
        shown["latency"] = done.total_seconds() * 1000
    return {
        **shown,
        "payload": json.loads(row["payload"]),
        "results": json.loads(row["results"]),
        "metadata": {},
    }


class Events:
    """The queue of one twin; what is unfinished is taken up again after a restart."""

    def __init__(self, store: Storage, pace: Pace) -> None:
        self._store, self._first = store, pace
        self.work: dict[str, Work] = {}
        self.added: Callable[[], None] = lambda: None
        self.failed = 0
        """How many ingestions were made to fail."""
        self.go(pace)

    def go(self, pace: Pace) -> None:
        """Goes on at another pace; what is under way is done no later than by it."""
        self.pace, self._dice = pace, random.Random(pace.seed)  # noqa: S311 - repeatable faults
        # This holds for what an earlier process left, too.
        self._store.run(
            "update events set due = min(due, ?) where status in ('PENDING', 'RUNNING')",
            time.time() + pace.seconds,
        )
        self.added()

    def reset(self) -> None:
        """Goes on as at the start."""
        self.failed = 0
        self.go(self._first)

    def add(self, kind: str, payload: Json, *, job: Json | None = None) -> str:
        """Enqueues a job and answers its event id. `job`: what the work needs, if not `payload`."""
        fails = kind == "ADD" and self._dice.random() < self.pace.failures
        return self._insert(kind, payload, status="PENDING", job=job or payload, fails=fails)

    def done(self, kind: str, payload: Json, results: list[Json]) -> str:
        """Records a job that was done while the caller waited."""
        return self._insert(kind, payload, status="SUCCEEDED", results=json.dumps(results))

    def _insert(self, kind: str, payload: Json, *, status: str, **more: Any) -> str:
        event, at = str(uuid.uuid4()), moments.stamp(moments.now())
        over = at if status == "SUCCEEDED" else None
        self._store.insert(
            "events",
            id=event,
            event_type=kind,
            status=status,
            payload=json.dumps(payload),
            results=more.get("results", "[]"),
            created_at=at,
            updated_at=at,
            started_at=over,
            completed_at=over,
            due=time.time() + self.pace.seconds,
            job=json.dumps(more["job"]) if "job" in more else None,
            fails=more.get("fails", False),
        )
        self.added()
        return event

    def shown(self, event: str) -> Json | None:
        """An event by id."""
        row = self._store.row(
            "select * from events where id = ? and event_type != ?", event, EXPORT
        )
        if row is None:
            return None
        error = "the job failed" if row["status"] == "FAILED" else None
        return {**event_json(row), "graph_status": None, "error": error}

    def status(self, event: str) -> str:
        """The status of a job that is there."""
        row = self._store.row("select status from events where id = ?", event)
        return str(row["status"]) if row else "FAILED"

    def step(self) -> float | None:
        """Does the oldest job if it is due; the seconds until the next, None when all is done."""
        row = self._store.row(
            "select * from events where status in ('PENDING', 'RUNNING') order by seq limit 1"
        )
        if row is None:
            return None
        if row["status"] == "PENDING":
            self._set(row, status="RUNNING", started_at=moments.stamp(moments.now()))
        wait = float(row["due"]) - time.time()
        if wait > 0:
            return wait
        self._finish(row)
        return 0.0

    def _finish(self, row: Row) -> None:
        """The work and its being done are one transaction: a kill leaves both or neither."""
        try:
            with self._store.transaction():
                if row["fails"]:
                    raise Planned
                results = self.work[row["event_type"]](json.loads(row["job"] or row["payload"]))
                at = moments.stamp(moments.now())
                self._set(row, status="SUCCEEDED", results=json.dumps(results), completed_at=at)
        except Exception as failure:  # one bad job must not stop the queue
            self.failed += row["fails"]
            if not isinstance(failure, Planned):
                _LOG.error("event %s failed: %s", row["event_type"], type(failure).__name__)
            self._set(row, status="FAILED", completed_at=moments.stamp(moments.now()))

    def _set(self, row: Row, **values: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        self._store.run(
            f"update events set {columns}, updated_at = ? where id = ?",  # noqa: S608 - our names
            *values.values(),
            moments.stamp(moments.now()),
            row["id"],
        )
