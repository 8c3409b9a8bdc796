"""Users, threads and messages of `/api/v4`."""

from __future__ import annotations

import json

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, context, graph
from local.twins.zep import store as rows
from local.twins.zep.errors import invalid, missing
from local.twins.zep.tasks import Tasks

_PAGE_UP = "select * from episodes where thread_uuid = ? and seq > ? order by seq limit ?"
_PAGE_DOWN = "select * from episodes where thread_uuid = ? and seq < ? order by seq desc limit ?"
_FORGET_MENTIONS = """
delete from mentions where owner_uuid in (select uuid from edges where graph_uuid = ?1
    union all select uuid from nodes where graph_uuid = ?1)"""


class Conversations:
    """The handlers, and what their tasks do."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["thread.delete"] = self._do_delete_thread
        tasks.work["user.delete"] = self._do_delete_user

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        return [
            ("POST", "/users", self.create_user),
            ("POST", "/users/lookup", self.lookup_user),
            ("GET", "/users/{user_uuid}", self.get_user),
            ("DELETE", "/users/{user_uuid}", self.delete_user),
            ("POST", "/threads", self.create_thread),
            ("GET", "/threads/{thread_uuid}", self.get_thread),
            ("DELETE", "/threads/{thread_uuid}", self.delete_thread),
            ("POST", "/threads/{thread_uuid}/messages", self.add_messages),
            ("GET", "/threads/{thread_uuid}/messages", self.list_messages),
            ("GET", "/threads/{thread_uuid}/messages/{message_uuid}", self.get_message),
            ("GET", "/threads/{thread_uuid}/context", self.thread_context),
        ]

    def create_user(self, call: Call) -> Answer:
        user_id = checks.text(call.body, "user_id", most=checks.MAX_USER_ID, required=False)
        known = self._store.row("select 1 from users where user_id = ?", user_id)
        if user_id is not None and known:
            raise invalid(f"user already exists with user_id: {user_id}", "user_id")
        names = ("email", "first_name", "last_name", "time_zone")
        given = {name: checks.text(call.body, name, most=500, required=False) for name in names}
        user = rows.new_id()
        self._store.insert(
            "users",
            uuid=user,
            user_id=user_id,
            graph_uuid=rows.new_id(),
            created_at=_now(),
            metadata=json.dumps(checks.metadata(call.body, most_keys=None)),
            **given,
        )
        row = rows.user(self._store, user)
        graph.create_user_node(self._store, row)
        return Answer(rows.user_json(row), 201)

    def lookup_user(self, call: Call) -> Answer:
        user_id = checks.text(call.body, "user_id", most=checks.MAX_USER_ID)
        row = self._store.row("select * from users where user_id = ?", user_id)
        if row is None:
            raise missing("user")
        return Answer(rows.user_json(row))

    def get_user(self, call: Call) -> Answer:
        return Answer(rows.user_json(self._user(call)))

    def delete_user(self, call: Call) -> Answer:
        return self._accepted("user.delete", {"user": self._user(call)["uuid"]})

    def create_thread(self, call: Call) -> Answer:
        given = call.body.get("user_uuid")
        user = rows.user(self._store, checks.uuid_of(given, "user_uuid"))
        thread, at = rows.new_id(), _now()
        self._store.insert(
            "threads",
            uuid=thread,
            user_uuid=user["uuid"],
            graph_uuid=user["graph_uuid"],
            created_at=at,
            updated_at=at,
        )
        return Answer(rows.thread_json(rows.thread(self._store, thread)), 201)

    def get_thread(self, call: Call) -> Answer:
        return Answer(rows.thread_json(self._thread(call)))

    def delete_thread(self, call: Call) -> Answer:
        return self._accepted("thread.delete", {"thread": self._thread(call)["uuid"]})

    def add_messages(self, call: Call) -> Answer:
        thread, at = self._thread(call), _now()
        ignored = checks.roles(call.body)
        added = [
            rows.add_episode(
                self._store, thread["graph_uuid"], {**item, "thread_uuid": thread["uuid"]}, at
            )
            for item in checks.messages(call.body, at)
        ]
        self._store.run("update threads set updated_at = ? where uuid = ?", at, thread["uuid"])
        payload = {"episodes": [row["uuid"] for row in added], "ignore_roles": ignored}
        task = self._tasks.add("thread.add_messages", payload)
        body: Json = {"messages": [rows.message_json(row) for row in added], "task": task}
        if call.body.get("return_context"):
            body["context"] = self._context_of(thread)
        return Answer(body, 202)

    def list_messages(self, call: Call) -> Answer:
        thread = self._thread(call)
        size = checks.page_size(call, most=200)
        checks.choice(call, "order_by", ("created_at",))
        down = checks.choice(call, "order", ("asc", "desc")) == "desc"
        start = rows.after(call.query.get("cursor"))
        edge = start[1] if start else (2**62 if down else 0)
        found = self._store.rows(_PAGE_DOWN if down else _PAGE_UP, thread["uuid"], edge, size + 1)
        count = self._store.row(
            "select count(*) as n from episodes where thread_uuid = ?", thread["uuid"]
        )
        total = count["n"] if count else 0
        return Answer(rows.page(found, size, rows.message_json, "seq", total))

    def get_message(self, call: Call) -> Answer:
        thread, message = self._thread(call), checks.identifier(call, "message_uuid")
        row = self._store.row(
            "select * from episodes where uuid = ? and thread_uuid = ?", message, thread["uuid"]
        )
        if row is None:
            raise missing("message")
        return Answer(rows.message_json(row))

    def thread_context(self, call: Call) -> Answer:
        return Answer({"context": self._context_of(self._thread(call))})

    def _do_delete_thread(self, _: Row, payload: Json) -> Json:
        """Removes the messages. What was learned from them stays in the graph."""
        self._store.run("delete from episodes where thread_uuid = ?", payload["thread"])
        self._store.run("delete from threads where uuid = ?", payload["thread"])
        return {}

    def _do_delete_user(self, _: Row, payload: Json) -> Json:
        row = self._store.row("select * from users where uuid = ?", payload["user"])
        if row is None:
            return {}
        self._store.run(_FORGET_MENTIONS, row["graph_uuid"])
        for table in ("edges", "nodes", "episodes", "threads", "users"):
            self._store.run(f"delete from {table} where graph_uuid = ?", row["graph_uuid"])  # noqa: S608
        return {}

    def _accepted(self, kind: str, payload: Json) -> Answer:
        return Answer({"task": self._tasks.add(kind, payload)}, 202)

    def _context_of(self, thread: Row) -> str:
        query = context.thread_query(self._store, thread["uuid"])
        block = context.assemble(
            self._store,
            thread["graph_uuid"],
            query,
            most=context.DEFAULT_CHARACTERS,
            results=False,
        )
        found: str = block["context"]
        return found

    def _user(self, call: Call) -> Row:
        return rows.user(self._store, checks.identifier(call, "user_uuid"))

    def _thread(self, call: Call) -> Row:
        return rows.thread(self._store, checks.identifier(call, "thread_uuid"))


def _now() -> str:
    return moments.stamp(moments.now())
