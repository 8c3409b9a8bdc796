"""What is there at the twins when a method is called.

What is deleted belongs to people of whom nothing else is read, so that calls can be made at the
same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from tandem.ids import Mem0Id, ZepUuid
from tests.integration.twin_process import TwinProcess
from tests.integration.twins.writers import until

_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class ZepWorld:
    """A person with a thread and a graph."""

    user_id: str
    user: ZepUuid
    doomed_user: ZepUuid
    thread: ZepUuid
    doomed_thread: ZepUuid
    graph: ZepUuid
    message: ZepUuid
    edge: ZepUuid
    node: ZepUuid
    task: ZepUuid
    doomed_graph: ZepUuid
    """Has a doomed edge, node and episode that don't hang together."""
    doomed_edge: ZepUuid
    doomed_node: ZepUuid
    doomed_episode: ZepUuid


@dataclass(frozen=True, kw_only=True)
class Mem0World:
    """A person with memories, an export and a job that is done."""

    user_id: str
    doomed_user_id: str
    memory: Mem0Id
    doomed_memory: Mem0Id
    batch: list[Mem0Id]
    doomed_batch: list[Mem0Id]
    event: Mem0Id
    export: Mem0Id


def zep_world(zep: TwinProcess) -> ZepWorld:
    """A new one."""
    (user_id, user), (_, doomed_user), (_, other) = (_person(zep) for _ in range(3))
    thread = _thread(zep, user)
    added = _told(zep, thread, "I live in Delhi", "I like tea")
    doomed = _told(zep, _thread(zep, other), "I live in Delhi", "I like tea", "I play chess")
    graph, doomed_graph = user["graph_uuid"], other["graph_uuid"]
    facts = {item["fact"]: item["uuid"] for item in _listed(zep, doomed_graph, "edges")}
    names = {item["name"]: item["uuid"] for item in _listed(zep, doomed_graph, "nodes")}
    return ZepWorld(
        user_id=user_id,
        user=_uuid(user["uuid"]),
        doomed_user=_uuid(doomed_user["uuid"]),
        thread=_uuid(thread),
        doomed_thread=_uuid(_thread(zep, user)),
        graph=_uuid(graph),
        message=_uuid(added["messages"][0]["uuid"]),
        edge=_uuid(_listed(zep, graph, "edges")[0]["uuid"]),
        node=_uuid(_listed(zep, graph, "nodes")[0]["uuid"]),
        task=_uuid(added["task"]["uuid"]),
        doomed_graph=_uuid(doomed_graph),
        doomed_edge=_uuid(facts["Likes tea"]),
        doomed_node=_uuid(names["Delhi"]),
        doomed_episode=_uuid(doomed["messages"][2]["uuid"]),
    )


def _person(zep: TwinProcess) -> tuple[str, dict[str, Any]]:
    user_id = uuid4().hex
    return user_id, zep.post("/api/v4/users", {"user_id": user_id})


def _thread(zep: TwinProcess, user: dict[str, Any]) -> str:
    return str(zep.post("/api/v4/threads", {"user_uuid": user["uuid"]})["uuid"])


def _told(zep: TwinProcess, thread: str, *contents: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": content} for content in contents]
    added = zep.post(f"/api/v4/threads/{thread}/messages", {"messages": messages})
    task = f"/api/v4/tasks/{added['task']['uuid']}"
    done = lambda: zep.get(task)["status"] == "succeeded"  # noqa: E731
    until(done, seconds=_SECONDS, what="messages ingested")
    return added


def _listed(zep: TwinProcess, graph: str, kind: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = zep.post(f"/api/v4/graphs/{graph}/{kind}/list", {})["items"]
    return items


def mem0_world(mem0: TwinProcess) -> Mem0World:
    """A new one."""
    user_id, doomed_user_id = uuid4().hex, uuid4().hex

    def add(user: str, *texts: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": text} for text in texts]
        body = {"user_id": user, "messages": messages, "infer": False}
        return mem0.post("/v3/memories/add/", body)

    add(doomed_user_id, "I like chess")
    added = add(user_id, *(f"I like thing{number}" for number in range(6)))
    ids = [Mem0Id(result["id"]) for result in added["results"]]
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    body = {"schema": schema, "filters": {"AND": [{"user_id": user_id}]}}
    export = Mem0Id(mem0.post("/v1/exports/", body)["id"])
    asked = {"memory_export_id": export}
    done = lambda: mem0.client.post("/v1/exports/get/", json=asked).is_success  # noqa: E731
    until(done, seconds=_SECONDS, what="exported")
    return Mem0World(
        user_id=user_id,
        doomed_user_id=doomed_user_id,
        memory=ids[0],
        doomed_memory=ids[1],
        batch=ids[2:4],
        doomed_batch=ids[4:6],
        event=Mem0Id(added["event_id"]),
        export=export,
    )


def _uuid(text: str) -> ZepUuid:
    return ZepUuid(UUID(text))
