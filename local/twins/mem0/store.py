"""Memories, their history and events: tables, rows, and how the wire shows them."""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from local.twins import moments
from local.twins.mem0.filters import ENTITIES
from local.twins.server import Json
from local.twins.storage import Row, Storage

SCHEMA = """
create table if not exists memories (
    seq integer primary key autoincrement, id text not null unique, memory text not null,
    normal text not null, user_id text, agent_id text, app_id text, run_id text,
    metadata text not null, categories text not null, created_at text not null,
    updated_at text not null, expiration_date text);
create index if not exists memories_of_user on memories (user_id, normal);
create table if not exists history (
    seq integer primary key autoincrement, id text not null, memory_id text not null,
    input text not null, old_memory text, new_memory text, event text not null,
    scope text not null, created_at text not null);
create index if not exists history_of_memory on history (memory_id, seq);
create table if not exists events (
    seq integer primary key autoincrement, id text not null unique, event_type text not null,
    status text not null, payload text not null, results text not null, created_at text not null,
    updated_at text not null, started_at text, completed_at text, due real not null);
create index if not exists events_open on events (seq) where status in ('PENDING', 'RUNNING');
"""


def normal(text: str) -> str:
    """Equal for texts that differ in case, spaces or final punctuation alone."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .!?")


def today() -> str:
    """The UTC date; a memory shows until the end of its expiration date."""
    return moments.now().date().isoformat()


def shown(row: Row) -> Json:
    """A memory; the run is given under both of its names."""
    names = "id memory user_id agent_id app_id run_id created_at updated_at expiration_date"
    return {
        **{name: row[name] for name in names.split()},
        "session_id": row["run_id"],
        "metadata": json.loads(row["metadata"]),
        "categories": json.loads(row["categories"]),
    }


def shown_whole(row: Row) -> Json:
    """A memory as list, get and update show it."""
    return {
        **shown(row),
        "structured_attributes": _attributes(moments.parse(row["created_at"])),
        "replaced_by": None,
        "synthesized": False,
    }


def history_row(row: Row) -> Json:
    """One change of a memory."""
    names = ("id", "memory_id", "old_memory", "new_memory", "event", "created_at")
    return {
        **{name: row[name] for name in names},
        **json.loads(row["scope"]),
        "input": json.loads(row["input"]),
        "updated_at": row["created_at"],
    }


def add(
    store: Storage, text: str, scope: Mapping[str, Any], spoken: list[Json], *, at: str
) -> Json:
    """Stores one memory; answers its element of `results`."""
    memory, now = str(uuid.uuid4()), moments.stamp(moments.now())
    store.insert(
        "memories",
        id=memory,
        memory=text,
        normal=normal(text),
        **{name: scope.get(name) for name in ENTITIES},
        metadata=json.dumps(scope.get("metadata") or {}),
        categories="[]",
        created_at=at,
        updated_at=now,
        expiration_date=scope.get("expiration_date"),
    )
    note(store, get(store, memory), "ADD", spoken=spoken, old=None, new=text)
    return {"id": memory, "data": {"memory": text}, "event": "ADD"}


def known(store: Storage, text: str, scope: Mapping[str, Any], *, exact: bool = False) -> bool:
    """Whether the same person (or agent, app, run) already has this memory."""
    column, wanted = ("memory", text) if exact else ("normal", normal(text))
    owner = next(name for name in ENTITIES if scope.get(name))
    sql = f"select 1 from memories where {owner} = ? and {column} = ?"  # noqa: S608 - our own names
    return store.row(sql, scope[owner], wanted) is not None


def get(store: Storage, memory: str) -> Row | None:
    """A memory by id."""
    return store.row("select * from memories where id = ?", memory)


def delete(store: Storage, row: Row) -> None:
    """Removes a memory; its history stays."""
    note(store, row, "DELETE", spoken=[], old=row["memory"], new=row["memory"])
    store.run("delete from memories where id = ?", row["id"])


def note(
    store: Storage, row: Row | None, event: str, *, spoken: list[Json], old: str | None, new: str
) -> None:
    """Writes a line of a memory's history."""
    if row is None:
        return
    store.insert(
        "history",
        id=str(uuid.uuid4()),
        memory_id=row["id"],
        input=json.dumps(spoken),
        old_memory=old,
        new_memory=new,
        event=event,
        scope=json.dumps(
            {
                "user_id": row["user_id"],
                "agent_id": row["agent_id"],
                "app_id": row["app_id"],
                "session_id": row["run_id"],
                "metadata": json.loads(row["metadata"]),
                "categories": json.loads(row["categories"]),
            }
        ),
        created_at=moments.stamp(moments.now()),
    )


def _attributes(moment: datetime) -> Json:
    return {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "hour": moment.hour,
        "minute": moment.minute,
        "day_of_week": moment.strftime("%A").lower(),
        "week_of_year": moment.isocalendar().week,
        "day_of_year": moment.timetuple().tm_yday,
        "quarter": (moment.month + 2) // 3,
        "is_weekend": moment.isoweekday() > 5,  # noqa: PLR2004 - Saturday and Sunday
    }
