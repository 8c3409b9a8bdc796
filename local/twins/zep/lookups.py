"""Finding by the ids that callers made: users by theirs, threads and graphs by those of v3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Storage
from local.twins.zep import checks
from local.twins.zep.errors import invalid, missing

_KINDS = ("user_id", "thread_id", "graph_id")
_FOUND = {
    "user": "select uuid from users where user_id = ?",
    "thread": "select uuid from threads where thread_id = ?",
    "graph": "select uuid from graphs where graph_id = ?",
}
_GIVEN = {
    "threads": "update threads set thread_id = ? where uuid = ?",
    "graphs": "update graphs set graph_id = ? where uuid = ?",
}


def wanted_id(body: Mapping[str, Any], kind: str) -> str:
    """The one id of a lookup, which has to be of the kind that is looked up."""
    given = [name for name in _KINDS if body.get(name) is not None]
    if given != [kind]:
        raise invalid(f"{kind} is required, and no other id beside it", kind)
    return checks.text(body, kind, most=checks.MAX_USER_ID) or ""


class Lookups:
    """POST /lookup, and the control endpoint that gives things an id of v3."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        return [("POST", "/lookup", self.batch)]

    def control(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [("POST", "/_twin/legacy-ids", self.give)]

    def batch(self, call: Call) -> Answer:
        asked = [(kind, checks.strings(call.body, f"{kind}s")) for kind in _FOUND]
        return Answer({"items": [self._item(kind, one) for kind, ids in asked for one in ids]})

    def give(self, call: Call) -> Answer:
        """{"threads": {uuid: id}, "graphs": {uuid: id}}: as if they had been made by v3."""
        checks.only(call.body, *_GIVEN)
        given = {kind: _ids(call.body.get(kind), kind) for kind in _GIVEN}
        with self._store.transaction():
            for kind, ids in given.items():
                for uuid, legacy in ids.items():
                    self._rename(kind, uuid, legacy)
        return Answer({"status": "ok"})

    def _rename(self, kind: str, uuid: str, legacy: str) -> None:
        one = kind.removesuffix("s")
        known = self._store.row(_FOUND[one], legacy)
        if known and known["uuid"] != uuid:
            raise invalid(f"{one} already exists with that id", kind)
        if not self._store.run(_GIVEN[kind], legacy, uuid):
            raise missing(one)

    def _item(self, kind: str, legacy_id: str) -> Json:
        row = self._store.row(_FOUND[kind], legacy_id)
        item: Json = {"resource_type": kind, "legacy_id": legacy_id, "found": row is not None}
        return {**item, "uuid": row["uuid"]} if row else item


def _ids(value: Any, kind: str) -> dict[str, str]:
    """{uuid: id}; {} when nothing is given."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise invalid(f"{kind} must be an object of texts", kind)
    return value
