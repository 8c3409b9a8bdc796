-- Changes of memory: what was decided, planned, sent and confirmed, so that each can be resumed and
-- undone; and what a person wants forgotten. Ids, times and hashes; never what anybody said.

create table runs (
    id           uuid primary key,
    account_id   uuid not null references accounts (id),
    kind         text not null
                 check (kind in ('consolidate', 'undo', 'correct', 'forget', 'settle')),
    started_by   text not null check (started_by in ('request', 'schedule', 'chat')),
    state        text not null default 'running'
                 check (state in ('running', 'done', 'failed', 'undone')),
    phase        text not null default 'reading'
                 check (phase in ('reading', 'judging', 'applying', 'over')),
    undoes       uuid references runs (id),      -- the run that an undo takes back
    turn_id      uuid,                           -- the turn whose effect it is: one run a turn and kind
    counts       jsonb not null default '{}',    -- statements, pairs, judged, undecided, hidden, …
    started_at   timestamptz not null default now(),
    finished_at  timestamptz
);
create index runs_newest on runs (account_id, started_at desc, id desc);
create unique index runs_of_turn on runs (account_id, turn_id, kind) where turn_id is not null;
create index runs_unfinished on runs (account_id) where state = 'running';

-- One row a person, made on first use: who is tidying their memory now, and when that was last read.
create table tidying (
    account_id   uuid primary key references accounts (id),
    owner        uuid,                           -- null once given back
    lease_until  timestamptz not null default '-infinity',
    read_at      timestamptz not null default '-infinity', -- when the last finished run began to read
    seen         bytea                           -- hash of what a run saw that found nothing to do
);

create table changes (
    id            uuid primary key,
    run_id        uuid not null references runs (id) on delete cascade,
    account_id    uuid not null,
    seq           int not null,
    kind          text not null
                  check (kind in ('hide', 'show', 'add', 'rewrite', 'delete_memory', 'end_fact',
                                  'restore_fact', 'delete_fact', 'delete_episode',
                                  'delete_node', 'clear_summary', 'link', 'unlink')),
    reason        text not null,                 -- equal, same, update, lacking, said_again, undo, …
    mem0_id       text,
    edge_uuid     uuid,
    episode_uuid  uuid,
    kept_id       text,                          -- the item that stays, where one stays
    text_hash     bytea,                         -- the statement as it read when this was planned
    turn_ids      uuid[] not null default '{}',  -- sources that what stays takes over
    details       jsonb not null default '{}',   -- evidence times, who decided, what to put back
    state         text not null default 'planned'
                  check (state in ('planned', 'sent', 'confirmed', 'skipped', 'refused')),
    sent_at       timestamptz,
    finished_at   timestamptz,
    unique (run_id, seq)
);
create index changes_of_memory on changes (account_id, mem0_id) where mem0_id is not null;
create index changes_of_fact on changes (account_id, edge_uuid) where edge_uuid is not null;
create index changes_unfinished on changes (account_id) where state in ('planned', 'sent');
create index changes_of_kept on changes (account_id, kept_id) where kept_id is not null;

-- How two statements relate, for as long as neither changes. Ids are those of recalled items
-- (`mem_…`, `fact_…`), the smaller one first. `right_id` is '' for a decision about one alone.
create table decisions (
    account_id   uuid not null references accounts (id),
    left_id      text not null,
    right_id     text not null,
    left_hash    bytea not null,
    right_hash   bytea not null,
    relation     text not null
                 check (relation in ('same', 'update', 'contradiction', 'distinct')),
    decided_by   text not null check (decided_by in ('rule', 'judge', 'person')),
    run_id       uuid references runs (id) on delete set null,
    decided_at   timestamptz not null default now(),
    primary key (account_id, left_id, right_id)
);

-- What is hidden in Mem0, in case it can't be seen there: `listed` when Mem0 refused the past date
-- and goes on listing it.
create table hidden_memories (
    account_id   uuid not null references accounts (id),
    mem0_id      text not null,
    run_id       uuid not null references runs (id),
    change_id    uuid not null references changes (id),
    reason       text not null,                  -- same, equal, update, resolved
    kept_id      text,                           -- what is shown in its place
    text_hash    bytea not null,
    said_at      timestamptz,                    -- when it was last said, null if nobody knows
    listed       boolean not null,
    hidden_at    timestamptz not null default now(),
    purging_at   timestamptz,                    -- since when it is past being shown again
    purged_at    timestamptz,                    -- deleted in Mem0 after its time
    primary key (account_id, mem0_id)
);
create index hidden_and_listed on hidden_memories (account_id) where listed and purged_at is null;
create index hidden_longest on hidden_memories (hidden_at) where purged_at is null;

-- Two statements that can't both hold, until the person says which does.
create table conflicts (
    id           uuid primary key,
    account_id   uuid not null references accounts (id),
    left_id      text not null,
    right_id     text not null,
    left_hash    bytea not null,
    right_hash   bytea not null,
    run_id       uuid references runs (id) on delete set null,
    found_at     timestamptz not null default now(),
    asked_turn   uuid,                           -- the turn in which the person was asked, once
    state        text not null default 'open' check (state in ('open', 'resolved', 'gone')),
    kept         text check (kept in ('left', 'right', 'both', 'neither')),
    resolved_at  timestamptz,
    unique (account_id, left_id, right_id, left_hash, right_hash)
);
create index conflicts_open on conflicts (account_id, found_at) where state = 'open';

-- What a person wants forgotten: whatever a store derives later from these turns alone goes too.
create table tombstones (
    id              uuid primary key,
    account_id      uuid not null references accounts (id),
    run_id          uuid references runs (id) on delete set null,
    statement_hash  bytea not null,              -- keyed: can't be tried out without the key
    turn_ids        uuid[] not null,
    spared          text[] not null default '{}', -- what rested on them too and was to stay
    forgotten_at    timestamptz not null default clock_timestamp()
);
create index tombstones_of_account on tombstones (account_id);

-- What the agent has proposed and the person's next message confirms or not. The words of a
-- correction stand in the turn's answer, so that they go with the turn's own.
create table proposals (
    turn_id      uuid primary key references turns (id),   -- the turn that proposes
    account_id   uuid not null references accounts (id),
    session_row  uuid not null references sessions (id),
    kind         text not null check (kind in ('forget', 'correct')),
    item_ids     text[] not null,
    state        text not null default 'open'
                 check (state in ('open', 'confirmed', 'declined')),
    decided_turn uuid,
    created_at   timestamptz not null default now()
);
create index proposals_open on proposals (session_row) where state = 'open';

-- A statement that a person gives outside a chat is a turn without a reply.
alter table turns add column kind text not null default 'turn' check (kind in ('turn', 'statement'));

-- Sources that a memory has taken over from one hidden in its favour; null for its own.
alter table sources add column change_id uuid references changes (id) on delete cascade;
create index sources_of_turn on sources (turn_id);
create index sources_of_change on sources (change_id) where change_id is not null;

-- A memory and a fact that say the same in other words: `statement_hash` is then the memory's.
-- Null where both have the same.
alter table links add column fact_hash bytea;

create index deliveries_finished on deliveries (account_id, finished_at) where finished_at is not null;
