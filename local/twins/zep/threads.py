"""Threads of `/api/v4`: a user's conversations."""

from __future__ import annotations

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, context, forgetting, rows, summaries
from local.twins.zep.errors import missing
from local.twins.zep.filters import NOTHING, Where
from local.twins.zep.lookups import wanted_id
from local.twins.zep.paging import Listing, each
from local.twins.zep.tasks import Tasks

_THREADS = Listing(
    table="threads",
    keys={"created_at": "created_at", "updated_at": "updated_at", "uuid": "uuid"},
)


class Threads:
    """The handlers, and what their tasks do."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["thread.delete"] = self._do_delete

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        return [
            ("GET", "/threads", self.list),
            ("POST", "/threads", self.create),
            ("POST", "/threads/lookup", self.lookup),
            ("GET", "/threads/{thread_uuid}", self.get),
            ("DELETE", "/threads/{thread_uuid}", self.delete),
            ("GET", "/threads/{thread_uuid}/context", self.context),
            ("GET", "/threads/{thread_uuid}/summary", self.summary),
        ]

    def create(self, call: Call) -> Answer:
        given = checks.uuid_of(call.body.get("user_uuid"), "user_uuid")
        user = rows.kept(rows.user(self._store, given), "user")
        thread, at = rows.new_id(), moments.stamp(moments.now())
        self._store.insert(
            "threads",
            uuid=thread,
            user_uuid=user["uuid"],
            graph_uuid=user["graph_uuid"],
            created_at=at,
            updated_at=at,
        )
        return Answer(rows.thread_json(rows.thread(self._store, thread)), 201)

    def list(self, call: Call) -> Answer:
        given, where = call.query.get("user_uuid"), NOTHING
        if given is not None:
            user = rows.user(self._store, checks.uuid_of(given, "user_uuid"))
            where = Where(" and user_uuid = ?", (user["uuid"],))
        return Answer(_THREADS.page(self._store, call, each(rows.thread_json), where))

    def lookup(self, call: Call) -> Answer:
        row = self._store.row(
            "select * from threads where thread_id = ?", wanted_id(call.body, "thread_id")
        )
        if row is None:
            raise missing("thread")
        return Answer(rows.thread_json(row))

    def get(self, call: Call) -> Answer:
        return Answer(rows.thread_json(self._thread(call)))

    def delete(self, call: Call) -> Answer:
        row = self._thread(call)
        task = self._tasks.once(
            row["deletion"], "thread.delete", {"thread": row["uuid"]}, graph=row["graph_uuid"]
        )
        self._store.run("update threads set deletion = ? where uuid = ?", task["uuid"], row["uuid"])
        return Answer({"task": task}, 202)

    def context(self, call: Call) -> Answer:
        thread, template = self._thread(call), call.query.get("template_uuid")
        if template:
            checks.uuid_of(template, "template_uuid")
            raise missing("context template")
        return Answer({"context": context.of_thread(self._store, thread)})

    def summary(self, call: Call) -> Answer:
        row = summaries.summary_of(self._store, self._thread(call)["uuid"])
        if row is None:
            raise missing("thread summary")
        return Answer(summaries.summary_json(row))

    def _do_delete(self, _: Row, payload: Json) -> Json:
        forgetting.thread(self._store, payload["thread"])
        return {}

    def _thread(self, call: Call) -> Row:
        return rows.thread(self._store, checks.identifier(call, "thread_uuid"))
