"""Asynchronous operations: pending → processing → succeeded, in the order they were asked for."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable

from local.twins import moments
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep.store import new_id, without_nulls

_LOG = logging.getLogger("local.twins")
Work = Callable[[Row, Json], Json]
"""(task, payload) → result."""


def task_json(row: Row) -> Json:
    """A Task."""
    names = "uuid type status created_at updated_at started_at completed_at"
    shown = {name: row[name] for name in names.split()}
    shown["result"] = json.loads(row["result"]) if row["result"] else None
    shown["error"] = json.loads(row["error"]) if row["error"] else None
    return without_nulls(shown)


class Tasks:
    """The queue of one twin; what is unfinished is taken up again after a restart."""

    def __init__(self, store: Storage, *, delay: float) -> None:
        """`delay`: seconds between the call and its effect."""
        self._store, self._delay = store, delay
        self.work: dict[str, Work] = {}
        self.added: Callable[[], None] = lambda: None
        # What an earlier process left is due no later than if it were asked for now.
        store.run("update tasks set due = min(due, ?)", time.time() + delay)

    def add(self, kind: str, payload: Json) -> Json:
        """Enqueues an operation and answers its Task."""
        at, task = moments.stamp(moments.now()), new_id()
        self._store.insert(
            "tasks",
            uuid=task,
            type=kind,
            status="pending",
            payload=json.dumps(payload),
            created_at=at,
            updated_at=at,
            due=time.time() + self._delay,
        )
        self.added()
        return self.shown(task)

    def shown(self, task: str) -> Json:
        """A task by uuid; {} when there is none."""
        row = self._store.row("select * from tasks where uuid = ?", task)
        return task_json(row) if row else {}

    def step(self) -> float | None:
        """Does what is due and answers the seconds until the next, None when all is done."""
        while True:
            row = self._store.row(
                "select * from tasks where status in ('pending', 'processing') order by seq limit 1"
            )
            if row is None:
                return None
            if row["status"] == "pending":
                self._begin(row)
            wait = float(row["due"]) - time.time()
            if wait > 0:
                return wait
            self._finish(row)

    def _begin(self, row: Row) -> None:
        at = moments.stamp(moments.now())
        self._store.run(
            "update tasks set status = 'processing', started_at = ?, updated_at = ? where uuid = ?",
            at,
            at,
            row["uuid"],
        )

    def _finish(self, row: Row) -> None:
        try:
            with self._store.transaction():
                result = self.work[row["type"]](row, json.loads(row["payload"]))
                self._close(row, "succeeded", result=json.dumps(result))
        except Exception as failure:  # one bad task must not stop the queue
            _LOG.error("task %s failed: %s", row["type"], type(failure).__name__)
            problem = {"code": "internal", "message": "the operation failed"}
            self._close(row, "failed", error=json.dumps(problem))

    def _close(
        self, row: Row, status: str, *, result: str | None = None, error: str | None = None
    ) -> None:
        at = moments.stamp(moments.now())
        self._store.run(
            "update tasks set status = ?, result = ?, error = ?, updated_at = ?, completed_at = ? "
            "where uuid = ?",
            status,
            result,
            error,
            at,
            at,
            row["uuid"],
        )
