-- By which of an account's passwords a login was opened: it lives only as long as that one holds.
-- So a login that is opened with the old password while it is being changed is dead from birth.

alter table accounts add column password_version int not null default 0;
alter table logins add column password_version int not null default 0;

-- What is still unused is looked for at every refresh; what is used stays until its login ends.
create index refresh_tokens_unused on refresh_tokens (login_id) where used_at is null;
