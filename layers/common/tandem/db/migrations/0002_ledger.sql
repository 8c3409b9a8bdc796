-- Sessions, the ledger of turns, what is owed to the stores, and links between their ids and ours.

create table sessions (
    id               uuid primary key,
    account_id       uuid not null references accounts (id),
    session_id       text not null,              -- the client's label
    title            text,
    next_seq         bigint not null default 1,  -- seq of the next turn; only ever changed with the row locked
    zep_thread_uuid  uuid,
    created_at       timestamptz not null default now(),
    last_turn_at     timestamptz,
    deleted_at       timestamptz,
    thread_deletion  text check (thread_deletion in ('owed', 'done')),
    unique (id, account_id)
);
create unique index sessions_by_label on sessions (account_id, session_id) where deleted_at is null;
create index sessions_newest on sessions (account_id, created_at desc, id desc) where deleted_at is null;
create index sessions_to_delete on sessions (id) where thread_deletion = 'owed';

create table turns (
    id                   uuid primary key,
    session_row          uuid not null,
    account_id           uuid not null,
    seq                  bigint not null,
    state                text not null check (state in ('open', 'answered', 'abandoned')),
    attempt              int not null default 1,
    lease_until          timestamptz not null,
    request_hash         bytea,                  -- tells a repeated request from another one
    user_message_id      uuid not null,
    assistant_message_id uuid not null,
    message              text,                   -- null once wiped
    reply                text,
    said_at              timestamptz not null,
    replied_at           timestamptz,
    answer               jsonb,                  -- route, recalled, usage, degraded: what a repeat is given
    wiped_at             timestamptz,
    foreign key (session_row, account_id) references sessions (id, account_id),
    unique (session_row, seq)
);
create index turns_open on turns (session_row, seq) where state = 'open';
create index turns_recent on turns (account_id, said_at desc);

create table idempotency_keys (
    account_id   uuid not null references accounts (id),
    key          text not null,
    turn_id      uuid not null,
    created_at   timestamptz not null default now(),
    primary key (account_id, key)
);
create index idempotency_keys_of_turn on idempotency_keys (turn_id);

create table deliveries (
    turn_id        uuid not null references turns (id),
    store          text not null check (store in ('zep', 'mem0')),
    role           text not null check (role in ('user', 'assistant')),
    session_row    uuid not null references sessions (id),
    account_id     uuid not null,
    seq            bigint not null,
    state          text not null default 'owed'
                   check (state in ('owed', 'sent', 'ingested', 'refused', 'cancelled')),
    owed_at        timestamptz not null default now(),
    sent_at        timestamptz,
    finished_at    timestamptz,                  -- ingested, refused or cancelled
    check_id       text,                         -- Zep's task or Mem0's event that tells of ingestion
    ingestions     int not null default 0,       -- how often it was given for ingestion
    provider_ids   text[],                       -- Zep: the message's parts
    primary key (turn_id, store, role)
);
create index deliveries_unfinished on deliveries (session_row, store, seq) where state in ('owed', 'sent');
create index deliveries_pending on deliveries (account_id, owed_at) where state in ('owed', 'sent');

create table delivery_leases (
    session_row   uuid not null references sessions (id),
    store         text not null,
    owner         uuid,                          -- null once given back
    lease_until   timestamptz not null default '-infinity',
    unclear       boolean not null default false, -- a call's outcome is unknown: look before sending again
    failures      int not null default 0,
    not_before    timestamptz not null default '-infinity',
    primary key (session_row, store)
);

-- Where a store's own identifier comes from: which of our messages it rests on.
create table sources (
    provider_id   text not null,                 -- a Zep message or episode, or a Mem0 memory
    account_id    uuid not null,
    turn_id       uuid not null references turns (id),
    role          text not null,
    primary key (provider_id, turn_id, role)
);

-- A Mem0 memory and a Zep fact that say the same. No text: a hash tells whether either changed.
create table links (
    account_id      uuid not null references accounts (id),
    mem0_id         text not null,
    edge_uuid       uuid not null,
    statement_hash  bytea not null,
    linked_at       timestamptz not null default now(),
    primary key (account_id, mem0_id, edge_uuid)
);
