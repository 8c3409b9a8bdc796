"""The tables, and what an older file lacks of them."""

from __future__ import annotations

import json

from local.twins import index
from local.twins.mem0 import store as rows
from local.twins.mem0.near import near
from local.twins.storage import Storage

SCHEMA = (
    """
create table if not exists memories (
    seq integer primary key autoincrement, id text not null unique, memory text not null,
    normal text not null, user_id text, agent_id text, app_id text, run_id text,
    metadata text not null, categories text not null, created_at text not null,
    updated_at text not null, expiration_date text, scope text, near text,
    verbatim integer not null default 0, immutable integer not null default 0,
    fact text, topic text, value text, replaced_by text, merged_into text, input text);
drop index if exists memories_of_user;
drop index if exists memories_by_user;
drop index if exists memories_listed;
drop index if exists memories_of_person;
create index if not exists memories_to_filter on memories
    (user_id, created_at, seq, expiration_date, merged_into, replaced_by, normal, categories,
    metadata);
create index if not exists memories_by_agent on memories (agent_id, created_at, seq)
    where agent_id is not null;
create index if not exists memories_by_app on memories (app_id, created_at, seq)
    where app_id is not null;
create index if not exists memories_by_run on memories (run_id, created_at, seq)
    where run_id is not null;
create index if not exists memories_near on memories (scope, near);
create index if not exists memories_alike on memories (scope, normal);
create index if not exists memories_of_topic on memories (topic, value) where topic is not null;
create index if not exists memories_replaced on memories (replaced_by)
    where replaced_by is not null;
create index if not exists memories_merged on memories (merged_into)
    where merged_into is not null;
create table if not exists history (
    seq integer primary key autoincrement, id text not null, memory_id text not null,
    input text not null, old_memory text, new_memory text, event text not null,
    scope text not null, created_at text not null);
create index if not exists history_of_memory on history (memory_id, seq);
create table if not exists events (
    seq integer primary key autoincrement, id text not null unique, event_type text not null,
    status text not null, payload text not null, results text not null, created_at text not null,
    updated_at text not null, started_at text, completed_at text, due real not null,
    job text, fails integer not null default 0);
create index if not exists events_open on events (seq) where status in ('PENDING', 'RUNNING');
create table if not exists entities (
    id integer primary key autoincrement, type text not null, name text not null,
    created_at text not null, updated_at text not null, unique (type, name));
create table if not exists exports (
    seq integer primary key autoincrement, id text not null unique, event text not null,
    scope text not null, document text);
create index if not exists exports_of_scope on exports (scope, seq);
create table if not exists feedback (
    id text not null, memory_id text not null primary key, feedback text, reason text);
"""
    + index.SCHEMA
)


def fill(store: Storage) -> None:
    """Works out what the rows of an older file lack: scopes, entities and the index."""
    with store.transaction():
        for row in store.rows("select * from memories where scope is null order by seq"):
            said = store.row(
                "select input from history where memory_id = ? and event = 'ADD'", row["id"]
            )
            store.run(
                "update memories set scope = ?, near = ?, input = ? where id = ?",
                rows.scope_key(row),
                near(row["memory"]),
                said["input"] if said else json.dumps([]),
                row["id"],
            )
            rows.note_entities(store, row, at=row["created_at"])
            rows.index_memory(store, row)
