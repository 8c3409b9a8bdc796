"""Every call of our Zep client that zep-cloud was recorded with, and a way to make it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import httpx
import pytest

from tandem.clients.models import NewMessage
from tandem.clients.zep import ZepClient
from tandem.errors import UpstreamError
from tandem.ids import ZepUuid
from tests.contract.wire import Recorder

USER = ZepUuid(UUID("11111111-1111-4111-8111-111111111111"))
GRAPH = ZepUuid(UUID("22222222-2222-4222-8222-222222222222"))
THREAD = ZepUuid(UUID("33333333-3333-4333-8333-333333333333"))
EDGE = ZepUuid(UUID("44444444-4444-4444-8444-444444444444"))
NODE = ZepUuid(UUID("55555555-5555-4555-8555-555555555555"))
EPISODE = ZepUuid(UUID("77777777-7777-4777-8777-777777777777"))
MESSAGE = ZepUuid(UUID("88888888-8888-4888-8888-888888888888"))
TASK = ZepUuid(UUID("99999999-9999-4999-8999-999999999999"))
SAID_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

A_USER = {"uuid": str(USER), "user_id": "dev:ada", "graph_uuid": str(GRAPH)}
A_TASK = {"uuid": str(TASK), "type": "thread.add_messages", "status": "pending"}
A_MESSAGE = {"uuid": str(MESSAGE), "role": "user", "content": "Tea, please", "processed": False}
AN_EDGE = {"uuid": str(EDGE), "fact": "Ada likes tea", "name": "LIKES"}
A_NODE = {"uuid": str(NODE), "name": "Ada", "episode_uuids": [], "episode_uuids_truncated": False}
AN_EPISODE = {"uuid": str(EPISODE), "content": "hi", "source": "message", "role": "user"}
A_THREAD = {"uuid": str(THREAD), "user_uuid": str(USER)}
ENDED = {**A_TASK, "status": "succeeded"}
NOT_FOUND = httpx.Response(404, json={"error": {"code": "not_found", "message": "no user"}})

TWO_MESSAGES = [
    NewMessage(
        role="user",
        content="Tea, please",
        # The same moment as SAID_AT, told elsewhere on earth.
        reference_time=datetime(2026, 11, 20, 14, 30, tzinfo=timezone(timedelta(hours=5.5))),
        name="Ada",
        metadata={"turn_id": "t1", "seq": 1},
    ),
    NewMessage(
        role="assistant",
        content="Here you are",
        reference_time=SAID_AT + timedelta(seconds=1.5),
    ),
]

Call = Callable[[ZepClient], Awaitable[Any]]
# Each call of ours that the official client was recorded with, and an answer that fits it.
CALLS: dict[str, tuple[Call, Any]] = {
    "find_user": (lambda zep: zep.find_user("dev:ada", timeout_seconds=5), A_USER),
    "create_user": (
        lambda zep: zep.create_user(
            "dev:ada",
            first_name="Ada",
            last_name="Byron",
            idempotency_key="key-1",
            timeout_seconds=5,
        ),
        A_USER,
    ),
    "delete_user": (
        lambda zep: zep.delete_user(USER, idempotency_key="key-1", timeout_seconds=5),
        {"task": A_TASK},
    ),
    "create_thread": (
        lambda zep: zep.create_thread(USER, idempotency_key="key-1", timeout_seconds=5),
        A_THREAD,
    ),
    "delete_thread": (
        lambda zep: zep.delete_thread(THREAD, idempotency_key="key-1", timeout_seconds=5),
        {"task": A_TASK},
    ),
    "add_messages": (
        lambda zep: zep.add_messages(
            THREAD,
            TWO_MESSAGES,
            ignore_roles=["assistant"],
            idempotency_key="key-1",
            timeout_seconds=5,
        ),
        {"messages": [A_MESSAGE], "task": A_TASK},
    ),
    "list_messages": (
        lambda zep: zep.list_messages(
            THREAD, page_size=20, cursor="c1", order="desc", timeout_seconds=5
        ),
        {"items": [A_MESSAGE]},
    ),
    "graph_context": (
        lambda zep: zep.graph_context(GRAPH, "tea", max_characters=900, timeout_seconds=5),
        {"context": "text", "truncated": False},
    ),
    "search_edges": (
        lambda zep: zep.search_edges(
            GRAPH, "tea", limit=5, reranker="cross_encoder", timeout_seconds=5
        ),
        {"items": []},
    ),
    "search_nodes": (
        lambda zep: zep.search_nodes(GRAPH, "Ada", limit=5, timeout_seconds=5),
        {"items": []},
    ),
    "list_nodes": (
        lambda zep: zep.list_nodes(GRAPH, cursor="c2", timeout_seconds=5),
        {"items": []},
    ),
    "list_edges": (lambda zep: zep.list_edges(GRAPH, timeout_seconds=5), {"items": []}),
    "add_episode": (
        lambda zep: zep.add_episode(
            GRAPH,
            "Ada drinks tea",
            reference_time=SAID_AT,
            metadata={"turn_id": "t1"},
            idempotency_key="key-1",
            timeout_seconds=5,
        ),
        {"episode": {"uuid": str(EDGE)}, "task": A_TASK},
    ),
    "get_task": (lambda zep: zep.get_task(TASK, timeout_seconds=5), A_TASK),
    "get_user": (lambda zep: zep.get_user(USER, timeout_seconds=5), A_USER),
    "update_user": (
        lambda zep: zep.update_user(
            USER,
            first_name="Ada",
            last_name="Lovelace",
            metadata={"plan": "x", "old": None},
            idempotency_key="key-1",
            timeout_seconds=5,
        ),
        A_USER,
    ),
    "get_thread": (lambda zep: zep.get_thread(THREAD, timeout_seconds=5), A_THREAD),
    "list_threads": (
        lambda zep: zep.list_threads(USER, page_size=20, cursor="c1", timeout_seconds=5),
        {"items": [A_THREAD]},
    ),
    "thread_context": (
        lambda zep: zep.thread_context(THREAD, timeout_seconds=5),
        {"context": "text"},
    ),
    "get_message": (
        lambda zep: zep.get_message(THREAD, MESSAGE, timeout_seconds=5),
        A_MESSAGE,
    ),
    "set_message_metadata": (
        lambda zep: zep.set_message_metadata(
            THREAD,
            MESSAGE,
            {"seen": True, "old": None},
            idempotency_key="key-1",
            timeout_seconds=5,
        ),
        A_MESSAGE,
    ),
    "search_episodes": (
        lambda zep: zep.search_episodes(GRAPH, "tea", limit=5, reranker="mmr", timeout_seconds=5),
        {"items": [AN_EPISODE]},
    ),
    "get_edge": (lambda zep: zep.get_edge(GRAPH, EDGE, timeout_seconds=5), AN_EDGE),
    "delete_edge": (
        lambda zep: zep.delete_edge(GRAPH, EDGE, idempotency_key="key-1", timeout_seconds=5),
        {"task": A_TASK},
    ),
    "update_edge": (
        lambda zep: zep.update_edge(
            GRAPH, EDGE, invalid_at=SAID_AT, idempotency_key="key-1", timeout_seconds=5
        ),
        AN_EDGE,
    ),
    "user_node": (lambda zep: zep.user_node(USER, timeout_seconds=5), A_NODE),
    "get_node": (lambda zep: zep.get_node(GRAPH, NODE, timeout_seconds=5), A_NODE),
    "clear_summary": (
        lambda zep: zep.clear_summary(GRAPH, NODE, idempotency_key="key-1", timeout_seconds=5),
        A_NODE,
    ),
    "delete_node": (
        lambda zep: zep.delete_node(GRAPH, NODE, idempotency_key="key-1", timeout_seconds=5),
        {"task": A_TASK},
    ),
    "list_episodes": (
        lambda zep: zep.list_episodes(GRAPH, cursor="c2", timeout_seconds=5),
        {"items": [AN_EPISODE]},
    ),
    "get_episode": (lambda zep: zep.get_episode(GRAPH, EPISODE, timeout_seconds=5), AN_EPISODE),
    "delete_episode": (
        lambda zep: zep.delete_episode(GRAPH, EPISODE, idempotency_key="key-1", timeout_seconds=5),
        {"task": A_TASK},
    ),
}
# Methods that are made of other calls, and an answer to the first of these that ends them.
COMPOSED: dict[str, tuple[Call, Any]] = {
    "ensure_user": (
        lambda zep: zep.ensure_user("dev:ada", idempotency_key="key-1", timeout_seconds=5),
        A_USER,
    ),
    "wait_for_task": (lambda zep: zep.wait_for_task(TASK, timeout_seconds=5), ENDED),
}


def run(recorder: Recorder, call: Call, *, key: str = "test-key") -> Any:
    """What `call` gives when the recorder answers."""

    async def scenario() -> Any:
        return await call(ZepClient(recorder.http("zep"), api_key=lambda: key))

    return asyncio.run(scenario())


def failure(recorder: Recorder, call: Call) -> UpstreamError:
    """The error that `call` ends with."""
    with pytest.raises(UpstreamError) as caught:
        run(recorder, call)
    return caught.value


def answered(answer: Any, call: Call, *, status: int = 200) -> Any:
    """What `call` makes of this JSON."""
    return run(Recorder([httpx.Response(status, json=answer)]), call)
