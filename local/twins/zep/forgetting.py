"""What goes when something is deleted, and what stays.

Removing an edge leaves its nodes; a node takes its edges along; an episode takes the edges and
nodes that come from nothing else. An edge that a deleted statement had ended stays ended. What keys
remember of what is gone goes, too.
"""

from __future__ import annotations

from local.twins import index
from local.twins.facts import USER
from local.twins.storage import Row, Storage
from local.twins.zep import graph, indexing, summaries
from local.twins.zep.idempotency import forget_answers

# Owners of a mention whose every mention is of this episode.
_ONLY = (
    "select owner_uuid from mentions where episode_uuid = ?1 and not exists (select 1 from "
    "mentions as other where other.owner_uuid = mentions.owner_uuid and other.episode_uuid <> ?1)"
)
_ONLY_EDGES = "select uuid from edges where uuid in ({0})"
# A node that still bears an edge, say one made by hand, stays; so does the person's own.
_ALONE = (
    "select uuid from nodes where uuid in ({0}) and key <> ?2 "
    "and not exists (select 1 from edges where source_uuid = nodes.uuid) "
    "and not exists (select 1 from edges where target_uuid = nodes.uuid)"
)


def edge(store: Storage, uuid: str) -> None:
    """Removes an edge and where it came from."""
    _edges(store, [uuid])
    forget_answers(store, {uuid}, bodies=False)


def node(store: Storage, uuid: str) -> None:
    """Removes a node with its edges, and the episode that only carried its metadata."""
    touching = store.rows(
        "select uuid from edges where source_uuid = ?1 union select uuid from edges "
        "where target_uuid = ?1",
        uuid,
    )
    edges = [row["uuid"] for row in touching]
    _edges(store, edges)
    store.run(
        "delete from episodes where shadow = 1 and uuid in "
        "(select episode_uuid from mentions where owner_uuid = ?)",
        uuid,
    )
    _node(store, uuid)
    forget_answers(store, {uuid, *edges}, bodies=False)


def episode(store: Storage, uuid: str) -> None:
    """Removes an episode; facts and nodes that nothing else states go with it."""
    edges = [row["uuid"] for row in store.rows(_ONLY_EDGES.format(_ONLY), uuid)]
    _edges(store, edges)
    nodes = [row["uuid"] for row in store.rows(_ALONE.format(_ONLY), uuid, USER)]
    for alone in nodes:
        _node(store, alone)
    stated = store.rows("delete from mentions where episode_uuid = ? returning owner_uuid", uuid)
    for row in stated:
        indexing.renew_observation(store, row["owner_uuid"])
    gone = store.row("delete from episodes where uuid = ? returning thread_uuid", uuid)
    index.drop(store, uuid)
    if gone and gone["thread_uuid"]:
        summaries.renew(store, gone["thread_uuid"])
    forget_answers(store, {uuid, *edges, *nodes}, bodies=False)


def thread(store: Storage, uuid: str) -> None:
    """Removes a thread with its messages and summary. What was learned from them stays in the
    graph."""
    for row in store.rows("select uuid from episodes where thread_uuid = ?", uuid):
        index.drop(store, row["uuid"])
    store.run("delete from episodes where thread_uuid = ?", uuid)
    summaries.drop(store, uuid)
    store.run("delete from threads where uuid = ?", uuid)
    forget_answers(store, {uuid}, bodies=True)


def user(store: Storage, row: Row, task: str) -> None:
    """Removes a person with graph and threads, and their tasks but for this deletion's `task`."""
    graph_uuid = row["graph_uuid"]
    threads = store.rows("select uuid from threads where graph_uuid = ?", graph_uuid)
    _contents(store, graph_uuid)
    store.run("delete from threads where graph_uuid = ?", graph_uuid)
    store.run("delete from users where graph_uuid = ?", graph_uuid)
    store.run("delete from tasks where graph_uuid = ? and uuid <> ?", graph_uuid, task)
    gone = {row["uuid"], graph_uuid, *(each["uuid"] for each in threads)}
    forget_answers(store, gone, bodies=True)


def whole(store: Storage, graph_uuid: str, task: str) -> None:
    """Removes a graph with what waits for it. A user's is emptied: it lives as long as the user,
    with what is under way."""
    alone = store.run("delete from graphs where uuid = ?", graph_uuid) > 0
    _contents(store, graph_uuid)
    store.run(
        "delete from tasks where graph_uuid = ? and uuid <> ? "
        "and (? or completed_at is not null and type like 'graph.add%')",
        graph_uuid,
        task,
        alone,
    )
    forget_answers(store, {graph_uuid}, bodies=alone)
    owner = store.row("select * from users where graph_uuid = ?", graph_uuid)
    if owner:
        graph.create_user_node(store, owner)


def _contents(store: Storage, graph_uuid: str) -> None:
    """Removes all edges, nodes, episodes and summaries of a graph."""
    for row in store.rows("select uuid from threads where graph_uuid = ?", graph_uuid):
        summaries.drop(store, row["uuid"])
    for table in ("edges", "nodes"):
        store.run(
            f"delete from mentions where owner_uuid in "  # noqa: S608
            f"(select uuid from {table} where graph_uuid = ?)",
            graph_uuid,
        )
    for table in ("edges", "nodes", "episodes"):
        store.run(f"delete from {table} where graph_uuid = ?", graph_uuid)  # noqa: S608
    for kind in indexing.KINDS:
        index.drop_collection(store, indexing.collection(graph_uuid, kind))


def _edges(store: Storage, uuids: list[str]) -> None:
    telling = summaries.telling(store, uuids)
    for uuid in uuids:
        store.run("delete from edges where uuid = ?", uuid)
        store.run("delete from mentions where owner_uuid = ?", uuid)
        indexing.drop_edge(store, uuid)
    for each in telling:
        summaries.renew(store, each)


def _node(store: Storage, uuid: str) -> None:
    store.run("delete from nodes where uuid = ?", uuid)
    store.run("delete from mentions where owner_uuid = ?", uuid)
    index.drop(store, uuid)
