"""Episodes of a graph in `/api/v4`: what was added to learn from. A message is one, too."""

from __future__ import annotations

import json

from local.twins import moments
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks, filters, forgetting, reading, rows, traces
from local.twins.zep.errors import missing
from local.twins.zep.filters import Where
from local.twins.zep.paging import Listing, ranked_page, scope_of
from local.twins.zep.tasks import Tasks

_TYPES = ("text", "json", "message")
_MOST_DESCRIPTION = 500
_MOST_DOCUMENT = 500
_EPISODES = Listing(
    table="episodes",
    keys={"created_at": "created_at", "uuid": "uuid"},
    columns="uuid",
    counted=False,
)
_CHUNKS = Listing(
    table="episodes",
    keys={"created_at": "created_at"},
    columns="uuid",
    directions=("asc", "desc"),
    counted=False,
)
_VISIBLE = " and episodes.graph_uuid = ? and episodes.shadow = 0"


class Episodes:
    """The handlers, and what the task of deleting does. Ingestion has its own module."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks
        tasks.work["graph.episode.delete"] = self._delete

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        graph = "/graphs/{graph_uuid}"
        one = f"{graph}/episodes/{{episode_uuid}}"
        return [
            ("POST", f"{graph}/episodes", self.add),
            ("POST", f"{graph}/episodes/list", self.listed),
            ("GET", f"{graph}/documents/{{document_id}}/episodes", self.of_document),
            ("GET", one, self.get),
            ("PATCH", one, self.update),
            ("DELETE", one, self.delete),
            ("GET", f"{one}/debug-logs", self.debug_log),
            ("GET", f"{one}/ingestion-traces", self.traces),
        ]

    def add(self, call: Call) -> Answer:
        owner, at = reading.open_graph(self._store, call), moments.stamp(moments.now())
        kind = checks.one_of(call.body, "type", _TYPES)
        item: Json = {
            "content": checks.text(call.body, "data", most=checks.MAX_DATA),
            "source": kind,
            "source_description": checks.text(
                call.body, "source_description", most=_MOST_DESCRIPTION, required=False
            ),
            "document_id": checks.text(
                call.body, "document_id", most=_MOST_DOCUMENT, required=False
            ),
            "metadata": checks.metadata(call.body),
            "reference_time": checks.reference_time(call.body, at),
        }
        payload: Json = {
            "ignore_roles": [],
            "strict_ontology": bool(checks.flag(call.body, "strict_ontology")),
        }
        uuid = rows.add_episode(self._store, owner, item, at)["uuid"]
        task = self._tasks.add("graph.add", {**payload, "episodes": [uuid]}, graph=owner)
        return Answer({"episode": self._shown([uuid])[0], "task": task}, 202)

    def listed(self, call: Call) -> Answer:
        owner = reading.graph_of(self._store, call)
        narrowed = filters.where("episodes", filters.given(call.body, filters.EPISODE_LIST))
        where = Where(_VISIBLE + narrowed.sql, (owner, *narrowed.values))
        return Answer(_EPISODES.page(self._store, call, self._page, where))

    def of_document(self, call: Call) -> Answer:
        """The chunks of a document in the order they were added."""
        values = (reading.graph_of(self._store, call), call.params["document_id"])
        where = Where(f"{_VISIBLE} and episodes.document_id = ?", values)
        return Answer(_CHUNKS.page(self._store, call, self._page, where))

    def get(self, call: Call) -> Answer:
        return Answer(rows.episode_json(self._episode(call)))

    def update(self, call: Call) -> Answer:
        """Merges `metadata` into the episode's; a key set to null is removed."""
        reading.open_graph(self._store, call)
        row = self._episode(call)
        merged = checks.metadata(call.body, json.loads(row["metadata"]))
        self._store.run(
            "update episodes set metadata = ? where uuid = ?", json.dumps(merged), row["uuid"]
        )
        return Answer(rows.episode_json(self._episode(call)))

    def delete(self, call: Call) -> Answer:
        """The episode goes with the facts and nodes that come from nothing else."""
        owner, row = reading.open_graph(self._store, call), self._episode(call)
        task = self._tasks.add("graph.episode.delete", {"episode": row["uuid"]}, graph=owner)
        return Answer({"task": task}, 202)

    def debug_log(self, call: Call) -> Answer:
        return Answer(traces.debug_log(self._store, self._episode(call)))

    def traces(self, call: Call) -> Answer:
        episode = self._episode(call)
        found, scope = traces.of_episode(self._store, episode), scope_of("traces", episode["uuid"])
        return Answer(ranked_page(call, found, list, scope=scope, most=_EPISODES.most))

    def _page(self, found: list[Row]) -> list[Json]:
        return self._shown([row["uuid"] for row in found])

    def _shown(self, uuids: list[str]) -> list[Json]:
        return [rows.episode_json(row) for row in reading.episodes(self._store, uuids)]

    def _episode(self, call: Call) -> Row:
        owner, episode = (
            reading.graph_of(self._store, call),
            checks.identifier(call, "episode_uuid"),
        )
        found = reading.episodes(self._store, [episode])
        if not found or found[0]["graph_uuid"] != owner:
            raise missing("episode")
        return found[0]

    def _delete(self, _: Row, payload: Json) -> Json:
        forgetting.episode(self._store, payload["episode"])
        return {}
