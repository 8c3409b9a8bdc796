"""Messages of a thread in `/api/v4`. Each is an episode of the person's graph."""

from __future__ import annotations

import json

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, context, rows
from local.twins.zep.errors import invalid, missing
from local.twins.zep.filters import Where
from local.twins.zep.paging import Listing, each
from local.twins.zep.tasks import Tasks

_MESSAGES = Listing(
    table="episodes", keys={"created_at": "seq"}, directions=("asc", "desc"), most=200
)
_EPISODES = Listing(
    table="episodes", keys={"created_at": "seq"}, directions=("asc", "desc"), counted=False
)


class Messages:
    """The handlers. What is added is ingested by a task of its own."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        one = "/threads/{thread_uuid}/messages/{message_uuid}"
        return [
            ("POST", "/threads/{thread_uuid}/messages", self.add),
            ("GET", "/threads/{thread_uuid}/messages", self.list),
            ("GET", "/threads/{thread_uuid}/episodes", self.episodes),
            ("GET", one, self.get),
            ("PATCH", one, self.update),
        ]

    def add(self, call: Call) -> Answer:
        thread, at = self._open_thread(call), moments.stamp(moments.now())
        context_too = checks.flag(call.body, "return_context")
        payload: Json = {
            "ignore_roles": checks.roles(call.body),
            "strict_ontology": bool(checks.flag(call.body, "strict_ontology")),
        }
        graph, items = thread["graph_uuid"], checks.messages(call.body, at)
        added = [
            rows.add_episode(self._store, graph, {**item, "thread_uuid": thread["uuid"]}, at)
            for item in items
        ]
        self._store.run("update threads set updated_at = ? where uuid = ?", at, thread["uuid"])
        payload = {**payload, "episodes": [row["uuid"] for row in added]}
        task = self._tasks.add("thread.add_messages", payload, graph=graph)
        body: Json = {"messages": [rows.message_json(row) for row in added], "task": task}
        if context_too:
            body["context"] = context.of_thread(self._store, thread)
        return Answer(body, 202)

    def list(self, call: Call) -> Answer:
        where = _of(self._thread(call))
        return Answer(_MESSAGES.page(self._store, call, each(rows.message_json), where))

    def episodes(self, call: Call) -> Answer:
        thread = self._thread(call)

        def shown(row: Row) -> Json:
            return {**rows.episode_json(row), "user_uuid": thread["user_uuid"]}

        return Answer(_EPISODES.page(self._store, call, each(shown), _of(thread)))

    def get(self, call: Call) -> Answer:
        return Answer(rows.message_json(self._message(call, self._thread(call))))

    def update(self, call: Call) -> Answer:
        """Merges `metadata` into the message's; a key set to null is removed."""
        row = self._message(call, self._open_thread(call))
        if call.body.get("metadata") is None:
            raise invalid("metadata is required", "metadata")
        merged = checks.metadata(call.body, json.loads(row["metadata"]))
        changed = self._store.row(
            "update episodes set metadata = ? where uuid = ? returning *",
            json.dumps(merged),
            row["uuid"],
        )
        return Answer(rows.message_json(changed or row))

    def _message(self, call: Call, thread: Row) -> Row:
        row = self._store.row(
            "select * from episodes where uuid = ? and thread_uuid = ?",
            checks.identifier(call, "message_uuid"),
            thread["uuid"],
        )
        if row is None:
            raise missing("message")
        return row

    def _thread(self, call: Call) -> Row:
        return rows.thread(self._store, checks.identifier(call, "thread_uuid"))

    def _open_thread(self, call: Call) -> Row:
        """The thread, unless it or its person is being deleted: nothing said there would stay."""
        thread = rows.kept(self._thread(call), "thread")
        rows.kept(rows.user(self._store, thread["user_uuid"]), "user")
        return thread


def _of(thread: Row) -> Where:
    return Where(" and thread_uuid = ?", (thread["uuid"],))
