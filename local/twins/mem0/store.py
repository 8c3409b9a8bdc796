"""Memories and their history: rows, and how the wire shows them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from local.twins import index, moments
from local.twins.facts import Fact
from local.twins.mem0.categories import categorised
from local.twins.mem0.conditions import ENTITIES
from local.twins.mem0.near import near, normal
from local.twins.server import Json
from local.twins.storage import Row, Storage

Scope = Mapping[str, str | None]
EVERYONE = "*"
"""The collection of the index with every memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A memory to be stored."""

    text: str
    scope: Scope
    created_at: str
    spoken: list[Json]
    metadata: Json = field(default_factory=dict)
    expiration_date: str | None = None
    categories: list[str] = field(default_factory=list)
    verbatim: bool = False
    immutable: bool = False
    fact: Fact | None = None


def today() -> str:
    """The UTC date; a memory shows until the end of its expiration date."""
    return moments.now().date().isoformat()


def scope_key(scope: Scope | Row) -> str:
    """All four entities: what is the same for memories of one scope."""
    keys = scope.keys()
    return json.dumps([scope[name] if name in keys else None for name in ENTITIES])


def topic_key(scope: Scope, fact: Fact) -> str:
    """Equal for statements of one scope that may contradict each other."""
    who = (fact.subject_name or "").casefold()
    return json.dumps([scope_key(scope), fact.subject, who, fact.family])


def add(store: Storage, new: New) -> Json:
    """Stores one memory; answers its element of `results`."""
    memory, now = str(uuid.uuid4()), moments.stamp(moments.now())
    store.insert(
        "memories",
        id=memory,
        memory=new.text,
        normal=normal(new.text),
        near=near(new.text),
        scope=scope_key(new.scope),
        **{name: new.scope.get(name) for name in ENTITIES},
        metadata=json.dumps(new.metadata),
        categories=json.dumps(new.categories),
        created_at=new.created_at,
        updated_at=now,
        expiration_date=new.expiration_date,
        verbatim=new.verbatim,
        immutable=new.immutable,
        fact=json.dumps(asdict(new.fact)) if new.fact else None,
        topic=topic_key(new.scope, new.fact) if new.fact else None,
        value=near(new.fact.object, part=True) if new.fact else None,
        input=json.dumps(new.spoken),
    )
    row = find(store, memory)
    index_memory(store, row)
    note_entities(store, row, at=now)
    note(store, row, "ADD", spoken=new.spoken, old=None, new=new.text)
    return {"id": memory, "data": {"memory": new.text}, "event": "ADD"}


def fact_of(row: Row) -> Fact | None:
    """What the memory states, when it was extracted and not changed since."""
    return Fact(**json.loads(row["fact"])) if row["fact"] else None


def get(store: Storage, memory: str) -> Row | None:
    """A memory by id."""
    return store.row("select * from memories where id = ?", memory)


def find(store: Storage, memory: str) -> Row:
    """A memory that is there."""
    row = get(store, memory)
    if row is None:
        raise LookupError("no such memory")
    return row


def change(store: Storage, row: Row, **values: Any) -> Row:
    """Sets columns of a memory; its new text is indexed, and noted in the history."""
    text = values.get("memory", row["memory"])
    if text != row["memory"]:
        values |= {"normal": normal(text), "near": near(text), "verbatim": 1}
        values |= {"fact": None, "topic": None, "value": None}
        values["categories"] = json.dumps(categorised(text))
    columns = ", ".join(f"{name} = ?" for name in values)
    store.run(
        f"update memories set {columns}, updated_at = ? where id = ?",  # noqa: S608 - our names
        *values.values(),
        moments.stamp(moments.now()),
        row["id"],
    )
    changed = find(store, row["id"])
    if text != row["memory"]:
        index_memory(store, changed)
        note(store, changed, "UPDATE", spoken=[], old=row["memory"], new=text)
    return changed


def delete(store: Storage, row: Row) -> None:
    """Removes a memory; its history stays, and what it had replaced is the latest again, or else
    replaced by what had replaced it."""
    note(store, row, "DELETE", spoken=[], old=row["memory"], new=row["memory"])
    # As it stands now: one that is deleted with others may have been passed on by them.
    now = find(store, row["id"])
    store.run(
        "update memories set replaced_by = ? where replaced_by = ?", now["replaced_by"], row["id"]
    )
    store.run(
        "update memories set merged_into = ?, replaced_by = coalesce(replaced_by, ?) "
        "where merged_into = ?",
        now["merged_into"],
        now["replaced_by"],
        row["id"],
    )
    for document, _ in _documents(row):
        index.drop(store, document)
    store.run("delete from memories where id = ?", row["id"])
    store.run("delete from feedback where memory_id = ?", row["id"])


def linked(store: Storage, row: Row) -> list[Row]:
    """The older memories that this one replaced or took in, and theirs."""
    found: dict[str, Row] = {}
    open_ids = [row["id"]]
    while open_ids:
        older = store.rows(
            "select * from memories where replaced_by = ?1 or merged_into = ?1", open_ids.pop()
        )
        fresh = [one for one in older if one["id"] not in found and one["id"] != row["id"]]
        found.update({one["id"]: one for one in fresh})
        open_ids.extend(one["id"] for one in fresh)
    return list(found.values())


def index_memory(store: Storage, row: Row) -> None:
    """Makes a memory findable, by each of its entities and among all."""
    for document, collection in _documents(row):
        index.put(store, collection=collection, document=document, text=row["memory"])


def _documents(row: Row) -> list[tuple[str, str]]:
    """(document, collection); a document starts with the memory's id."""
    named = [(name, row[name]) for name in ENTITIES if row[name] is not None]
    return [
        (f"{row['id']}:{EVERYONE}", EVERYONE),
        *((f"{row['id']}:{name}", collection(name, value)) for name, value in named),
    ]


def collection(name: str, value: str) -> str:
    """Where the memories of an entity are indexed."""
    return f"{name}={value}"


def note_entities(store: Storage, row: Row, *, at: str) -> None:
    """Remembers the entities of a memory."""
    for name in ENTITIES:
        if row[name] is not None:
            store.run(
                "insert into entities (type, name, created_at, updated_at) values (?1, ?2, ?3, ?3) "
                "on conflict (type, name) do update set updated_at = max(updated_at, ?3)",
                name.removesuffix("_id"),
                row[name],
                at,
            )


def note(
    store: Storage, row: Row, event: str, *, spoken: list[Json], old: str | None, new: str
) -> None:
    """Writes a line of a memory's history."""
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
        "replaced_by": row["replaced_by"],
        "synthesized": False,
    }


def shown_alone(row: Row) -> Json:
    """A memory as get and update show it."""
    return {**shown_whole(row), "lifecycle_state": "active"}


def history_row(row: Row) -> Json:
    """One change of a memory."""
    names = ("id", "memory_id", "old_memory", "new_memory", "event", "created_at")
    return {
        **{name: row[name] for name in names},
        **json.loads(row["scope"]),
        "input": json.loads(row["input"]),
        "updated_at": row["created_at"],
    }


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
