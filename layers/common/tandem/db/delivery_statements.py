"""The statements of `tandem.db.deliveries`, each one round trip."""

# A lease that its owner never gave back means that the owner died somewhere: what it sent last may
# or may not have arrived, so `unclear` asks for a look before anything is sent again. It may have
# been sent as late as the lease ended.
LEASE = """
insert into delivery_leases as l (session_row, store, owner, lease_until)
select s.id, cast(:store as text), cast(:owner as uuid), now() + make_interval(secs => :seconds)
  from sessions s where s.id = :session_row
on conflict (session_row, store) do update
   set unclear = l.unclear or coalesce(l.owner <> excluded.owner, false),
       unclear_since = case when l.owner <> excluded.owner
                            then greatest(l.unclear_since, l.lease_until)
                            else l.unclear_since end,
       owner = excluded.owner, lease_until = excluded.lease_until
 where l.owner = excluded.owner or (l.lease_until <= now() and l.not_before <= now())
returning unclear, failures,
          cast(extract(epoch from now() - unclear_since) as float8) as unclear_seconds
"""

# Any wake-up of a session looks after both of its stores. One that is on its way and comes soon
# enough is enough, or their number would grow with every one that comes.
_COMING = """
with coming as (
    select min(l.wake_at) as at from delivery_leases l
     where l.session_row = :session_row and l.wake_at > now()
)
"""

# Who gave the store its rest has sent a wake-up for its end. Who is at work may have looked before
# there was what this wake-up came for.
TAKEN = (
    _COMING
    + """
update delivery_leases l
   set wake_at = case when l.not_before > now() then l.wake_at
                      else least(coming.at, now() + make_interval(secs => :again_seconds)) end
  from coming
 where l.session_row = :session_row and l.store = :store
returning l.not_before <= now()
      and coalesce(coming.at > now() + make_interval(secs => :again_seconds), true) as nobody_comes
"""
)

RELEASE = (
    _COMING
    + """
update delivery_leases l
   set owner = null, lease_until = '-infinity', failures = :failures,
       unclear = cast(:unclear_seconds as float8) is not null,
       unclear_since = now() - make_interval(secs => cast(:unclear_seconds as float8)),
       not_before = now() + make_interval(secs => cast(:rest_seconds as float8)),
       wake_at = case when cast(:again_seconds as float8) is null then l.wake_at
                      when cast(:rest_seconds as float8) > 0
                      then now() + make_interval(secs => cast(:again_seconds as float8))
                      else least(coming.at,
                                 now() + make_interval(secs => cast(:again_seconds as float8))) end
  from coming
 where l.session_row = :session_row and l.store = :store and l.owner = :owner
returning cast(:rest_seconds as float8) > 0
       or coalesce(coming.at > now() + make_interval(secs => cast(:again_seconds as float8)), true)
       as nobody_comes
"""
)

# Turns whose lease ran out become `abandoned` once a later turn has opened, or after a while; then
# the person's message is owed alone. Nothing is owed any more to a session that is deleted.
SETTLE = """
with session as (
    select id, deleted_at is not null as deleted from sessions where id = :session_row
), abandoned as (
    update turns t set state = 'abandoned'
      from session s
     where t.session_row = s.id and not s.deleted and t.state = 'open' and t.lease_until < now()
       and (t.said_at < now() - make_interval(secs => :abandoned_seconds)
            or exists (select from turns l where l.session_row = t.session_row and l.seq > t.seq))
 returning t.id, t.session_row, t.account_id, t.seq
), owed as (
    insert into deliveries (turn_id, store, role, session_row, account_id, seq)
    select a.id, o.store, 'user', a.session_row, a.account_id, a.seq
      from abandoned a cross join (values ('zep'), ('mem0')) o (store)
    on conflict (turn_id, store, role) do nothing
), cancelled as (
    update deliveries d set state = 'cancelled', finished_at = now()
      from session s
     where d.session_row = s.id and s.deleted and d.state in ('owed', 'sent')
 returning d.turn_id
)
select exists (select from session) as known, (select count(*) from abandoned) as abandoned,
       (select count(*) from cancelled) as cancelled
"""

