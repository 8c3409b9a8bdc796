"""Every method of our Zep client beside the call of zep-cloud that asks for the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from zep_cloud.errors import NotFoundError
from zep_cloud.types import AddMessage, EdgeListFilters

from tandem.clients.zep_models import NewMessage
from tandem.ids import ZepUuid
from tests.official.called import everything, refused
from tests.official.requests_compared import Pair
from tests.official.zep_story import ada, told

KEY = "key-1"
SAID_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SAID = "2026-11-20T09:00:00Z"
SECONDS = 5.0
KEYED: dict[str, Any] = {"idempotency_key": KEY, "timeout_seconds": SECONDS}
TIMED: dict[str, Any] = {"timeout_seconds": SECONDS}


@dataclass(frozen=True)
class ZepWorld:
    """Ids of one of each kind, as our client takes them."""

    user: ZepUuid
    thread: ZepUuid
    graph: ZepUuid
    message: ZepUuid
    edge: ZepUuid
    node: ZepUuid
    task: ZepUuid


def _id(uuid: str) -> ZepUuid:
    return ZepUuid(UUID(uuid))


async def zep_world(client: Any) -> ZepWorld:
    """A person who has said one thing."""
    user, thread = await ada(client)
    (message,) = await told(client, thread, "I like tea")
    (edge,) = await everything(await client.graph.edge.list(user.graph_uuid))
    task, *_ = await everything(await client.task.list())
    return ZepWorld(
        user=_id(user.uuid_),
        thread=_id(thread.uuid_),
        graph=_id(user.graph_uuid),
        message=_id(message.uuid_),
        edge=_id(edge.uuid_),
        node=_id(edge.target_node_uuid),
        task=_id(task.uuid_),
    )


async def _ensured(zep: Any, _: ZepWorld) -> None:
    await refused(zep.user.lookup(user_id="dev:bea"), NotFoundError)
    await zep.user.create(user_id="dev:bea", first_name="Bea", idempotency_key=KEY)


USERS = {
    "find_user": Pair(
        lambda ours, _: ours.find_user("dev:ada", **TIMED),
        lambda zep, _: zep.user.lookup(user_id="dev:ada"),
    ),
    "get_user": Pair(
        lambda ours, w: ours.get_user(w.user, **TIMED),
        lambda zep, w: zep.user.get(str(w.user)),
    ),
    "user_node": Pair(
        lambda ours, w: ours.user_node(w.user, **TIMED),
        lambda zep, w: zep.user.get_node(str(w.user)),
    ),
    "create_user": Pair(
        lambda ours, _: ours.create_user("dev:bea", first_name="Bea", last_name="B", **KEYED),
        lambda zep, _: zep.user.create(
            user_id="dev:bea", first_name="Bea", last_name="B", idempotency_key=KEY
        ),
    ),
    "ensure_user": Pair(
        lambda ours, _: ours.ensure_user("dev:bea", first_name="Bea", **KEYED),
        _ensured,
        fresh=True,
    ),
    "update_user": Pair(
        lambda ours, w: ours.update_user(
            w.user, first_name="A", last_name="L", metadata={"a": 1, "b": None}, **KEYED
        ),
        lambda zep, w: zep.user.update(
            str(w.user),
            first_name="A",
            last_name="L",
            metadata={"a": 1, "b": None},
            idempotency_key=KEY,
        ),
    ),
    "delete_user": Pair(
        lambda ours, w: ours.delete_user(w.user, **KEYED),
        lambda zep, w: zep.user.delete(str(w.user), idempotency_key=KEY),
    ),
}
THREADS = {
    "create_thread": Pair(
        lambda ours, w: ours.create_thread(w.user, **KEYED),
        lambda zep, w: zep.thread.create(user_uuid=str(w.user), idempotency_key=KEY),
    ),
    "get_thread": Pair(
        lambda ours, w: ours.get_thread(w.thread, **TIMED),
        lambda zep, w: zep.thread.get(str(w.thread)),
    ),
    "list_threads": Pair(
        lambda ours, w: ours.list_threads(w.user, page_size=7, **TIMED),
        lambda zep, w: zep.thread.list(user_uuid=str(w.user), page_size=7),
    ),
    "delete_thread": Pair(
        lambda ours, w: ours.delete_thread(w.thread, **KEYED),
        lambda zep, w: zep.thread.delete(str(w.thread), idempotency_key=KEY),
    ),
    "thread_context": Pair(
        lambda ours, w: ours.thread_context(w.thread, **TIMED),
        lambda zep, w: zep.thread.get_context(str(w.thread)),
    ),
    "add_messages": Pair(
        lambda ours, w: ours.add_messages(
            w.thread,
            [
                NewMessage("user", "Tea, please", SAID_AT, name="Ada", metadata={"turn": 1}),
                NewMessage("assistant", "Here you are", SAID_AT),
            ],
            ignore_roles=["assistant"],
            **KEYED,
        ),
        lambda zep, w: zep.thread.add_messages(
            str(w.thread),
            messages=[
                AddMessage(
                    role="user",
                    content="Tea, please",
                    reference_time=SAID,
                    name="Ada",
                    metadata={"turn": 1},
                ),
                AddMessage(role="assistant", content="Here you are", reference_time=SAID),
            ],
            ignore_roles=["assistant"],
            idempotency_key=KEY,
        ),
    ),
    "list_messages": Pair(
        lambda ours, w: ours.list_messages(w.thread, page_size=9, order="desc", **TIMED),
        lambda zep, w: zep.thread.list_messages(str(w.thread), page_size=9, order="desc"),
    ),
    "get_message": Pair(
        lambda ours, w: ours.get_message(w.thread, w.message, **TIMED),
        lambda zep, w: zep.thread.message.get(str(w.thread), str(w.message)),
    ),
    "set_message_metadata": Pair(
        lambda ours, w: ours.set_message_metadata(w.thread, w.message, {"a": 1}, **KEYED),
        lambda zep, w: zep.thread.message.update(
            str(w.thread), str(w.message), metadata={"a": 1}, idempotency_key=KEY
        ),
    ),
    "get_task": Pair(
        lambda ours, w: ours.get_task(w.task, **TIMED),
        lambda zep, w: zep.task.get(str(w.task)),
    ),
    "wait_for_task": Pair(
        lambda ours, w: ours.wait_for_task(w.task, **TIMED),
        lambda zep, w: zep.task.get(str(w.task)),
    ),
}
GRAPHS = {
    "list_edges": Pair(
        lambda ours, w: ours.list_edges(
            w.graph, page_size=8, edge_uuids=[w.edge], node_uuids=[w.node], **TIMED
        ),
        lambda zep, w: zep.graph.edge.list(
            str(w.graph),
            page_size=8,
            filters=EdgeListFilters(edge_uuids=[str(w.edge)], connected_node_uuids=[str(w.node)]),
        ),
    ),
    "get_edge": Pair(
        lambda ours, w: ours.get_edge(w.graph, w.edge, **TIMED),
        lambda zep, w: zep.graph.edge.get(str(w.graph), str(w.edge)),
    ),
    "update_edge": Pair(
        lambda ours, w: ours.update_edge(w.graph, w.edge, invalid_at=SAID_AT, **KEYED),
        lambda zep, w: zep.graph.edge.update(
            str(w.graph),
            str(w.edge),
            attributes={"tandem_ended_at": SAID},
            idempotency_key=KEY,
        ),
    ),
    "delete_edge": Pair(
        lambda ours, w: ours.delete_edge(w.graph, w.edge, **KEYED),
        lambda zep, w: zep.graph.edge.delete(str(w.graph), str(w.edge), idempotency_key=KEY),
    ),
    "list_nodes": Pair(
        lambda ours, w: ours.list_nodes(w.graph, page_size=8, **TIMED),
        lambda zep, w: zep.graph.node.list(str(w.graph), page_size=8),
    ),
    "get_node": Pair(
        lambda ours, w: ours.get_node(w.graph, w.node, **TIMED),
        lambda zep, w: zep.graph.node.get(str(w.graph), str(w.node)),
    ),
    "clear_summary": Pair(
        lambda ours, w: ours.clear_summary(w.graph, w.node, **KEYED),
        lambda zep, w: zep.graph.node.update(
            str(w.graph), str(w.node), summary="", idempotency_key=KEY
        ),
    ),
    "delete_node": Pair(
        lambda ours, w: ours.delete_node(w.graph, w.node, **KEYED),
        lambda zep, w: zep.graph.node.delete(str(w.graph), str(w.node), idempotency_key=KEY),
    ),
    "add_episode": Pair(
        lambda ours, w: ours.add_episode(
            w.graph,
            '{"drink": "tea"}',
            kind="json",
            reference_time=SAID_AT,
            metadata={"page": 1},
            **KEYED,
        ),
        lambda zep, w: zep.graph.episode.add(
            str(w.graph),
            data='{"drink": "tea"}',
            type="json",
            reference_time=SAID,
            metadata={"page": 1},
            idempotency_key=KEY,
        ),
    ),
    "list_episodes": Pair(
        lambda ours, w: ours.list_episodes(w.graph, page_size=8, **TIMED),
        lambda zep, w: zep.graph.episode.list(str(w.graph), page_size=8),
    ),
    "get_episode": Pair(
        lambda ours, w: ours.get_episode(w.graph, w.message, **TIMED),
        lambda zep, w: zep.graph.episode.get(str(w.graph), str(w.message)),
    ),
    "delete_episode": Pair(
        lambda ours, w: ours.delete_episode(w.graph, w.message, **KEYED),
        lambda zep, w: zep.graph.episode.delete(str(w.graph), str(w.message), idempotency_key=KEY),
    ),
    "graph_context": Pair(
        lambda ours, w: ours.graph_context(w.graph, "tea", max_characters=900, **TIMED),
        lambda zep, w: zep.graph.get_context(
            str(w.graph), query="tea", max_characters=900, include_results=True
        ),
    ),
    "search_edges": Pair(
        lambda ours, w: ours.search_edges(
            w.graph, "tea", limit=5, reranker="cross_encoder", **TIMED
        ),
        lambda zep, w: zep.graph.search_edges(
            str(w.graph), query="tea", page_size=5, reranker="cross_encoder"
        ),
    ),
    "search_nodes": Pair(
        lambda ours, w: ours.search_nodes(w.graph, "tea", limit=5, **TIMED),
        lambda zep, w: zep.graph.search_nodes(str(w.graph), query="tea", page_size=5),
    ),
    "search_episodes": Pair(
        lambda ours, w: ours.search_episodes(w.graph, "tea", limit=5, **TIMED),
        lambda zep, w: zep.graph.search_episodes(str(w.graph), query="tea", page_size=5),
    ),
}
PAIRS: dict[str, Pair] = {**USERS, **THREADS, **GRAPHS}
