"""The routes of `/api/v4` that this twin serves."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from starlette.types import ASGIApp

from local.twins.server import Answer, Call, Handler, Refusal, Twin, create_app
from local.twins.storage import Storage
from local.twins.worker import Worker
from local.twins.zep import indexing
from local.twins.zep.edges import Edges
from local.twins.zep.episodes import Episodes
from local.twins.zep.errors import error, failure
from local.twins.zep.graphs import Graphs
from local.twins.zep.idempotency import Idempotency
from local.twins.zep.ingestion import Ingestion
from local.twins.zep.lookups import Lookups
from local.twins.zep.messages import Messages
from local.twins.zep.nodes import Nodes
from local.twins.zep.progress import Progress
from local.twins.zep.rate_limit import RateLimit
from local.twins.zep.schema import SCHEMA
from local.twins.zep.searches import Searches
from local.twins.zep.tasks import Tasks, Terms
from local.twins.zep.threads import Threads
from local.twins.zep.users import Users

_DAY = 86_400
_V4 = "/api/v4"


def create(  # noqa: PLR0913 - a twin's settings, by name
    *,
    data: Path | None,
    ingestion_ms: float = 150,
    ingestion_failures: float = 0,
    seed: int = 0,
    latency_ms: float = 0,
    idempotency_seconds: float = _DAY,
    requests_per_minute: int | None = None,
) -> ASGIApp:
    """The twin over the database in folder `data` (None: in memory)."""
    store = Storage(data / "zep.sqlite3" if data else None, SCHEMA)
    indexing.complete(store)
    tasks = Tasks(store, Terms(ingestion_ms, ingestion_failures, seed))
    worker, limit = Worker(tasks.step), RateLimit(requests_per_minute)
    tasks.added = worker.wake
    Ingestion(store, tasks)
    progress, lookups = Progress(store, tasks), Lookups(store)
    parts = [
        part(store, tasks) for part in (Users, Threads, Messages, Graphs, Nodes, Edges, Episodes)
    ]
    routes = _routes(*parts, Searches(store), progress, lookups)
    entrance = _Entrance(Idempotency(store, idempotency_seconds), limit)

    def reset() -> None:
        store.clear()
        tasks.reset()
        limit.reset()

    twin = Twin(
        name="zep",
        routes=routes,
        guard=entrance.guard,
        bad_body=lambda: limit.shown(error(400, "invalid_request", "the body is no JSON object")),
        unknown=_unknown,
        broken=lambda: error(500, "internal", "internal error"),
        failed=lambda status, _: failure(status),
        reset=reset,
        around=entrance.around,
        work=worker.run,
        close=store.close,
        control=[*progress.control(), *lookups.control()],
    )
    return create_app(twin, latency_ms=latency_ms)


def _routes(*parts: _Part) -> list[tuple[str, str, Handler]]:
    """All routes, fixed paths before those with a parameter."""
    routes = [(method, _V4 + path, handler) for p in parts for method, path, handler in p.routes()]
    return sorted(routes, key=lambda route: "{" in route[1])


class _Part(Protocol):
    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""


class _Entrance:
    """What every call of the service passes."""

    def __init__(self, idempotency: Idempotency, limit: RateLimit) -> None:
        self._idempotency, self._limit = idempotency, limit

    def guard(self, call: Call) -> None:
        _authorise(call)
        self._limit.take()

    def around(self, call: Call, handler: Handler) -> Answer:
        try:
            return self._limit.shown(self._idempotency.around(call, handler))
        except Refusal as refusal:
            raise Refusal(self._limit.shown(refusal.answer)) from None


def _authorise(call: Call) -> None:
    kind, _, key = call.headers.get("authorization", "").partition(" ")
    if call.path.startswith(_V4) and (kind.lower() != "api-key" or not key.strip()):
        raise Refusal(error(401, "unauthorized", "a valid API key is required"))


def _unknown(call: Call) -> Answer:
    if call.path.startswith(f"{_V4}/"):
        return error(501, "not_implemented", f"{call.method} {call.path[:200]} is not served here")
    return Answer(status=404, text="404 page not found\n")
