"""Exports: memories as a document in a shape of the caller's; and summaries."""

from __future__ import annotations

import json
import uuid
from typing import Any

from local.twins.mem0 import finding
from local.twins.mem0 import store as rows
from local.twins.mem0.conditions import ENTITIES, both
from local.twins.mem0.errors import refused
from local.twins.mem0.events import EXPORT, Events, Planned
from local.twins.mem0.filters import compile_filters
from local.twins.mem0.shaping import Piece, check, shaped
from local.twins.schemas import BadSchema
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Storage

_MOST = 10_000
_LONGEST = 1000
_NAMES = "app_id, user_id, agent_id, run_id"


class Exports:
    """The handlers, and the work of making a document."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store, self._events = store, events
        events.work[EXPORT] = self._make

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("POST", "/v1/exports/", self._create),
            ("POST", "/v1/exports/get/", self._get),
            ("POST", "/v1/summary/", self._summary),
        ]

    def _create(self, call: Call) -> Answer:
        filters = call.body.get("filters")
        schema = _schema(call.body.get("schema"))
        if not isinstance(filters, dict) or not {"AND", "OR"} & set(filters):
            raise refused(f"One of the filters: {_NAMES}, memory_export_id is required!")
        compile_filters(filters, listing=False)
        export = str(uuid.uuid4())
        job = {"schema": schema, "filters": filters, "export": export}
        event = self._events.add(EXPORT, {}, job=job)
        self._store.insert("exports", id=export, event=event, scope=_scope(filters))
        message = "Memory export request received. The export will be ready in a few seconds."
        return Answer({"message": message, "id": export}, 201)

    def _get(self, call: Call) -> Answer:
        export, filters = call.body.get("memory_export_id"), call.body.get("filters")
        filters = filters or {name: call.body[name] for name in ENTITIES if call.body.get(name)}
        if export:
            row = self._store.row("select * from exports where id = ?", str(export))
        elif isinstance(filters, dict) and filters:
            compile_filters(filters, listing=False)
            sql = "select * from exports where scope = ? order by seq desc"
            row = self._store.row(sql, _scope(filters))
        else:
            raise refused(f"One of the filters: {_NAMES} is required!", key="message")
        if row is None:
            raise refused("No memory export request found", status=404)
        if row["document"] is not None:
            return Answer(json.loads(row["document"]))
        status = self._events.status(row["event"])
        message = "The export failed." if status == "FAILED" else "The export is not ready yet."
        return Answer({"id": row["id"], "status": status, "message": message})

    def _make(self, job: Json) -> list[Json]:
        """Writes the document."""
        try:
            document = shaped(job["schema"], self._pieces(job["filters"]))
        except BadSchema as reason:
            raise Planned from reason
        self._store.run(
            "update exports set document = ? where id = ?", json.dumps(document), job["export"]
        )
        return []

    def _pieces(self, filters: Json) -> list[Piece]:
        where = both([compile_filters(filters, listing=False), *finding.visible({})])
        wanted = finding.Wanted(where, [])
        pieces = []
        for row in finding.newest(self._store, wanted, first=0, size=_MOST):
            fact = rows.fact_of(row)
            value = fact.object if fact else row["memory"]
            pieces.append(Piece(row["memory"], value, row["created_at"]))
        return pieces

    def _summary(self, call: Call) -> Answer:
        filters = call.body.get("filters")
        compile_filters(filters, listing=False)
        told = [piece.text for piece in self._pieces(filters or {})]
        if not told:
            return Answer([])
        return Answer([{"summary": ". ".join(told) + ".", "memory_count": len(told)}])


def _schema(value: Any) -> Json:
    """A JSON Schema, which may come as text.

    Raises:
        Refusal: 400.
    """
    try:
        schema = json.loads(value) if isinstance(value, str) else value
        if isinstance(schema, dict) and schema and _modest(schema):
            check(schema)
            return schema
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError):
        pass
    raise refused("Schema is required and must be a valid object", key="message")


def _modest(schema: Any) -> bool:
    """Whether no text or list that it asks for is so long that it can't be made."""
    if isinstance(schema, list):
        return all(_modest(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    sizes = (schema.get(word) for word in ("minLength", "minItems"))
    large = any(isinstance(size, int | float) and size > _LONGEST for size in sizes)
    return not large and all(_modest(part) for part in schema.values())


def _scope(filters: Any) -> str:
    """Equal for filters that ask for the same entities, flat or within AND, whatever the order."""
    return json.dumps(sorted({json.dumps(each) for each in _asked(filters)}))


def _asked(filters: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    for name, value in filters.items():
        parts = [value] if isinstance(value, dict) else value
        if name in ENTITIES:
            found.append([name, value])
        elif name == "AND" or (name == "OR" and len(parts) == 1):
            found.extend(each for part in parts for each in _asked(part))
        elif name in {"OR", "NOT"}:
            found.append([name, sorted(_scope(part) for part in parts)])
    return found
