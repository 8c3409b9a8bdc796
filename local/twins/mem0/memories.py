"""Add, and all that is done with a memory by its id or to all memories of an entity."""

from __future__ import annotations

import json
from typing import Any

from local.twins.mem0 import extraction, reading
from local.twins.mem0 import store as rows
from local.twins.mem0.conditions import ENTITIES, Where, both, metadata
from local.twins.mem0.errors import bad_input, not_found, refused
from local.twins.mem0.events import Events
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage

DELETING = "Delete in progress. This may take some time."
_CHANGES = ("text", "metadata", "timestamp", "expiration_date")


class Memories:
    """The handlers, and the work of `ADD` and `DELETE_ALL`."""

    def __init__(self, store: Storage, events: Events, *, refuse_past: bool) -> None:
        """`refuse_past`: whether an expiration date that has passed is refused."""
        self._store, self._events = store, events
        self._first = self.refuse_past = refuse_past
        self.hidden_count = False
        """Whether what equals a hidden memory is dropped when it is said again."""
        events.work["ADD"] = lambda job: extraction.work(store, job, hidden_count=self.hidden_count)
        events.work["DELETE_ALL"] = self._wipe

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("POST", "/v3/memories/add/", self._add),
            ("DELETE", "/v1/memories/", self._delete_all),
            ("GET", "/v1/memories/{memory_id}/", self._get),
            ("PUT", "/v1/memories/{memory_id}/", self._update),
            ("DELETE", "/v1/memories/{memory_id}/", self._delete),
            ("GET", "/v1/memories/{memory_id}/history/", self._history),
        ]

    def reset(self) -> None:
        """Goes on as at the start."""
        self.refuse_past, self.hidden_count = self._first, False

    def addition(self, body: Json) -> Json:
        """The job that an add asks for.

        Raises:
            Refusal: 400.
        """
        job = reading.addition(body)
        self.check_expiry(job["expiration_date"])
        return job

    def check_expiry(self, day: str | None) -> None:
        """Refuses a day that has passed, when this twin is set to."""
        if self.refuse_past and day is not None and day < rows.today():
            raise bad_input("expiration_date must not be in the past")

    def change(self, row: Row, body: Json) -> Row:
        """Does an update; what is null is left as it is, but for the expiration date.

        Raises:
            Refusal: 400.
        """
        if not any(body.get(name) is not None for name in _CHANGES) and (
            "expiration_date" not in body
        ):
            raise refused("Nothing to update")
        if row["immutable"]:
            raise refused("This memory is immutable. Delete it and add it again.")
        return rows.change(self._store, row, **self._values(body))

    def _values(self, body: Json) -> dict[str, Any]:
        values: dict[str, Any] = {}
        text, data = body.get("text"), body.get("metadata")
        if text is not None:
            if not isinstance(text, str) or not text.strip():
                raise refused("text must be a string that is not empty")
            values["memory"] = text
        if data is not None:
            if not isinstance(data, dict):
                raise refused("metadata must be an object")
            values["metadata"] = json.dumps(data)
        if "expiration_date" in body:
            values["expiration_date"] = reading.expiry(body["expiration_date"])
            self.check_expiry(values["expiration_date"])
        at = reading.moment(body.get("timestamp"), text=True)
        if at:
            values["created_at"] = at
        return values

    def memory(self, value: Any) -> Row:
        """The memory of an id.

        Raises:
            Refusal: 400 or 404.
        """
        row = rows.get(self._store, reading.identifier(value))
        if row is None:
            raise not_found()
        return row

    def _add(self, call: Call) -> Answer:
        job = self.addition(call.body)
        if not any(job.get(name) for name in ENTITIES):
            raise refused(
                "At least one entity ID is required (user_id, agent_id, app_id, or run_id)."
            )
        payload = reading.payload(call.body)
        if job["infer"]:
            return Answer(
                {"event_id": self._events.add("ADD", payload, job=job), "status": "PENDING"}
            )
        results = extraction.work(self._store, job)
        event = self._events.done("ADD", payload, results)
        return Answer(
            {
                "message": "Memories added",
                "status": "SUCCEEDED",
                "event_id": event,
                "results": results,
            }
        )

    def _get(self, call: Call) -> Answer:
        return Answer(rows.shown_alone(self.memory(call.params["memory_id"])))

    def _update(self, call: Call) -> Answer:
        row = self.memory(call.params["memory_id"])
        return Answer(rows.shown_alone(self.change(row, call.body)))

    def _delete(self, call: Call) -> Answer:
        row = self.memory(call.params["memory_id"])
        answer: Json = {"message": "Memory deleted successfully!"}
        if call.query.get("delete_linked", "").lower() == "true":
            older = rows.linked(self._store, row)
            for one in older:
                rows.delete(self._store, one)
            answer["cascade_count"] = len(older)
        rows.delete(self._store, row)
        return Answer(answer)

    def _history(self, call: Call) -> Answer:
        memory = reading.identifier(call.params["memory_id"])
        found = self._store.rows("select * from history where memory_id = ? order by seq", memory)
        if not found:
            raise not_found()
        return Answer([rows.history_row(row) for row in found])

    def _delete_all(self, call: Call) -> Answer:
        scope = {name: call.query[name] for name in ENTITIES if call.query.get(name)}
        data = reading.object_in_query(call, "metadata")
        if data is not None:
            metadata(data)
        if not scope and not data:
            raise refused("At least one filter is required to delete memories.")
        job = {**scope, **({"metadata": data} if data else {})}
        return Answer({"message": DELETING, "event_id": self._events.add("DELETE_ALL", job)})

    def _wipe(self, job: Json) -> list[Json]:
        """Deletes what has all of these entities; `*` on all four is everything."""
        scope = {name: job[name] for name in ENTITIES if name in job}
        parts = [_bearing(name, value) for name, value in scope.items()]
        if len(scope) == len(ENTITIES) and set(scope.values()) == {"*"}:
            parts = []
        if job.get("metadata"):
            parts.append(metadata(job["metadata"]))
        where = both(parts)
        sql = f"select * from memories where {where.sql}"  # noqa: S608 - put together from our parts
        for row in self._store.rows(sql, *where.values):
            rows.delete(self._store, row)
        return []


def _bearing(name: str, value: str) -> Where:
    if value == "*":
        return Where(f"memories.{name} is not null", [])
    return Where(f"memories.{name} = ?", [value])
