"""Users, agents, apps and runs that have memories, and reads of what they have."""

from __future__ import annotations

import json

from local.twins.mem0 import finding, paging
from local.twins.mem0 import store as rows
from local.twins.mem0.categories import DEFAULT
from local.twins.mem0.conditions import ENTITIES
from local.twins.mem0.errors import refused
from local.twins.mem0.events import Events
from local.twins.mem0.memories import DELETING
from local.twins.mem0.paging import Page
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage

OWNER = "local@example.com"
_TYPES = tuple(name.removesuffix("_id") for name in ENTITIES)
_EVENTS = "ADD UPDATE DELETE SEARCH GET_ALL GET DELETE_ALL DELETE_USER"


class Entities:
    """The handlers, and the work of `DELETE_USER`."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store, self._events = store, events
        events.work["DELETE_USER"] = self._forget

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("GET", "/v1/entities/", self._list),
            ("GET", "/v1/entities/filters/", self._filters),
            ("DELETE", "/v1/entities/{type}/{number}/", self._delete_numbered),
            ("GET", "/v2/entities/{type}/{name}/", self._get),
            ("DELETE", "/v2/entities/{type}/{name}/", self._delete),
            ("GET", "/v1/memories/{type}/{name}/", self._memories),
        ]

    def _list(self, call: Call) -> Answer:
        totals = {
            f"total_{kind}s": self._one("select count(*) from entities where type = ?", kind)
            for kind in _TYPES
        }

        def read(page: Page) -> list[Json]:
            found = self._store.rows(
                "select * from entities order by id limit ? offset ?", page.size, page.first
            )
            return [_shown(row) for row in found]

        count = sum(totals.values())
        page = paging.page(call, paging.asked(call), count, read, name="page_size")
        return Answer({**page, **totals})

    def _get(self, call: Call) -> Answer:
        kind, name = _checked(call.params["type"]), call.params["name"]
        sql = "select * from entities where type = ? and name = ?"
        return Answer([_shown(row) for row in self._store.rows(sql, kind, name)])

    def _filters(self, _: Call) -> Answer:
        users = self._store.rows("select name from entities where type = 'user' order by id")
        used = self._store.rows(
            "select distinct used.value as value "
            "from memories, json_each(memories.categories) as used order by 1"
        )
        return Answer(
            {
                "event_type": _EVENTS.split(),
                "categories": [row["value"] for row in used] or list(DEFAULT),
                "users": [row["name"] for row in users],
                "parameters": [],
            }
        )

    def _delete(self, call: Call) -> Answer:
        return self._deleting(_checked(call.params["type"]), call.params["name"])

    def _delete_numbered(self, call: Call) -> Answer:
        kind, number = _checked(call.params["type"]), call.params["number"]
        if not number.isdecimal():
            raise refused("Invalid entity ID. Must be an integer.")
        sql = "select name from entities where type = ? and id = ?"
        row = self._store.row(sql, kind, int(number[:18]))
        if row is None:
            raise refused("Entity not found!", status=404)
        return self._deleting(kind, row["name"])

    def _deleting(self, kind: str, name: str) -> Answer:
        event = self._events.add("DELETE_USER", {f"{kind}_id": name})
        return Answer({"message": DELETING, "event_id": event})

    def _forget(self, job: Json) -> list[Json]:
        """Deletes an entity with every memory that is its."""
        for name, value in job.items():
            if name in ENTITIES:
                sql = f"select * from memories where {name} = ?"  # noqa: S608 - one of ENTITIES
                for row in self._store.rows(sql, value):
                    rows.delete(self._store, row)
                kind = name.removesuffix("_id")
                self._store.run("delete from entities where type = ? and name = ?", kind, value)
        return []

    def _memories(self, call: Call) -> Answer:
        if call.params["type"] not in _TYPES:
            raise refused("Invalid entity type")
        scope = {f"{call.params['type']}_id": call.params["name"]}
        wanted = finding.of_scope(scope, {})

        def read(page: Page) -> list[Json]:
            found = finding.newest(self._store, wanted, first=page.first, size=page.size)
            return [
                {
                    **rows.shown(row),
                    "input": json.loads(row["input"] or "[]"),
                    "is_updated": self._updated(row["id"]),
                }
                for row in found
            ]

        page = Page(paging.asked(call).number, 100)
        count = finding.counted(self._store, wanted)
        return Answer(paging.page(call, page, count, read, name=None))

    def _updated(self, memory: str) -> bool:
        sql = "select count(*) from history where memory_id = ? and event = 'UPDATE'"
        return self._one(sql, memory) > 0

    def _one(self, sql: str, *values: str) -> int:
        row = self._store.row(sql, *values)
        return int(row[0]) if row else 0


def _checked(kind: str) -> str:
    if kind not in _TYPES:
        raise refused("Invalid entity type", key="message")
    return kind


def _shown(row: Row) -> Json:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "type": row["type"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "owner": OWNER,
        "metadata": {},
    }