DUE = """
with session as (
    select s.id, s.zep_thread_uuid, s.thread_deletion, a.id as account_id, a.first_name,
           a.last_name, a.zep_user_uuid, a.zep_graph_uuid
      from sessions s join accounts a on a.id = s.account_id where s.id = :session_row
), unfinished as (
    select d.turn_id, d.role, d.state, d.seq, d.check_id, d.ingestions, d.sent_at,
           dense_rank() over (partition by d.state order by d.seq) as place
      from deliveries d
     where d.session_row = :session_row and d.store = :store and d.state in ('owed', 'sent')
       and d.seq < coalesce((select min(o.seq) from turns o
                              where o.session_row = :session_row and o.state = 'open'),
                            9223372036854775807)
), listed as (
    select coalesce(jsonb_agg(jsonb_build_object('turn_id', u.turn_id, 'role', u.role,
               'state', u.state, 'seq', u.seq, 'check_id', u.check_id,
               'ingestions', u.ingestions, 'sent_at', u.sent_at, 'kind', t.kind,
               'text', case u.role when 'user' then t.message else t.reply end,
               'at', case u.role when 'user' then t.said_at else t.replied_at end)
               order by u.seq, u.role desc), '[]'::jsonb) as rows
      from unfinished u join turns t on t.id = u.turn_id
     where u.place <= :turns
)
select session.*, listed.rows from session cross join listed
"""

_HELD = """
with lease as (   -- only who holds the lease may say what was sent; saying it prolongs the lease
    update delivery_leases set lease_until = now() + make_interval(secs => :seconds)
     where session_row = :session_row and store = :store and owner = :owner
 returning session_row
)
"""

_KNOWN_SOURCES = """
, known as (
    insert into sources (provider_id, account_id, turn_id, role)
    select p.id, c.account_id, c.turn_id, p.role
      from changed c
      join jsonb_to_recordset(cast(:provider_ids as jsonb)) p (id text, role text)
        on p.role = c.role
    on conflict (provider_id, turn_id, role) do nothing
)
select exists (select from lease) as held, exists (select from changed) as changed
"""

# Something of this turn is to be forgotten, and a store may have learned it from these words anew.
# Also told when the words were marked before: the answer to that may have been lost.
_FORGOTTEN = """,
       (select d.account_id
          from lease
          join deliveries d on d.session_row = lease.session_row and d.store = :store
           and d.turn_id = :turn_id and d.role = any(cast(:roles as text[]))
          join tombstones x on x.account_id = d.account_id and d.turn_id = any(x.turn_ids)
         where cast(:state as text) = 'ingested' and d.state in ('owed', 'sent', 'ingested')
         limit 1) as forgotten
"""

PROLONG = _HELD + "select exists (select from lease) as held"

SENT = (
    _HELD
    + """
, changed as (
    update deliveries d
       set state = 'sent', sent_at = now(), check_id = cast(:check_id as text),
           ingestions = d.ingestions + case   -- the statement itself may come twice
               when d.state = 'sent' and d.check_id = cast(:check_id as text) then 0 else 1 end,
           provider_ids = coalesce(d.provider_ids, (
               select array_agg(p.id)
                 from jsonb_to_recordset(cast(:provider_ids as jsonb)) p (id text, role text)
                where p.role = d.role))
      from lease
     where d.session_row = lease.session_row and d.store = :store
       and d.turn_id = :turn_id and d.role = any(cast(:roles as text[]))
       and d.state in ('owed', 'sent')
 returning d.account_id, d.turn_id, d.role
)
"""
    + _KNOWN_SOURCES
)

