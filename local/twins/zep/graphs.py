"""Graphs of `/api/v4`: those that stand alone, and each user's."""

from __future__ import annotations

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, forgetting, reading, rows
from local.twins.zep.errors import missing
from local.twins.zep.filters import Where
from local.twins.zep.lookups import wanted_id
from local.twins.zep.paging import Listing, each
from local.twins.zep.tasks import Tasks

_MOST_NAME = 200
_MOST_DESCRIPTION = 2000
_MOST_SEARCH = 200
_GRAPHS = Listing(
    table="graphs",
    keys={"created_at": "created_at", "name": "coalesce(name, '')", "uuid": "uuid"},
)
_HAS = (
    "instr(folded(coalesce(name, '') || char(10) || coalesce(description, '') || char(10) || "
    "coalesce(graph_id, '')), ?) > 0"
)


class Graphs:
    """The handlers, and what the task of deleting does."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["graph.delete"] = self._delete

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        return [
            ("POST", "/graphs", self.create),
            ("POST", "/graphs/list", self.listed),
            ("POST", "/graphs/lookup", self.lookup),
            ("GET", "/graphs/{graph_uuid}", self.get),
            ("DELETE", "/graphs/{graph_uuid}", self.delete),
        ]

    def create(self, call: Call) -> Answer:
        at, graph = moments.stamp(moments.now()), rows.new_id()
        self._store.insert(
            "graphs",
            uuid=graph,
            name=checks.text(call.body, "name", most=_MOST_NAME, required=False),
            description=checks.text(
                call.body, "description", most=_MOST_DESCRIPTION, required=False
            ),
            time_zone=checks.time_zone(call.body),
            created_at=at,
            updated_at=at,
        )
        return Answer(self._shown(graph), 201)

    def listed(self, call: Call) -> Answer:
        """Graphs that stand alone; a user's is found with the user."""
        search = checks.text(call.body, "search", most=_MOST_SEARCH, required=False) or ""
        terms = search.casefold().split()
        where = Where("".join(f" and {_HAS}" for _ in terms), tuple(terms))
        return Answer(_GRAPHS.page(self._store, call, each(_graph_json), where))

    def lookup(self, call: Call) -> Answer:
        graph_id = wanted_id(call.body, "graph_id")
        row = self._store.row("select * from graphs where graph_id = ?", graph_id)
        if row is None:
            raise missing("graph")
        return Answer(_graph_json(row))

    def get(self, call: Call) -> Answer:
        return Answer(self._shown(reading.graph_of(self._store, call)))

    def delete(self, call: Call) -> Answer:
        """A graph goes with all in it; a user's is only emptied."""
        graph = reading.graph_of(self._store, call)
        row = self._store.row("select deletion from graphs where uuid = ?", graph)
        under_way = row["deletion"] if row else None
        if row is None:
            reading.open_graph(self._store, call)
        task = self._tasks.once(under_way, "graph.delete", {"graph": graph}, graph=graph)
        self._store.run("update graphs set deletion = ? where uuid = ?", task["uuid"], graph)
        return Answer({"task": task}, 202)

    def _delete(self, task: Row, payload: Json) -> Json:
        forgetting.whole(self._store, payload["graph"], task["uuid"])
        return {}

    def _shown(self, graph: str) -> Json:
        row = self._store.row("select * from graphs where uuid = ?", graph)
        if row:
            return _graph_json(row)
        user = self._store.row("select * from users where graph_uuid = ?", graph)
        if user is None:
            raise missing("graph")
        shown = {
            "uuid": graph,
            "type": "user",
            "user_uuid": user["uuid"],
            "time_zone": user["time_zone"],
            "created_at": user["created_at"],
            "updated_at": user["created_at"],
        }
        return rows.without_nulls(shown)


def _graph_json(row: Row) -> Json:
    names = "uuid graph_id name description time_zone created_at updated_at"
    shown = {name: row[name] for name in names.split()}
    return rows.without_nulls({**shown, "type": "standard"})
