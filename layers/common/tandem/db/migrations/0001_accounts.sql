-- Accounts, logins and what limits them. Statement timeout: a setting of the role in this database,
-- so that it holds for every connection, also behind a transaction pooler.

do $$
begin
    execute format('alter role %I in database %I set statement_timeout = %L',
                   current_user, current_database(), '1900ms');
    execute format('alter role %I in database %I set timezone = %L',
                   current_user, current_database(), 'UTC');
end
$$;

create table accounts (
    id               uuid primary key,
    user_id          text not null unique,      -- the person's label: never reused, never sent to a store
    email            text not null unique,      -- normalised
    password_hash    text not null,
    first_name       text,
    last_name        text,
    zep_user_uuid    uuid,                       -- set by the delivery job on first contact
    zep_graph_uuid   uuid,
    turns_since      timestamptz not null default '-infinity',  -- start of the current minute of turns
    turns_counted    int not null default 0,     -- turns opened in it
    created_at       timestamptz not null default now()
);

create table logins (
    id           uuid primary key,               -- `sid` in the token
    account_id   uuid not null references accounts (id),
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,           -- however often it is refreshed
    revoked_at   timestamptz
);
create index logins_of_account on logins (account_id);

create table refresh_tokens (
    token_hash   bytea primary key,              -- SHA-256 of 32 random bytes
    login_id     uuid not null references logins (id),
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,           -- when left unused
    used_at      timestamptz                     -- a token works once
);
create index refresh_tokens_of_login on refresh_tokens (login_id);

create table login_failures (
    subject        bytea primary key,            -- keyed hash of an account's or a network's address
    window_started timestamptz not null,
    failures       int not null
);
