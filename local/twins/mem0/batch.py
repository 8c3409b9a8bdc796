"""Up to 1,000 memories changed or deleted by one call, all of them or none."""

from __future__ import annotations

from local.twins.mem0 import reading
from local.twins.mem0 import store as rows
from local.twins.mem0.errors import refused
from local.twins.mem0.memories import Memories
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage

_MOST = 1000
_TAKEN = {"memory_id", "text", "metadata"}


class Batch:
    """The handlers; each runs in a transaction."""

    def __init__(self, store: Storage, memories: Memories) -> None:
        self._store, self._memories = store, memories

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [("PUT", "/v1/batch/", self._update), ("DELETE", "/v1/batch/", self._delete)]

    def _update(self, call: Call) -> Answer:
        items = _items(call.body, "updated")
        for item in items:
            change = {name: item[name] for name in item if name in _TAKEN - {"memory_id"}}
            self._memories.change(self._row(item), change)
        return Answer({"message": f"Successfully updated {len(items)} memories"})

    def _delete(self, call: Call) -> Answer:
        items = _items(call.body, "deleted")
        found = {row["id"]: row for row in map(self._row, items)}
        for row in found.values():
            rows.delete(self._store, row)
        return Answer({"message": f"Successfully deleted {len(found)} memories"})

    def _row(self, item: Json) -> Row:
        row = rows.get(self._store, reading.identifier(item.get("memory_id")))
        if row is None:
            raise refused("Memory not found!")
        return row


def _items(body: Json, done: str) -> list[Json]:
    items = body.get("memories")
    if not isinstance(items, list) or not items or not all(isinstance(one, dict) for one in items):
        raise refused("memories must be a list of objects that is not empty")
    if len(items) > _MOST:
        raise refused(f"Maximum of {_MOST} memories can be {done} in a single request")
    return items
