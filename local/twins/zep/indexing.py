"""The index beside the graph: facts, names and episodes by their words.

Each graph has four collections. A node stands in the index by its name and the summary that
somebody gave it; what its facts tell is found through the facts. Facts that are observations stand
in it twice.
"""

from __future__ import annotations

from local.twins import facts, index
from local.twins.storage import Row, Storage

KINDS = ("edges", "nodes", "episodes", "observations")
# A fact that holds and that two episodes state.
_STEADY = (
    "select graph_uuid, fact from edges where uuid = ?1 and invalid_at is null and "
    "(select count(*) from (select 1 from mentions where owner_uuid = ?1 limit 2)) > 1"
)
_MISSING = "select * from {0} where uuid not in (select document from index_documents) {1}"


def collection(graph: str, kind: str) -> str:
    """Where the index has a graph's edges, nodes or episodes."""
    return f"{graph}:{kind}"


def put_edge(store: Storage, edge: str) -> None:
    """Puts an edge in by its fact, as it is now."""
    row = store.row("select graph_uuid, fact from edges where uuid = ?", edge)
    if row:
        _put(store, row["graph_uuid"], "edges", edge, row["fact"])
        renew_observation(store, edge)


def renew_observation(store: Storage, edge: str) -> None:
    """Puts an edge in as an observation, or takes it out: its end, or what states it, changed."""
    document, row = f"{edge}:observation", store.row(_STEADY, edge)
    if row:
        _put(store, row["graph_uuid"], "observations", document, row["fact"])
    else:
        index.drop(store, document)


def drop_edge(store: Storage, edge: str) -> None:
    """Takes an edge out, also as an observation."""
    index.drop(store, edge)
    index.drop(store, f"{edge}:observation")


def put_node(store: Storage, node: str) -> None:
    """Puts a node in by its name and its own summary, as they are now."""
    row = store.row("select graph_uuid, name, summary from nodes where uuid = ?", node)
    if row:
        _put(store, row["graph_uuid"], "nodes", node, f"{row['name']}. {row['summary'] or ''}")


def put_episode(store: Storage, row: Row) -> None:
    """Puts an episode in by its content, unless it only carries an item's metadata."""
    if not row["shadow"]:
        _put(store, row["graph_uuid"], "episodes", row["uuid"], row["content"])


def complete(store: Storage) -> None:
    """Fills in what a file of an older version lacks: values of edges, and what isn't indexed."""
    with store.transaction():
        for row in store.rows("select uuid, object from edges where value is null"):
            value = facts.value_of(row["object"])
            store.run("update edges set value = ? where uuid = ?", value, row["uuid"])
        for row in store.rows(_MISSING.format("edges", "")):
            put_edge(store, row["uuid"])
        for row in store.rows(_MISSING.format("nodes", "")):
            put_node(store, row["uuid"])
        missing = _MISSING.format("episodes", "and processed = 1 and shadow = 0")
        for row in store.rows(missing):
            put_episode(store, row)


def _put(store: Storage, graph: str, kind: str, document: str, words: str) -> None:
    index.put(store, collection=collection(graph, kind), document=document, text=words)
