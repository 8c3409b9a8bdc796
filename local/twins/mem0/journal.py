"""Reads of what has happened: events, and the history of all memories."""

from __future__ import annotations

from local.twins.mem0 import paging, reading
from local.twins.mem0 import store as rows
from local.twins.mem0.conditions import Where, between, both
from local.twins.mem0.errors import refused
from local.twins.mem0.events import EXPORT, Events, event_json
from local.twins.mem0.paging import Page
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Storage


class Journal:
    """The handlers."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store, self._events = store, events

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("GET", "/v1/event/{event_id}/", self._event),
            ("GET", "/v1/events/", self._list),
            ("GET", "/v1/memories/events/", self._history),
        ]

    def _event(self, call: Call) -> Answer:
        shown = self._events.shown(reading.identifier(call.params["event_id"], "event_id"))
        if shown is None:
            message = "Event not found or you don't have permission to access it."
            raise refused(message, status=404)
        return Answer(shown)

    def _list(self, call: Call) -> Answer:
        parts = [Where("event_type != ?", [EXPORT])]
        if call.query.get("event_type"):
            parts.append(Where("event_type = ?", [call.query["event_type"]]))
        start, end = call.query.get("start_date"), call.query.get("end_date")
        parts += between(start, end, table="events")
        where = both(parts)

        def read(page: Page) -> list[Json]:
            sql = f"select * from events where {where.sql} order by seq desc limit ? offset ?"  # noqa: S608
            found = self._store.rows(sql, *where.values, page.size, page.first)
            return [event_json(row) for row in found]

        page = paging.asked(call, size=50, most=100)
        count = self._count(f"select count(*) from events where {where.sql}", *where.values)  # noqa: S608
        return Answer(paging.page(call, page, count, read, name="page_size"))

    def _history(self, call: Call) -> Answer:
        def read(page: Page) -> list[Json]:
            sql = "select * from history order by seq desc limit ? offset ?"
            return [rows.history_row(row) for row in self._store.rows(sql, page.size, page.first)]

        page = paging.asked(call, name="limit")
        count = self._count("select count(*) from history")
        return Answer(paging.page(call, page, count, read, name="limit"))

    def _count(self, sql: str, *values: object) -> int:
        row = self._store.row(sql, *values)
        return int(row[0]) if row else 0
