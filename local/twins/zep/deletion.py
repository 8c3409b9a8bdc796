"""What deleting a thread or a user removes, beside the graph's own things."""

from __future__ import annotations

from local.twins.storage import Row, Storage
from local.twins.zep import forgetting, summaries
from local.twins.zep.idempotency import forget_answers


def forget_thread(store: Storage, thread: str) -> None:
    """Removes the messages and the summary. What was learned from them stays in the graph."""
    forgetting.messages(store, thread)
    summaries.drop(store, thread)
    store.run("delete from threads where uuid = ?", thread)
    forget_answers(store, {thread}, bodies=False)


def forget_user(store: Storage, user: Row, task: str) -> None:
    """Removes the person with graph and threads, and their tasks but for this deletion's `task`."""
    graph = user["graph_uuid"]
    threads = store.rows("select uuid from threads where graph_uuid = ?", graph)
    forgetting.contents(store, graph)
    store.run("delete from threads where graph_uuid = ?", graph)
    store.run("delete from users where graph_uuid = ?", graph)
    store.run("delete from tasks where graph_uuid = ? and uuid <> ?", graph, task)
    forget_answers(store, {user["uuid"], graph, *(row["uuid"] for row in threads)}, bodies=True)
