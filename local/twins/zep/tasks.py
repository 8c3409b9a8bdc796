"""Asynchronous operations: pending → processing → an end, in the order they were asked for."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.twins import moments
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep.errors import error
from local.twins.zep.rows import new_id, without_nulls

_LOG = logging.getLogger("local.twins")
_INGESTIONS = ("thread.add", "graph.add")
TYPES = (
    "user.delete",
    "thread.delete",
    "thread.add_messages",
    "graph.delete",
    "graph.add",
    "graph.add_nodes",
    "graph.add_edges",
    "graph.add_fact_triple",
    "graph.add_triple",
    "graph.clone",
    "graph.warm",
    "graph.episode.delete",
    "graph.node.delete",
    "graph.edge.add",
    "graph.edge.delete",
    "graph.hyperedge.add",
    "graph.hyperedge.create_edge",
    "graph.hyperedge.delete",
    "graph.hyperedge.delete_edge",
    "batch.process",
    "agent.delete",
    "agent.trajectory.finalize",
    "agent.trajectory.repair.task_family",
    "agent.trajectory.repair.evidence_deletion",
    "agent.verifier.repair.evidence_invalidation",
    "agent.skill.repair.source_deletion",
    "agent.skill.export",
)
STATUSES = ("pending", "processing", "succeeded", "partial", "failed")


@dataclass(frozen=True, slots=True)
class Partly:
    """The result of an operation of which `failed` says what didn't work. Nothing at all worked
    when there is no result."""

    result: Json | None
    failed: str


Work = Callable[[Row, Json], Json | Partly]
"""(task, payload) → result."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How ingestion goes: `milliseconds` until it is done, and the share of it that `failures`."""

    milliseconds: float = 150
    failures: float = 0
    seed: int = 0


def task_json(row: Row) -> Json:
    """A Task."""
    names = "uuid type status created_at updated_at started_at completed_at"
    shown = {name: row[name] for name in names.split()}
    shown["progress"] = {"stage": row["stage"]} if row["stage"] else None
    shown["result"] = json.loads(row["result"] or "null") or None
    shown["error"] = json.loads(row["error"] or "null")
    return without_nulls(shown)


def _stage(kind: str) -> str:
    return "extraction" if kind.startswith(_INGESTIONS) else kind.rpartition(".")[2]


class Tasks:
    """The queue of one twin; what is unfinished is taken up again after a restart."""

    def __init__(self, store: Storage, terms: Terms) -> None:
        self._store, self._started_with = store, terms
        self.work: dict[str, Work] = {}
        self.added: Callable[[], None] = lambda: None
        self.failed = 0
        """How many ingestions were made to fail."""
        self.change(terms)

    def change(self, terms: Terms) -> None:
        """Ingests on other terms from now on; what is under way is done no later than by them."""
        self.terms, self._chance = terms, random.Random(terms.seed)  # noqa: S311 - not a secret
        # This holds for what an earlier process left, too.
        self._store.run(
            "update tasks set due = min(due, ?) where status in ('pending', 'processing')",
            time.time() + terms.milliseconds / 1000,
        )
        self.added()

    def reset(self) -> None:
        """Puts back the terms it was started with."""
        self.failed = 0
        self.change(self._started_with)

    def add(self, kind: str, payload: Json, *, graph: str | None = None) -> Json:
        """Enqueues an operation on a graph, if it is on one, and answers its Task."""
        at, task = moments.stamp(moments.now()), new_id()
        self._store.insert(
            "tasks",
            uuid=task,
            type=kind,
            status="pending",
            payload=json.dumps(payload),
            created_at=at,
            updated_at=at,
            due=time.time() + self.terms.milliseconds / 1000,
            graph_uuid=graph,
        )
        self.added()
        return self.shown(task)

    def once(
        self, known: str | None, kind: str, payload: Json, *, graph: str | None = None
    ) -> Json:
        """The Task `known` while it is under way or done, else a new one."""
        task = self.shown(known) if known else {}
        return task if task and task["status"] != "failed" else self.add(kind, payload, graph=graph)

    def shown(self, task: str) -> Json:
        """A task by uuid; {} when there is none."""
        row = self._store.row("select * from tasks where uuid = ?", task)
        return task_json(row) if row else {}

    def step(self) -> float | None:
        """Does the next that is due; answers the seconds until one may be, None when none is."""
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
        return 0.0

    def _begin(self, row: Row) -> None:
        self._store.run(
            "update tasks set status = 'processing', stage = ?2, started_at = ?1, updated_at = ?1 "
            "where uuid = ?3",
            moments.stamp(moments.now()),
            _stage(row["type"]),
            row["uuid"],
        )

    def _finish(self, row: Row) -> None:
        if row["type"].startswith(_INGESTIONS) and self._chance.random() < self.terms.failures:
            self.failed += 1
            self._close(row, "failed", failure=("ingestion_failed", "the ingestion failed"))
            return
        try:
            with self._store.transaction():
                done = self.work[row["type"]](row, json.loads(row["payload"]))
                if isinstance(done, Partly):
                    status = "failed" if done.result is None else "partial"
                    failure = ("ingestion_failed", done.failed)
                    self._close(row, status, result=done.result, failure=failure)
                else:
                    self._close(row, "succeeded", result=done)
        except Exception as failed:  # one bad task must not stop the queue
            _LOG.error("task %s failed: %s", row["type"], type(failed).__name__)
            self._close(row, "failed", failure=("internal", "the operation failed"))

    def _close(
        self,
        row: Row,
        status: str,
        *,
        result: Json | None = None,
        failure: tuple[str, str] | None = None,
    ) -> None:
        problem = without_nulls(error(500, *failure).body["error"]) if failure else None
        self._store.run(
            "update tasks set status = ?2, result = ?3, error = ?4, updated_at = ?1, "
            "completed_at = ?1 where uuid = ?5",
            moments.stamp(moments.now()),
            status,
            json.dumps(result),
            json.dumps(problem),
            row["uuid"],
        )