FINISHED = (
    _HELD
    + """
, changed as (
    update deliveries d set state = :state, finished_at = now()
      from lease
     where d.session_row = lease.session_row and d.store = :store
       and d.turn_id = :turn_id and d.role = any(cast(:roles as text[]))
       and d.state in ('owed', 'sent')
 returning d.account_id, d.turn_id, d.role, d.state
)
"""
    + _KNOWN_SOURCES
    + _FORGOTTEN
)

SET_ZEP_USER = """
update accounts set zep_user_uuid = :user_uuid, zep_graph_uuid = :graph_uuid where id = :account_id
"""

# Only in the place of the one that was there: who was asleep while others went on under a lease of
# their own must not put an empty thread in the place of the one that has the words by now.
SET_THREAD = """
update sessions set zep_thread_uuid = cast(:thread_uuid as uuid)
 where id = :session_row
   and (zep_thread_uuid is not distinct from cast(:instead_of as uuid)
        or zep_thread_uuid = cast(:thread_uuid as uuid))
returning id
"""

THREAD_DELETED = "update sessions set thread_deletion = 'done' where id = :session_row"

# What crashes left behind: sessions with something unfinished whose wake-up is lost. Words that a
# store is ingesting are left to the wake-up that their last look has ordered, until it is overdue.
WORK_LEFT = """
with late as (
    select d.session_row, d.store, d.state = 'owed' as owed from deliveries d
     where d.state in ('owed', 'sent')
       and coalesce(d.sent_at, d.owed_at) < now() - make_interval(secs => :patience_seconds)
    union
    select s.id, 'zep', true from sessions s where s.thread_deletion = 'owed'
    union
    select t.session_row, null, true from turns t
     where t.state = 'open' and t.lease_until < now()
       and (t.said_at < now() - make_interval(secs => :abandoned_seconds)
            or exists (select from turns l where l.session_row = t.session_row and l.seq > t.seq))
)
select late.session_row
  from late
  left join delivery_leases l on l.session_row = late.session_row and l.store = late.store
 where coalesce(l.lease_until, '-infinity') <= now()
   and coalesce(l.not_before, '-infinity') <= now()
   and (late.owed or coalesce(l.wake_at, l.not_before + interval '5 minutes', '-infinity')
                     <= now() - make_interval(secs => :patience_seconds))
 group by late.session_row
 order by random()   -- more than a run takes: none of them waits for ever
 limit :rows
"""

# Text leaves the ledger once both stores have had it for long enough; ids and times stay. What was
# forgotten is in no store any more: there the ledger alone keeps the person's words.
WIPE = """
with old as (
    select t.id from turns t
     where t.wiped_at is null and t.state <> 'open'
       and t.said_at < now() - make_interval(days => :days)
       and not exists (select from tombstones x
                        where x.account_id = t.account_id and t.id = any(x.turn_ids))
       and not exists (select from deliveries d where d.turn_id = t.id
                          and (d.state not in ('ingested', 'cancelled')
                               or d.finished_at > now() - make_interval(days => :days)))
     limit :rows
)
update turns t
   set message = null, reply = null, answer = null, request_hash = null, wiped_at = now()
  from old where t.id = old.id
returning t.id
"""

FORGET_KEYS = "delete from idempotency_keys where created_at < now() - interval '24 hours'"

# A row that an attempt to log in holds is left for the next sweep: the attempt locks two rows in an
# order of its own, and to wait for one of them while holding the other could be a deadlock.
FORGET_FAILURES = """
delete from login_failures
 where subject in (
           select subject from login_failures
            where window_started < now() - interval '1 day'
              for update skip locked)
"""

FORGET_LOGINS = """
with gone as (
    delete from refresh_tokens r using logins l
     where l.id = r.login_id and least(l.expires_at, coalesce(l.revoked_at, l.expires_at))
                                 < now() - interval '7 days'
 returning r.login_id
)
delete from logins l
 where least(l.expires_at, coalesce(l.revoked_at, l.expires_at)) < now() - interval '7 days'
   and not exists (select from refresh_tokens r where r.login_id = l.id)
"""
