"""The routes that this twin serves; trailing slashes are part of them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from local.twins import moments, text
from local.twins.mem0 import store as rows
from local.twins.mem0.errors import bad_input, error, refused
from local.twins.mem0.events import Events
from local.twins.mem0.filters import ENTITIES, compile_filters
from local.twins.rules import extract
from local.twins.server import Answer, Call, Handler, Json, Twin, create_app
from local.twins.storage import Row, Storage
from local.twins.worker import Worker

_PING = {
    "status": "ok",
    "org_id": "org-local",
    "project_id": "project-local",
    "user_email": "local@example.com",
}
_MOST_RESULTS = 1000
_MOST_PER_PAGE = 200
_DELETING = "Delete in progress. This may take some time."


def create(*, data: Path | None, ingestion_ms: float = 150, latency_ms: float = 0) -> ASGIApp:
    """The twin over the database in folder `data` (None: in memory)."""
    store = Storage(data / "mem0.sqlite3" if data else None, rows.SCHEMA)
    events = Events(store, delay=ingestion_ms / 1000)
    worker = Worker(events.step)
    events.added = worker.wake
    service = _Service(store, events)

    def around(call: Call, handler: Handler) -> Answer:
        if call.method == "GET":
            return handler(call)
        with store.transaction():
            return handler(call)

    twin = Twin(
        name="mem0",
        routes=service.routes(),
        guard=_guard,
        bad_body=lambda: error(400, "JSON parse error", "detail"),
        unknown=lambda _: error(404, "Not found.", "detail"),
        broken=lambda: error(500, "Internal server error"),
        reset=store.clear,
        around=around,
        work=worker.run,
        close=store.close,
    )
    return create_app(twin, latency_ms=latency_ms)


def _guard(call: Call) -> None:
    kind, _, key = call.headers.get("authorization", "").partition(" ")
    if kind.lower() not in {"token", "bearer"} or not key.strip():
        raise refused("Authentication credentials were not provided.", status=401, key="detail")


class _Service:
    """The handlers, and the work that events do."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store, self._events = store, events
        events.work = {"ADD": self._infer, "DELETE_ALL": self._wipe, "DELETE_USER": self._wipe}

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("GET", "/v1/ping/", lambda _: Answer(_PING)),
            ("POST", "/v3/memories/add/", self.add),
            ("POST", "/v3/memories/search/", self.search),
            ("POST", "/v3/memories/", self.page),
            ("DELETE", "/v1/memories/", self.delete_all),
            ("GET", "/v1/memories/{memory_id}/", self.get),
            ("PUT", "/v1/memories/{memory_id}/", self.update),
            ("DELETE", "/v1/memories/{memory_id}/", self.delete),
            ("GET", "/v1/memories/{memory_id}/history/", self.history),
            ("GET", "/v1/event/{event_id}/", self.event),
            ("DELETE", "/v2/entities/{kind}/{name}/", self.delete_entity),
        ]

    def add(self, call: Call) -> Answer:
        payload = _checked(call.body)
        if call.body.get("infer", True) is False:
            results = self._verbatim(payload)
            event = self._events.done("ADD", payload, results)
            return Answer(
                {
                    "message": "Memories added",
                    "status": "SUCCEEDED",
                    "event_id": event,
                    "results": results,
                }
            )
        return Answer({"event_id": self._events.add("ADD", payload), "status": "PENDING"})

    def search(self, call: Call) -> Answer:
        query = call.body.get("query")
        if not isinstance(query, str) or not query.strip():
            raise refused("query is required and cannot be empty")
        most = _number(call.body, "top_k", 10, low=1, high=_MOST_RESULTS)
        least = _number(call.body, "threshold", 0.1, low=0, high=1)
        found = [(text.score(query, row["memory"]), row) for row in self._found(call)]
        # Ties go to what was said later.
        found.sort(key=lambda pair: (pair[0], pair[1]["created_at"], pair[1]["seq"]), reverse=True)
        results = [
            {**rows.shown(row), "score": value}
            for value, row in found
            if value >= least and (value > 0 or least == 0)
        ]
        return Answer({"results": results[: int(most)]})

    def page(self, call: Call) -> Answer:
        found = sorted(
            self._found(call), key=lambda row: (row["created_at"], row["seq"]), reverse=True
        )
        size = _paging(call, "page_size", 100, most=_MOST_PER_PAGE)
        number = _paging(call, "page", 1, most=10**9)
        first = (number - 1) * size
        if first and first >= len(found):
            raise refused("Invalid page.", status=404, key="detail")
        base = call.url.split("?")[0]
        after = f"{base}?page={number + 1}&page_size={size}"
        before = f"{base}?page={number - 1}&page_size={size}"
        return Answer(
            {
                "count": len(found),
                "next": after if first + size < len(found) else None,
                "previous": before if number > 1 else None,
                "results": [rows.shown_whole(row) for row in found[first : first + size]],
            }
        )

    def get(self, call: Call) -> Answer:
        return Answer({**rows.shown_whole(self._memory(call)), "lifecycle_state": "active"})

    def update(self, call: Call) -> Answer:
        row, body = self._memory(call), call.body
        if not {"text", "metadata", "timestamp", "expiration_date"} & set(body):
            raise refused("Nothing to update")
        memory = body["text"] if isinstance(body.get("text"), str) else row["memory"]
        metadata = body["metadata"] if isinstance(body.get("metadata"), dict) else None
        expires = row["expiration_date"]
        if "expiration_date" in body:
            expires = _expiry(body)
        self._store.run(
            "update memories set memory = ?, normal = ?, metadata = ?, expiration_date = ?, "
            "created_at = ?, updated_at = ? where id = ?",
            memory,
            rows.normal(memory),
            json.dumps(metadata) if metadata is not None else row["metadata"],
            expires,
            _created(body, row["created_at"]),
            moments.stamp(moments.now()),
            row["id"],
        )
        if memory != row["memory"]:
            changed = rows.get(self._store, row["id"])
            rows.note(self._store, changed, "UPDATE", spoken=[], old=row["memory"], new=memory)
        return self.get(call)

    def delete(self, call: Call) -> Answer:
        rows.delete(self._store, self._memory(call))
        return Answer({"message": "Memory deleted successfully!"})

    def history(self, call: Call) -> Answer:
        memory = _uuid(call.params["memory_id"], "memory_id")
        found = self._store.rows("select * from history where memory_id = ? order by seq", memory)
        if not found:
            raise refused("Memory not found!", status=404)
        return Answer([rows.history_row(row) for row in found])

    def event(self, call: Call) -> Answer:
        shown = self._events.shown(_uuid(call.params["event_id"], "event_id"))
        if shown is None:
            message = "Event not found or you don't have permission to access it."
            raise refused(message, status=404)
        return Answer(shown)

    def delete_all(self, call: Call) -> Answer:
        scope = {name: call.query[name] for name in ENTITIES if call.query.get(name)}
        if not scope:
            raise refused("At least one filter is required to delete memories.")
        event = self._events.add("DELETE_ALL", scope)
        return Answer({"message": _DELETING, "event_id": event})

    def delete_entity(self, call: Call) -> Answer:
        name = f"{call.params['kind']}_id"
        if name not in ENTITIES:
            raise refused("Invalid entity type", key="message")
        event = self._events.add("DELETE_USER", {name: call.params["name"]})
        return Answer({"message": _DELETING, "event_id": event})

    # What events do

    def _infer(self, payload: Json) -> list[Json]:
        """One memory for each new fact in the person's own words."""
        results = []
        for message in payload["messages"]:
            if message["role"] != "user":
                continue
            for fact in extract(message["content"]):
                if not rows.known(self._store, fact.text, payload):
                    results.append(
                        rows.add(
                            self._store, fact.text, payload, [message], at=payload["created_at"]
                        )
                    )
        return results

    def _verbatim(self, payload: Json) -> list[Json]:
        return [
            rows.add(self._store, message["content"], payload, [message], at=payload["created_at"])
            for message in payload["messages"]
            if message["role"] != "system"
            and not rows.known(self._store, message["content"], payload, exact=True)
        ]

    def _wipe(self, payload: Json) -> list[Json]:
        where = " and ".join(f"({name} = ? or ? = '*')" for name in payload)
        values = [value for given in payload.values() for value in (given, given)]
        sql = f"select * from memories where {where}"  # noqa: S608 - names of ENTITIES alone
        for row in self._store.rows(sql, *values):
            rows.delete(self._store, row)
        return []

    # Shared by handlers

    def _found(self, call: Call) -> list[Row]:
        """The memories that the filters let through; expired ones only on request."""
        given = sorted(set(call.body) & set(ENTITIES))
        if given:
            raise refused(f"{given[0]} must be given in filters", key="message")
        filters = call.body.get("filters")
        test = compile_filters(filters)
        day = "0" if call.body.get("show_expired") else rows.today()
        user = _only_user(filters)
        sql = "select * from memories where (expiration_date is null or expiration_date >= ?)"
        if user:
            found = self._store.rows(f"{sql} and user_id = ?", day, user)
        else:
            found = self._store.rows(sql, day)
        return [row for row in found if test(row)]

    def _memory(self, call: Call) -> Row:
        row = rows.get(self._store, _uuid(call.params["memory_id"], "memory_id"))
        if row is None:
            raise refused("Memory not found!", status=404)
        return row


