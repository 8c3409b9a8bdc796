"""What goes when something is deleted from a graph.

Removing an edge leaves its nodes; a node takes its edges along; an episode takes the edges and
nodes that come from nothing else. An edge that a deleted statement had ended stays ended.
"""

from __future__ import annotations

from local.twins import index
from local.twins.facts import USER
from local.twins.storage import Storage
from local.twins.zep import graph, indexing, summaries

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
    store.run("delete from edges where uuid = ?", uuid)
    store.run("delete from mentions where owner_uuid = ?", uuid)
    indexing.drop_edge(store, uuid)


def node(store: Storage, uuid: str) -> None:
    """Removes a node with its edges, and the episode that only carried its metadata."""
    for row in store.rows(
        "select uuid from edges where source_uuid = ?1 union select uuid from edges "
        "where target_uuid = ?1",
        uuid,
    ):
        edge(store, row["uuid"])
    store.run(
        "delete from episodes where shadow = 1 and uuid in "
        "(select episode_uuid from mentions where owner_uuid = ?)",
        uuid,
    )
    _node(store, uuid)


def episode(store: Storage, uuid: str) -> None:
    """Removes an episode; facts and nodes that nothing else states go with it."""
    for row in store.rows(_ONLY_EDGES.format(_ONLY), uuid):
        edge(store, row["uuid"])
    for row in store.rows(_ALONE.format(_ONLY), uuid, USER):
        _node(store, row["uuid"])
    stated = store.rows("delete from mentions where episode_uuid = ? returning owner_uuid", uuid)
    for row in stated:
        indexing.renew_observation(store, row["owner_uuid"])
    gone = store.row("delete from episodes where uuid = ? returning thread_uuid", uuid)
    index.drop(store, uuid)
    if gone and gone["thread_uuid"]:
        summaries.renew(store, gone["thread_uuid"])


def messages(store: Storage, thread_uuid: str) -> None:
    """Removes a thread's messages. What was learned from them stays in the graph."""
    for row in store.rows("select uuid from episodes where thread_uuid = ?", thread_uuid):
        index.drop(store, row["uuid"])
    store.run("delete from episodes where thread_uuid = ?", thread_uuid)


def contents(store: Storage, graph_uuid: str) -> None:
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


def whole(store: Storage, graph_uuid: str) -> None:
    """Removes a graph. A user's is emptied: it lives as long as the user."""
    contents(store, graph_uuid)
    store.run("delete from graphs where uuid = ?", graph_uuid)
    user = store.row("select * from users where graph_uuid = ?", graph_uuid)
    if user:
        graph.create_user_node(store, user)


def _node(store: Storage, uuid: str) -> None:
    store.run("delete from nodes where uuid = ?", uuid)
    store.run("delete from mentions where owner_uuid = ?", uuid)
    index.drop(store, uuid)
