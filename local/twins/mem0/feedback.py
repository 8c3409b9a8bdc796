"""What a caller thinks of a memory."""

from __future__ import annotations

import uuid

from local.twins.mem0 import reading
from local.twins.mem0 import store as rows
from local.twins.mem0.errors import not_found, refused
from local.twins.server import Answer, Call, Handler, Refusal
from local.twins.storage import Storage

_KINDS = ("POSITIVE", "NEGATIVE", "VERY_NEGATIVE")


class Feedback:
    """The handler."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [("POST", "/v1/feedback/", self._give)]

    def _give(self, call: Call) -> Answer:
        kind, reason = call.body.get("feedback"), call.body.get("feedback_reason")
        try:
            memory = reading.identifier(call.body.get("memory_id"))
        except Refusal:
            raise refused("Invalid memory_id") from None
        if kind is not None and kind not in _KINDS:
            raise refused(f"feedback must be one of {', '.join(_KINDS)}")
        if reason is not None and not isinstance(reason, str):
            raise refused("feedback_reason must be a string")
        if rows.get(self._store, memory) is None:
            raise not_found()
        row = self._store.row(
            "insert into feedback (id, memory_id, feedback, reason) values (?, ?, ?, ?) "
            "on conflict (memory_id) do update set feedback = excluded.feedback, "
            "reason = excluded.reason returning *",
            str(uuid.uuid4()),
            memory,
            kind,
            reason,
        )
        assert row is not None  # noqa: S101 - just written
        return Answer({"id": row["id"], "feedback": kind, "feedback_reason": reason})
