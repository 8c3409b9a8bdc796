"""Users, threads, messages and episodes, as rows and as the wire shows them."""

from __future__ import annotations

import json
import uuid

from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep.errors import missing


def new_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


def user_json(row: Row) -> Json:
    """A User."""
    names = "uuid user_id graph_uuid email first_name last_name time_zone created_at"
    shown = {name: row[name] for name in names.split()}
    ontology = row["disable_default_ontology"]
    return without_nulls(
        {
            **shown,
            "metadata": json.loads(row["metadata"]),
            "disable_default_ontology": None if ontology is None else bool(ontology),
        }
    )


def thread_json(row: Row) -> Json:
    """A Thread."""
    names = ("uuid", "thread_id", "user_uuid", "graph_uuid", "created_at", "updated_at")
    return without_nulls({name: row[name] for name in names})


def message_json(row: Row) -> Json:
    """A Message."""
    names = ("uuid", "thread_uuid", "role", "name", "content", "created_at", "reference_time")
    shown = {name: row[name] for name in names}
    return without_nulls(
        {**shown, "metadata": json.loads(row["metadata"]), "processed": bool(row["processed"])}
    )


def episode_json(row: Row) -> Json:
    """An Episode."""
    names = (
        "uuid graph_uuid thread_uuid role content source source_description created_at "
        "reference_time document_id"
    )
    shown = {name: row[name] for name in names.split()}
    if "user_uuid" in row.keys():  # noqa: SIM118 - a Row iterates over values
        shown["user_uuid"] = row["user_uuid"]
    return without_nulls(
        {
            **shown,
            "role_name": row["name"],
            "metadata": json.loads(row["metadata"]),
            "processed": bool(row["processed"]),
        }
    )


def without_nulls(shown: Json) -> Json:
    """The service leaves out what is not set."""
    return {name: value for name, value in shown.items() if value is not None}


def user(store: Storage, user_uuid: str) -> Row:
    """A user by uuid, or 404."""
    row = store.row("select * from users where uuid = ?", user_uuid)
    if row is None:
        raise missing("user")
    return row


def thread(store: Storage, thread_uuid: str) -> Row:
    """A thread by uuid, or 404."""
    row = store.row("select * from threads where uuid = ?", thread_uuid)
    if row is None:
        raise missing("thread")
    return row


def kept(row: Row, kind: str) -> Row:
    """A user's or thread's row, or 404 when it is being deleted: reads are still served then, but
    what is written would be gone in a moment."""
    if row["deletion"] is not None:
        raise missing(kind)
    return row


def graph_uuid(store: Storage, given: str) -> str:
    """The graph that a graph's or a user's uuid means, or 404."""
    row = store.row(
        "select graph_uuid from users where graph_uuid = ?1 or uuid = ?1 "
        "union all select uuid from graphs where uuid = ?1",
        given,
    )
    if row is None:
        raise missing("graph")
    found: str = row["graph_uuid"]
    return found


def add_episode(store: Storage, graph: str, item: Json, received: str) -> Row:
    """Stores one message or text; it is not yet part of the graph."""
    episode = new_id()
    store.insert(
        "episodes",
        **{
            "uuid": episode,
            "graph_uuid": graph,
            "created_at": received,
            "source": "message",
            **item,
            "metadata": json.dumps(item.get("metadata") or {}),
        },
    )
    row = store.row("select * from episodes where uuid = ?", episode)
    assert row is not None  # noqa: S101 - just inserted
    return row
