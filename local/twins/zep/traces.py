"""How an episode was ingested. At the service a project has to switch this on; here it is on."""

from __future__ import annotations

import uuid

from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import reading, rows

_TASK = (
    "select * from tasks where graph_uuid = ? and exists "
    "(select 1 from json_each(tasks.payload, '$.episodes') where value = ?) order by seq limit 1"
)
_STATUS = {"succeeded": "completed", "partial": "completed", "failed": "error"}


def debug_log(store: Storage, episode: Row) -> Json:
    """An EpisodeDebugLog: when ingestion began, what it found, and how it ended."""
    task = store.row(_TASK, episode["graph_uuid"], episode["uuid"])
    status = _STATUS.get(task["status"], "running") if task else "completed"
    if status != "running" and task and not episode["processed"]:
        status = "error"
    entries = [_entry("info", episode["created_at"], "episode received")]
    ended = task["completed_at"] if task else episode["created_at"]
    if status == "completed":
        edges, nodes = _learned(store, episode, "edges"), _learned(store, episode, "nodes")
        found = f"extracted {len(nodes)} nodes and {len(edges)} edges"
        entries.append(_entry("debug", ended, found))
        entries.append(_entry("info", ended, "episode processed"))
    if status == "error":
        entries.append(_entry("error", ended, "ingestion failed"))
    return rows.without_nulls(
        {
            "status": status,
            "started_at": task["started_at"] if task else episode["created_at"],
            "completed_at": ended if status != "running" else None,
            "error": "ingestion failed" if status == "error" else None,
            "entries": entries,
        }
    )


def of_episode(store: Storage, episode: Row) -> list[Json]:
    """The IngestionTraces of an episode in the order of the steps; [] until it is processed."""
    if not episode["processed"]:
        return []
    edges = reading.edges(store, _learned(store, episode, "edges"))
    nodes = reading.nodes(store, _learned(store, episode, "nodes"))
    told = [_node(row) for row in nodes]
    facts = [_edge(row) for row in edges]
    of_nodes = [{"extracted_node_uuid": n["uuid"], "resolved_node_uuid": n["uuid"]} for n in told]
    steps: list[tuple[str, Json, Json]] = [
        ("combined_extraction", {}, {"extracted_nodes": told, "extracted_edges": facts}),
        ("resolve_nodes", {"extracted_nodes": told}, {"nodes": told, "node_resolutions": of_nodes}),
        ("resolve_edges", {"extracted_edges": facts, "resolved_nodes": told}, {"edges": facts}),
    ]
    heard = {
        "uuid": episode["uuid"],
        "content": episode["content"],
        "source": episode["source"],
        "valid_at": episode["reference_time"],
    }
    return [
        {
            "uuid": str(uuid.uuid5(uuid.UUID(episode["uuid"]), step)),
            "step": step,
            "status": "recorded",
            "created_at": episode["created_at"],
            "input": {"episode_content": episode["content"], "episodes": [heard], **given},
            "output": output,
        }
        for step, given, output in steps
    ]


def _learned(store: Storage, episode: Row, table: str) -> list[str]:
    found = store.rows(
        f"select uuid from {table} where uuid in "  # noqa: S608 - a table of our own
        "(select owner_uuid from mentions where episode_uuid = ?) order by seq",
        episode["uuid"],
    )
    return [row["uuid"] for row in found]


def _node(row: Row) -> Json:
    names = ("uuid", "name", "labels", "summary", "attributes", "created_at")
    shown = reading.node_json(row)
    return {name: shown[name] for name in names}


def _edge(row: Row) -> Json:
    left_out = {"graph_uuid", "user_uuid", "scope"}
    shown = reading.edge_json(row)
    return {
        name: value
        for name, value in shown.items()
        if name not in left_out and not name.endswith(("_name", "_labels"))
    }


def _entry(level: str, at: str, message: str) -> Json:
    return {"level": level, "logged_at": at, "message": message}
