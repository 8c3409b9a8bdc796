"""The twin put together: its routes in the order they are tried, its guard and its ways to say no.

Trailing slashes are part of the paths.
"""

from __future__ import annotations

import re
from pathlib import Path

from starlette.types import ASGIApp

from local.twins.mem0 import schema
from local.twins.mem0.batch import Batch
from local.twins.mem0.control import Control
from local.twins.mem0.entities import OWNER, Entities
from local.twins.mem0.errors import error, refused
from local.twins.mem0.events import Events, Pace
from local.twins.mem0.exports import Exports
from local.twins.mem0.feedback import Feedback
from local.twins.mem0.journal import Journal
from local.twins.mem0.legacy import Legacy
from local.twins.mem0.memories import Memories
from local.twins.mem0.searching import Searching
from local.twins.server import Answer, Call, Handler, Twin, create_app
from local.twins.storage import Storage
from local.twins.worker import Worker

_PING = {
    "status": "ok",
    "org_id": "org-local",
    "project_id": "project-local",
    "user_email": OWNER,
}
_LEFT_OUT = re.compile(
    r"/api/v1/(?:orgs|webhooks)/|/v2/profiles/|/v2/entities/[^/]+/[^/]+/profile/"
    r"|/v1/(?:users|agents|apps|runs|stats)/"
)


def create(
    *,
    data: Path | None,
    ingestion_ms: float = 150,
    latency_ms: float = 0,
    ingestion_failures: float = 0.0,
    seed: int = 0,
    refuse_past_expiration: bool = False,
) -> ASGIApp:
    """The twin over the database in folder `data` (None: in memory).

    `ingestion_failures`: the share of adds whose event fails, 0 to 1, drawn by `seed`.
    """
    store = Storage(data / "mem0.sqlite3" if data else None, schema.SCHEMA)
    schema.fill(store)
    pace = Pace(seconds=ingestion_ms / 1000, failures=ingestion_failures, seed=seed)
    events = Events(store, pace)
    worker = Worker(events.step)
    events.added = worker.wake
    memories = Memories(store, events, refuse_past=refuse_past_expiration)

    def around(call: Call, handler: Handler) -> Answer:
        if call.method == "GET":
            return handler(call)
        with store.transaction():
            return handler(call)

    def reset() -> None:
        store.clear()
        events.reset()
        memories.reset()

    twin = Twin(
        name="mem0",
        routes=_routes(store, events, memories),
        guard=_guard,
        bad_body=lambda: error(400, "JSON parse error", "detail"),
        unknown=_unknown,
        broken=lambda: error(500, "Internal server error"),
        failed=lambda status, _: error(status, "This call was made to fail."),
        reset=reset,
        around=around,
        work=worker.run,
        close=store.close,
        control=Control(events, memories).routes(),
    )
    return create_app(twin, latency_ms=latency_ms)


def _routes(store: Storage, events: Events, memories: Memories) -> list[tuple[str, str, Handler]]:
    """Literal paths come before those with an id in the same place."""
    searching = Searching(store)
    return [
        ("GET", "/v1/ping/", lambda _: Answer(_PING)),
        *Journal(store, events).routes(),
        *searching.routes(),
        *Legacy(store, events, memories, searching).routes(),
        *memories.routes(),
        *Batch(store, memories).routes(),
        *Entities(store, events).routes(),
        *Exports(store, events).routes(),
        *Feedback(store).routes(),
    ]


def _guard(call: Call) -> None:
    kind, _, key = call.headers.get("authorization", "").partition(" ")
    if kind.lower() not in {"token", "bearer"} or not key.strip():
        raise refused("Authentication credentials were not provided.", status=401, key="detail")


def _unknown(call: Call) -> Answer:
    if _LEFT_OUT.match(call.path):
        return error(501, "The twin does not serve this.", "detail")
    return error(404, "Not found.", "detail")
