"""SQL of logins. Where rows of both are locked, the account's row of login_failures comes before
the address's, and a person's logins in the order of their ids: no two of these statements wait
for each other."""

from tandem.db.caller import as_caller

_COUNTED = """
    on conflict (subject) do update
       set failures = case
               when login_failures.window_started + make_interval(secs => :window_seconds) <= now()
               then 1 else login_failures.failures + 1 end,
           window_started = case
               when login_failures.window_started + make_interval(secs => :window_seconds) <= now()
               then now() else login_failures.window_started end
    returning subject, window_started, failures
), limits as (
    select cast(ceil(max(extract(epoch from
                   window_started + make_interval(secs => :window_seconds) - now()))
           ) as int) as wait_seconds
      from attempts
     where failures > case subject
               when :account_subject then cast(:account_limit as int)
               else cast(:address_limit as int) end
)
"""

_TAKEN_BACK = """
    on conflict (subject) do update
       set failures = case login_failures.subject
               when :account_subject then 0
               else greatest(login_failures.failures - 1, 0) end
)
"""

_OWN_SUBJECTS = """
      from caller
     cross join unnest(array[cast(:account_subject as bytea), cast(:address_subject as bytea)])
        as counted (subject)
     where caller.allowed
"""

ATTEMPT = f"""
with attempts as (
    insert into login_failures (subject, window_started, failures)
    values (:account_subject, now(), 1), (:address_subject, now(), 1)
{_COUNTED}
select limits.wait_seconds, accounts.id, accounts.user_id, accounts.email, accounts.password_hash,
       accounts.password_version
  from limits
  left join accounts on accounts.email = :email
"""

ATTEMPT_OWN = as_caller(f"""
, attempts as (
    insert into login_failures (subject, window_started, failures)
    select counted.subject, now(), 1
{_OWN_SUBJECTS}
{_COUNTED}
select standing.live, standing.allowed, limits.wait_seconds, accounts.id, accounts.user_id,
       accounts.email, accounts.password_hash, accounts.password_version
  from standing
 cross join limits
  left join caller on true
  left join accounts on accounts.id = caller.account_id
""")

OPEN = f"""
with taken_back as (
    insert into login_failures (subject, window_started, failures)
    values (:account_subject, now(), 0), (:address_subject, now(), 0)
{_TAKEN_BACK}
, renewed as (
    update accounts
       set password_hash = :renewed_hash
     where id = :account_id
       and password_version = :password_version
       and cast(:renewed_hash as text) is not null
), login as (
    insert into logins (id, account_id, expires_at, password_version)
    values (:login_id, :account_id, now() + make_interval(days => :total_days), :password_version)
    on conflict (id) do nothing
)
insert into refresh_tokens (token_hash, login_id, expires_at)
values (:token_digest, :login_id, now() + make_interval(days => least(:idle_days, :total_days)))
on conflict (token_hash) do nothing
"""

# Whoever refreshes holds the login's row, so two never spend each other's tokens. `first` is true
# in the statement that used the token up. The statement's own repetition after a lost answer finds
# the token that it has made.
ROTATE = """
with login as materialized (
    select logins.id, logins.account_id, logins.expires_at, accounts.user_id
      from refresh_tokens
      join logins on logins.id = refresh_tokens.login_id
      join accounts on accounts.id = logins.account_id
     where refresh_tokens.token_hash = :old_digest
       and logins.revoked_at is null
       and logins.expires_at > now()
       and logins.password_version = accounts.password_version
       for no key update of logins
), presented as (
    update refresh_tokens
       set used_at = coalesce(refresh_tokens.used_at, now())
      from login
     where refresh_tokens.token_hash = :old_digest
       and (refresh_tokens.used_at is not null or refresh_tokens.expires_at > now())
    returning refresh_tokens.used_at = now() as first,
              refresh_tokens.used_at > now() - make_interval(secs => :grace_seconds)
              or exists (select from refresh_tokens made where made.token_hash = :new_digest)
              as in_time
), spent as (
    update refresh_tokens
       set used_at = now()
      from login, presented
     where refresh_tokens.login_id = login.id
       and refresh_tokens.token_hash <> :old_digest
       and refresh_tokens.used_at is null
       and presented.first
), made as (
    insert into refresh_tokens (token_hash, login_id, expires_at)
    select :new_digest, login.id,
           least(login.expires_at, now() + make_interval(days => :idle_days))
      from login, presented
     where presented.in_time
    on conflict (token_hash) do nothing
), ended as (
    update logins
       set revoked_at = now()
      from login, presented
     where logins.id = login.id
       and not presented.in_time
)
select login.id as login_id, login.account_id, login.user_id, not presented.in_time as reused
  from login, presented
"""

END = as_caller("""
, ending as materialized (
    select logins.id
      from logins
      join caller on caller.account_id = logins.account_id
     where caller.allowed
       and logins.revoked_at is null
       and (logins.id = :login_id or cast(:everywhere as boolean))
     order by logins.id
       for no key update of logins
), ended as (
    update logins
       set revoked_at = now()
      from ending
     where logins.id = ending.id
)
select live, allowed from standing
""")

LIST = as_caller("""
, page as (
    select logins.id, logins.created_at, logins.expires_at
      from logins
      join caller on caller.account_id = logins.account_id and caller.allowed
     where logins.revoked_at is null
       and logins.expires_at > now()
       and logins.password_version = caller.password_version
       and (logins.created_at, logins.id) < (
               coalesce(cast(:before_time as timestamptz), 'infinity'),
               coalesce(cast(:before_id as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by logins.created_at desc, logins.id desc
     limit :fetch
)
select standing.live, standing.allowed, page.*
  from standing
  left join page on true
 order by page.created_at desc, page.id desc
""")

END_ONE = as_caller("""
, named as (
    select logins.id
      from logins
      join caller on caller.account_id = logins.account_id
     where caller.allowed
       and logins.id = :named_login
), ended as (
    update logins
       set revoked_at = now()
      from named
     where logins.id = named.id
       and logins.revoked_at is null
)
select live, allowed, exists (select from named) as found from standing
""")

# Sent again after a lost answer it finds its own hash, which no other request has made.
CHANGE_PASSWORD = as_caller(f"""
, taken_back as (
    insert into login_failures (subject, window_started, failures)
    select counted.subject, now(), 0
{_OWN_SUBJECTS}
{_TAKEN_BACK}
, changed as (
    update accounts
       set password_hash = :new_hash,
           password_version = accounts.password_version + 1
      from caller
     where accounts.id = caller.account_id
       and caller.allowed
       and accounts.password_version = :password_version
    returning accounts.id, accounts.password_version
), held as materialized (
    select logins.id, changed.password_version
      from logins
      join changed on changed.id = logins.account_id
     where logins.revoked_at is null
     order by logins.id
       for no key update of logins
), decided as (
    update logins
       set password_version = case when logins.id = :login_id
               then held.password_version else logins.password_version end,
           revoked_at = case when logins.id = :login_id then null else now() end
      from held
     where logins.id = held.id
)
select standing.live, standing.allowed,
       exists (select from changed)
       or exists (select
                    from accounts
                    join caller on caller.account_id = accounts.id
                   where accounts.password_hash = :new_hash) as changed
  from standing
""")