def _only_user(filters: Any) -> str | None:
    """The one user the filters are surely limited to: reads less than the whole table."""
    parts = [filters, *(filters.get("AND") or [])] if "OR" not in filters else []
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("user_id"), str):
            wanted: str = part["user_id"]
            return None if wanted == "*" else wanted
    return None


def _checked(body: Json) -> Json:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_input("messages is required and cannot be empty")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise bad_input("each message needs a role and a content")
        if message.get("role") not in {"user", "assistant", "system"}:
            raise bad_input("role must be user, assistant or system")
    scope = {name: body[name] for name in ENTITIES if body.get(name)}
    if not scope or not all(isinstance(value, str) for value in scope.values()):
        raise refused("At least one entity ID is required (user_id, agent_id, app_id, or run_id).")
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_input("metadata must be an object")
    return {
        **scope,
        "messages": messages,
        "metadata": metadata or {},
        "expiration_date": _expiry(body),
        "created_at": _created(body, moments.stamp(moments.now())),
    }


def _created(body: Json, default: str) -> str:
    seconds = body.get("timestamp")
    if seconds is None:
        return default
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise bad_input("timestamp must be Unix seconds")
    try:
        return moments.stamp(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError, ValueError):
        raise bad_input("timestamp is out of range") from None


def _expiry(body: Json) -> str | None:
    value = body.get("expiration_date")
    if value is None:
        return None
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise bad_input("expiration_date must be YYYY-MM-DD") from None


def _number(body: Json, name: str, default: float, *, low: float, high: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refused(f"{name} must be {low} to {high}")
    return value


def _paging(call: Call, name: str, default: int, *, most: int) -> int:
    value = call.query.get(name) or call.body.get(name) or default
    if not str(value).isdecimal() or not 1 <= int(value) <= most:
        raise refused(f"{name} must be 1 to {most}")
    return int(value)


def _uuid(value: str, name: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise refused(f"{name} should be a valid UUID") from None
