"""The paths and shapes of `/v1` and `/v2` that older clients use to add, search and list."""

from __future__ import annotations

from typing import Any

from local.twins.mem0 import extraction, finding, paging, reading
from local.twins.mem0 import store as rows
from local.twins.mem0.conditions import (
    ENTITIES,
    Where,
    between,
    containing,
    in_categories,
    metadata,
)
from local.twins.mem0.errors import bad_input, refused
from local.twins.mem0.events import Events
from local.twins.mem0.finding import Wanted
from local.twins.mem0.memories import Memories
from local.twins.mem0.paging import Page
from local.twins.mem0.searching import Searching
from local.twins.server import Answer, Call, Handler, Json, Refusal
from local.twins.storage import Storage

_QUEUED = "Memory processing has been queued for background execution"
_MOST = 200
_LEAST_SCORE = 0.3
_NAMES = "app_id, user_id, agent_id, run_id"


class Legacy:
    """The handlers."""

    def __init__(
        self, store: Storage, events: Events, memories: Memories, searching: Searching
    ) -> None:
        self._store, self._events = store, events
        self._memories, self._searching = memories, searching

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("POST", "/v1/memories/", self._add),
            ("GET", "/v1/memories/", self._list),
            ("POST", "/v1/memories/search/", self._search),
            ("POST", "/v2/memories/", self._list_filtered),
            ("POST", "/v2/memories/search/", self._search_filtered),
        ]

    def _add(self, call: Call) -> Answer:
        body = dict(call.body)
        if isinstance(body.get("custom_categories"), dict):
            body["custom_categories"] = [body["custom_categories"]]
        job = self._memories.addition(body)
        if not any(job.get(name) for name in ENTITIES):
            raise bad_input(f"At least one of the filters: {_NAMES} is required!")
        payload, whole = reading.payload(call.body), call.body.get("output_format") == "v1.1"
        results: list[Json]
        if call.body.get("async_mode") is False:
            results = extraction.work(self._store, job)
            self._events.done("ADD", payload, results)
        else:
            event = self._events.add("ADD", payload, job=job)
            results = [{"message": _QUEUED, "status": "PENDING", "event_id": event}]
            whole = whole and call.body.get("version") == "v2"
        return Answer({"results": results, "relations": []} if whole else results)

    def _search(self, call: Call) -> Answer:
        body, scope = call.body, reading.scope_of(call.body)
        if body.get("filters"):
            rest = {name: value for name, value in body.items() if name not in ENTITIES}
            rest["filters"] = _with(body["filters"], scope)
            wanted = finding.chosen(rest, listing=False)
        elif scope:
            wanted = finding.of_scope(scope, body, _beside(body))
        else:
            message = "At least one of the filters: agent_id, user_id, app_id, run_id is required!"
            raise refused(message, key="message")
        results = self._searching.found(body, wanted, least=0.0)
        whole = body.get("output_format") == "v1.1"
        return Answer({"results": results, "relations": []} if whole else results)

    def _search_filtered(self, call: Call) -> Answer:
        wanted = finding.chosen(call.body, listing=False)
        return Answer(self._searching.found(call.body, wanted, least=_LEAST_SCORE))

    def _list(self, call: Call) -> Answer:
        scope = reading.scope_of(call.query)
        if not scope:
            raise Refusal(Answer([f"One of the filters: {_NAMES} is required!"], 400))
        wanted = finding.of_scope(scope, {}, _in_query(call))
        fields = reading.list_in_query(call, "fields")
        if {"page", "page_size"} <= set(call.query):
            page, count = paging.asked(call), finding.counted(self._store, wanted)
            envelope = paging.page(
                call, page, count, lambda part: self._shown(wanted, part, fields), name="page_size"
            )
            return Answer(envelope)
        limit = paging.counted(call.query.get("limit", "100"))
        if limit is None or limit > _MOST:
            raise refused(f"limit must be <= {_MOST}")
        return Answer(self._shown(wanted, Page(1, limit), fields))

    def _list_filtered(self, call: Call) -> Answer:
        wanted = finding.chosen(call.body, listing=True)
        page, fields = paging.asked(call), reading.names(call.body, "fields")
        return Answer(self._shown(wanted, page, fields))

    def _shown(self, wanted: Wanted, page: Page, fields: list[str] | None) -> list[Json]:
        found = finding.newest(self._store, wanted, first=page.first, size=page.size)
        return [finding.projected(rows.shown_alone(row), fields) for row in found]


def _with(filters: Any, scope: dict[str, str]) -> Any:
    return {"AND": [filters, *({name: value} for name, value in scope.items())]}


def _beside(body: Json) -> list[Where]:
    categories = reading.names(body, "categories")
    parts = [in_categories(categories)] if categories else []
    return [*parts, metadata(body["metadata"])] if body.get("metadata") else parts


def _in_query(call: Call) -> list[Where]:
    parts = between(call.query.get("start_date"), call.query.get("end_date"))
    categories = reading.list_in_query(call, "categories")
    if categories:
        parts.append(in_categories(categories))
    data = reading.object_in_query(call, "metadata")
    if data:
        parts.append(metadata(data))
    if call.query.get("keywords"):
        parts.append(containing(call.query["keywords"]))
    return parts
