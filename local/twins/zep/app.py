"""The routes of `/api/v4` that this twin serves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp

from local.twins.server import Answer, Call, Handler, Refusal, Twin, create_app
from local.twins.storage import Storage
from local.twins.worker import Worker
from local.twins.zep import checks
from local.twins.zep.conversations import Conversations
from local.twins.zep.errors import error, missing
from local.twins.zep.ingestion import Ingestion
from local.twins.zep.knowledge import Knowledge
from local.twins.zep.schema import SCHEMA
from local.twins.zep.tasks import Tasks

_DAY = 86_400
_V4 = "/api/v4"


def create(
    *,
    data: Path | None,
    ingestion_ms: float = 150,
    latency_ms: float = 0,
    idempotency_seconds: float = _DAY,
) -> ASGIApp:
    """The twin over the database in folder `data` (None: in memory)."""
    store = Storage(data / "zep.sqlite3" if data else None, SCHEMA)
    tasks = Tasks(store, delay=ingestion_ms / 1000)
    worker = Worker(tasks.step)
    tasks.added = worker.wake
    Ingestion(store, tasks)
    routes = [*Conversations(store, tasks).routes(), *Knowledge(store, tasks).routes()]
    routes.append(("GET", "/tasks/{task_uuid}", _task(tasks)))
    twin = Twin(
        name="zep",
        routes=[(method, _V4 + path, handler) for method, path, handler in routes],
        guard=_guard,
        bad_body=lambda: error(400, "invalid_request", "the body is not a JSON object"),
        unknown=_unknown,
        broken=lambda: error(500, "internal", "internal error"),
        reset=store.clear,
        around=_once(store, idempotency_seconds),
        work=worker.run,
        close=store.close,
    )
    return create_app(twin, latency_ms=latency_ms)


def _guard(call: Call) -> None:
    kind, _, key = call.headers.get("authorization", "").partition(" ")
    if call.path.startswith(_V4) and (kind.lower() != "api-key" or not key.strip()):
        raise Refusal(error(401, "unauthorized", "a valid API key is required"))


def _unknown(call: Call) -> Answer:
    if call.path.startswith(f"{_V4}/"):
        return error(501, "not_implemented", "this operation is not part of the local service")
    return Answer(status=404, text="404 page not found\n")


def _once(store: Storage, lifetime: float) -> Callable[[Call, Handler], Answer]:
    """Runs a write in a transaction, and once for each Idempotency-Key and path."""

    def around(call: Call, handler: Handler) -> Answer:
        if call.method == "GET":
            return handler(call)
        with store.transaction():
            key = call.headers.get("idempotency-key")
            known = _remembered(store, call, key, lifetime) if key else None
            if known:
                return known
            answer = handler(call)
            if key and answer.status in {201, 202}:
                _remember(store, call, key, answer)
            return answer

    return around


def _remembered(store: Storage, call: Call, key: str, lifetime: float) -> Answer | None:
    store.run("delete from answered where at < ?", time.time() - lifetime)
    row = store.row(
        "select status, body from answered where key = ? and method = ? and path = ?",
        key,
        call.method,
        call.path,
    )
    return Answer(json.loads(row["body"]), row["status"]) if row else None


def _remember(store: Storage, call: Call, key: str, answer: Answer) -> None:
    store.insert(
        "answered",
        key=key,
        method=call.method,
        path=call.path,
        status=answer.status,
        body=json.dumps(answer.body),
        at=time.time(),
    )


def _task(tasks: Tasks) -> Handler:
    def answer(call: Call) -> Answer:
        task = tasks.shown(checks.identifier(call, "task_uuid"))
        if not task:
            raise missing("task")
        return Answer(task)

    return answer
