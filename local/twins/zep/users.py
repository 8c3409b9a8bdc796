"""Users of `/api/v4`: the people whom graphs and threads belong to."""

from __future__ import annotations

import json
from typing import Any

from local.twins import moments
from local.twins.facts import USER
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, forgetting, graph, indexing, reading, rows
from local.twins.zep.errors import invalid, missing
from local.twins.zep.filters import NOTHING, Where
from local.twins.zep.lookups import wanted_id
from local.twins.zep.paging import Listing, each
from local.twins.zep.tasks import Tasks

_NAMES = ("email", "first_name", "last_name", "time_zone")
_MOST_NAME = 500
_USERS = Listing(
    table="users",
    keys={
        "created_at": "created_at",
        "user_id": "coalesce(user_id, '')",
        "email": "coalesce(email, '')",
        "uuid": "uuid",
    },
    seq="rowid",
)
_SOUGHT = """instr(folded(coalesce(user_id, '') || char(10) || coalesce(email, '') || char(10)
    || coalesce(first_name, '') || ' ' || coalesce(last_name, '')), folded(?)) > 0"""


class Users:
    """The handlers, and what their tasks do."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["user.delete"] = self._do_delete

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        instructions = "/users/{user_uuid}/summary-instructions"
        return [
            ("POST", "/users", self.create),
            ("POST", "/users/list", self.list),
            ("POST", "/users/lookup", self.lookup),
            ("GET", "/users/{user_uuid}", self.get),
            ("PATCH", "/users/{user_uuid}", self.update),
            ("DELETE", "/users/{user_uuid}", self.delete),
            ("GET", "/users/{user_uuid}/node", self.node),
            ("GET", instructions, self.instructions),
            ("PUT", instructions, self.set_instructions),
        ]

    def create(self, call: Call) -> Answer:
        user_id = None
        if call.body.get("user_id") is not None:
            user_id = checks.text(call.body, "user_id", most=checks.MAX_USER_ID)
            self._refuse_taken(user_id)
        _check_content_policy(call.body)
        user = rows.new_id()
        self._store.insert(
            "users",
            uuid=user,
            user_id=user_id,
            graph_uuid=rows.new_id(),
            created_at=moments.stamp(moments.now()),
            metadata=json.dumps(rows.without_nulls(checks.entries(call.body))),
            **_given(call.body),
            **{name: None for name in _NAMES if name not in call.body},
        )
        row = rows.user(self._store, user)
        graph.create_user_node(self._store, row)
        return Answer(rows.user_json(row), 201)

    def list(self, call: Call) -> Answer:
        search = checks.text(call.body, "search", most=checks.MAX_USER_ID, required=False)
        where = Where(f" and {_SOUGHT}", (search,)) if search else NOTHING
        return Answer(_USERS.page(self._store, call, each(rows.user_json), where))

    def lookup(self, call: Call) -> Answer:
        row = self._store.row(
            "select * from users where user_id = ?", wanted_id(call.body, "user_id")
        )
        if row is None:
            raise missing("user")
        return Answer(rows.user_json(row))

    def get(self, call: Call) -> Answer:
        return Answer(rows.user_json(self._user(call)))

    def update(self, call: Call) -> Answer:
        """A field set to null is cleared, and so is a key of the metadata."""
        row = rows.kept(self._user(call), "user")
        if "user_id" in call.body and call.body["user_id"] != row["user_id"]:
            raise invalid("user_id can't be changed", "user_id")
        given = _given(call.body)
        if "metadata" in call.body:
            merged = {**json.loads(row["metadata"]), **checks.entries(call.body)}
            emptied = call.body["metadata"] is None
            given["metadata"] = json.dumps({} if emptied else rows.without_nulls(merged))
        for name, value in given.items():
            self._store.run(f"update users set {name} = ? where uuid = ?", value, row["uuid"])  # noqa: S608
        changed = rows.user(self._store, row["uuid"])
        if {"first_name", "last_name"} & given.keys():
            self._rename_node(changed)
        return Answer(rows.user_json(changed))

    def delete(self, call: Call) -> Answer:
        row = self._user(call)
        task = self._tasks.once(row["deletion"], "user.delete", {"user": row["uuid"]})
        self._store.run("update users set deletion = ? where uuid = ?", task["uuid"], row["uuid"])
        return Answer({"task": task}, 202)

    def node(self, call: Call) -> Answer:
        row = reading.person(self._store, self._user(call)["graph_uuid"])
        if row is None:
            raise missing("node")
        return Answer(reading.node_json(row))

    def instructions(self, call: Call) -> Answer:
        return Answer(_instructions_json(self._user(call)))

    def set_instructions(self, call: Call) -> Answer:
        """Replaces the user's own; `inherited` true drops them for the project's, which are none.
        They are kept and shown: the summaries made here follow fixed rules."""
        row = rows.kept(self._user(call), "user")
        own = None if checks.flag(call.body, "inherited") else _checked_instructions(call.body)
        self._store.run(
            "update users set summary_instructions = ? where uuid = ?", own, row["uuid"]
        )
        return Answer(_instructions_json(rows.user(self._store, row["uuid"])))

    def _do_delete(self, task: Row, payload: Json) -> Json:
        row = self._store.row("select * from users where uuid = ?", payload["user"])
        if row is not None:
            forgetting.user(self._store, row, task["uuid"])
        return {}

    def _refuse_taken(self, user_id: str | None) -> None:
        if self._store.row("select 1 from users where user_id = ?", user_id):
            raise invalid(f"user already exists with user_id: {user_id}", "user_id")

    def _rename_node(self, user: Row) -> None:
        """The node that stands for the person goes by the names they have now."""
        row = self._store.row(
            "update nodes set name = ? where graph_uuid = ? and key = ? returning uuid",
            graph.person_name(user),
            user["graph_uuid"],
            USER,
        )
        if row:
            indexing.put_node(self._store, row["uuid"])

    def _user(self, call: Call) -> Row:
        return rows.user(self._store, checks.identifier(call, "user_uuid"))


def _given(body: Json) -> dict[str, Any]:
    """The columns that the body sets; null clears one."""
    given: dict[str, Any] = {
        name: checks.text(body, name, most=_MOST_NAME, required=False)
        for name in _NAMES
        if name in body
    }
    checks.time_zone(body)
    if "disable_default_ontology" in body:
        given["disable_default_ontology"] = checks.flag(body, "disable_default_ontology")
    return given


def _check_content_policy(body: Json) -> None:
    """The project has no content policy here, so a graph can add to revision 0 alone."""
    policy = body.get("content_policy")
    if policy is None:
        return
    if not isinstance(policy, dict):
        raise invalid("content_policy must be an object", "content_policy")
    revision = policy.get("project_revision")
    if revision is not None and type(revision) is not int:
        raise invalid("project_revision must be an integer", "content_policy")
    if revision:
        message = "project_revision is not the current one"
        raise invalid(message, "content_policy", "content_policy_revision_stale")


def _checked_instructions(body: Json) -> str:
    items = body.get("instructions")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise invalid("instructions must be a list of objects", "instructions")
    own = [
        {name: checks.text(item, name, most=checks.MAX_DATA) for name in ("name", "text")}
        for item in items
    ]
    return json.dumps(own)


def _instructions_json(row: Row) -> Json:
    own = row["summary_instructions"]
    return {"instructions": json.loads(own) if own else [], "inherited": own is None}
