"""The twin's tables. A message is the episode that it became: one row, one uuid."""

from local.twins import index

_GRAPH = """
create table if not exists graphs (
    seq integer primary key autoincrement, uuid text not null unique, graph_id text unique,
    name text, description text, time_zone text, created_at text not null,
    updated_at text not null, deletion text);
create index if not exists episodes_of_document on episodes (graph_uuid, document_id, seq);
create index if not exists episodes_by_uuid on episodes (graph_uuid, uuid);
create index if not exists nodes_by_uuid on nodes (graph_uuid, uuid);
create index if not exists nodes_of_labels on nodes (graph_uuid, labels);
create index if not exists edges_by_uuid on edges (graph_uuid, uuid);
create index if not exists edges_to_filter on edges (graph_uuid, name, source_uuid, target_uuid,
    created_at, valid_at, invalid_at, expired_at, uuid);
create index if not exists edges_of_value on edges (source_uuid, family, value);
create index if not exists edges_by_end on edges (source_uuid, family, invalid_at);
create index if not exists edges_by_evidence on edges (source_uuid, family, said_at);
create index if not exists edges_holding on edges (graph_uuid, said_at, seq)
    where invalid_at is null;
create index if not exists edges_from on edges (source_uuid, seq) where invalid_at is null;
create index if not exists edges_to on edges (target_uuid, seq) where invalid_at is null;
create index if not exists edges_target on edges (target_uuid, source_uuid);
create index if not exists mentions_newest on mentions (owner_uuid, seq);
create index if not exists mentions_of_episode on mentions (episode_uuid);
"""
SCHEMA = f"""
create table if not exists users (
    uuid text primary key, user_id text unique, graph_uuid text not null unique, email text,
    first_name text, last_name text, metadata text not null, time_zone text,
    created_at text not null, disable_default_ontology integer, summary_instructions text,
    deletion text);
create index if not exists users_by_creation on users (created_at);
create table if not exists threads (
    seq integer primary key autoincrement, uuid text not null unique, user_uuid text not null,
    graph_uuid text not null, created_at text not null, updated_at text not null, thread_id text,
    deletion text);
create index if not exists threads_of_user on threads (user_uuid);
create index if not exists threads_by_creation on threads (created_at, seq);
create index if not exists threads_of_user_by_creation on threads (user_uuid, created_at, seq);
create index if not exists threads_of_graph on threads (graph_uuid);
create unique index if not exists threads_by_legacy_id on threads (thread_id);
create table if not exists thread_summaries (
    seq integer primary key autoincrement, uuid text not null unique,
    thread_uuid text not null unique, graph_uuid text not null, created_at text not null,
    last_summarized_at text not null, last_summarized_episode_valid_at text,
    summary text not null);
create index if not exists thread_summaries_of_graph on thread_summaries (graph_uuid, seq);
create table if not exists episodes (
    seq integer primary key autoincrement, uuid text not null unique, graph_uuid text not null,
    thread_uuid text, role text, name text, content text not null, source text not null,
    source_description text, metadata text not null, reference_time text not null,
    created_at text not null, processed integer not null default 0, document_id text,
    shadow integer not null default 0);
create index if not exists episodes_of_graph on episodes (graph_uuid, seq);
create index if not exists episodes_of_thread on episodes (thread_uuid, seq);
create table if not exists nodes (
    seq integer primary key autoincrement, uuid text not null unique, graph_uuid text not null,
    name text not null, key text not null, labels text not null, created_at text not null,
    summary text, attributes text, unique (graph_uuid, key));
create table if not exists edges (
    seq integer primary key autoincrement, uuid text not null unique, graph_uuid text not null,
    name text not null, fact text not null, source_uuid text not null, target_uuid text not null,
    object text not null, family text not null, functional integer not null,
    positive integer not null, said_at text not null, valid_at text not null, invalid_at text,
    created_at text not null, expired_at text, value text, attributes text);
create index if not exists edges_of_graph on edges (graph_uuid, source_uuid, family);
create table if not exists mentions (
    owner_uuid text not null, episode_uuid text not null, seq integer not null,
    primary key (owner_uuid, episode_uuid)) without rowid;
create table if not exists tasks (
    seq integer primary key autoincrement, uuid text not null unique, type text not null,
    status text not null, payload text not null, result text, error text, created_at text not null,
    updated_at text not null, started_at text, completed_at text, due real not null, stage text,
    graph_uuid text);
create index if not exists tasks_of_status on tasks (status, seq);
create index if not exists tasks_of_type on tasks (type, seq);
create index if not exists tasks_of_graph on tasks (graph_uuid);
create index if not exists tasks_open on tasks (seq) where status in ('pending', 'processing');
create table if not exists answered (
    key text not null, method text not null, path text not null, status integer not null,
    body text not null, at real not null, digest text, primary key (key, method, path))
    without rowid;
create index if not exists answered_at on answered (at);
{_GRAPH}{index.SCHEMA}"""
