"""The summary of a thread, renewed whenever messages of it were ingested or its facts changed."""

from __future__ import annotations

import json

from local.twins import index, moments
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import rows

_MOST_FACTS = 12
_MOST_QUOTED = 120
# What holds of what the newest hundred messages state: the cost does not grow with the thread.
_FACTS = """
select fact from (select distinct edges.seq, edges.fact
    from (select uuid from episodes where thread_uuid = ? and processed = 1
        order by seq desc limit 100) as told
    join mentions on mentions.episode_uuid = told.uuid
    join edges on edges.uuid = mentions.owner_uuid
    where edges.invalid_at is null order by edges.seq desc limit ?) order by seq"""
_FIRST = "select * from episodes where thread_uuid = ? and processed = 1 order by seq limit 1"
_LAST = "select * from episodes where thread_uuid = ? and processed = 1 order by seq desc limit 1"


def collection(graph_uuid: str) -> str:
    """Where the index has a graph's summaries, each as a document under its own uuid."""
    return f"{graph_uuid}:thread_summaries"


def summary_json(row: Row) -> Json:
    """A ThreadSummary."""
    names = (
        "uuid thread_uuid graph_uuid summary created_at last_summarized_at "
        "last_summarized_episode_valid_at"
    )
    return rows.without_nulls({name: row[name] for name in names.split()})


def summary_of(store: Storage, thread_uuid: str) -> Row | None:
    """The summary of a thread; None before anything of it was ingested."""
    return store.row("select * from thread_summaries where thread_uuid = ?", thread_uuid)


def renew(store: Storage, thread_uuid: str) -> None:
    """Writes the summary of what is ingested of the thread now."""
    last = store.row(_LAST, thread_uuid)
    if last is None:
        drop(store, thread_uuid)
        return
    text, at = _text(store, thread_uuid, last), moments.stamp(moments.now())
    row = store.row(
        "insert into thread_summaries (uuid, thread_uuid, graph_uuid, created_at, "
        "last_summarized_at, last_summarized_episode_valid_at, summary) "
        "values (?1, ?2, ?3, ?4, ?4, ?5, ?6) on conflict (thread_uuid) do update set "
        "last_summarized_at = excluded.last_summarized_at, summary = excluded.summary, "
        "last_summarized_episode_valid_at = max(coalesce(last_summarized_episode_valid_at, ''), "
        "excluded.last_summarized_episode_valid_at) returning uuid",
        rows.new_id(),
        thread_uuid,
        last["graph_uuid"],
        at,
        last["reference_time"],
        text,
    )
    if row:
        where = collection(last["graph_uuid"])
        index.put(store, collection=where, document=row["uuid"], text=text)


def telling(store: Storage, edges: list[str]) -> list[str]:
    """The threads whose summaries may tell these facts."""
    found = store.rows(
        "select distinct episodes.thread_uuid from mentions join episodes "
        "on episodes.uuid = mentions.episode_uuid where mentions.owner_uuid in "
        "(select value from json_each(?)) and episodes.thread_uuid is not null",
        json.dumps(edges),
    )
    return [row["thread_uuid"] for row in found]


def drop(store: Storage, thread_uuid: str) -> None:
    """Removes the summary; none is fine."""
    row = store.row(
        "delete from thread_summaries where thread_uuid = ? returning uuid", thread_uuid
    )
    if row:
        index.drop(store, row["uuid"])


def _text(store: Storage, thread_uuid: str, last: Row) -> str:
    first = store.row(_FIRST, thread_uuid) or last
    parts = [f"Began with: {_quoted(first)}"]
    if last["uuid"] != first["uuid"]:
        parts.append(f"Last said: {_quoted(last)}")
    facts = [row["fact"] for row in store.rows(_FACTS, thread_uuid, _MOST_FACTS)]
    if facts:
        parts.append(f"Learned: {'; '.join(facts)}.")
    return " ".join(parts)


def _quoted(row: Row) -> str:
    words = " ".join(row["content"].split())
    cut = words if len(words) <= _MOST_QUOTED else f"{words[: _MOST_QUOTED - 1]}…"
    return f"“{cut}”"
