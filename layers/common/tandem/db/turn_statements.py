"""The statements of `tandem.db.turns`, each one round trip.

Opening takes locks in one order (account, key, session), so that parallel requests of a person
queue up instead of deadlocking; the buckets of calls, which all people share, come last. What must
be counted (turns a minute, the next `seq`) lives in the rows that the statement updates, because a
CTE that waits for a lock still sees the old snapshot of every other table.
"""

from tandem.db.caller import as_caller
from tandem.db.hidden_listed import HIDDEN
from tandem.db.pending import PENDING
from tandem.db.proposals import AWAITING, SETTLED
from tandem.db.rate_budgets import rates_after
from tandem.db.said_lately import SAID_LATELY
from tandem.db.sources import RESOLVED

# What opens a turn of whatever kind: its key, the person's rate and the session's next `seq`. CTEs
# to be put behind `CALLER`; `session` has a row when the turn is to be made, else `earlier` has the
# turn that the key belongs to.
COUNTED = """
, wanted as (   -- a turn's id works as a key too: it is what a failed request was told
    select coalesce((select k.key from idempotency_keys k join caller c using (account_id)
                      where k.turn_id = cast(:key_as_turn as uuid)),
                    cast(:key as text)) as key
), known as (
    select k.turn_id
      from idempotency_keys k join caller c using (account_id) join wanted w on w.key = k.key
     where c.allowed and k.created_at > now() - make_interval(hours => :key_hours)
), rated as (
    update accounts a
       set turns_since = case when a.turns_since > now() - interval '1 minute'
                              then a.turns_since else now() end,
           turns_counted = case when a.turns_since > now() - interval '1 minute'
                                then a.turns_counted + 1 else 1 end
      from caller c
     where a.id = c.account_id and c.allowed and not exists (select from known)
 returning a.id as account_id, a.turns_counted <= :turns_per_minute as within,
           ceil(extract(epoch from a.turns_since + interval '1 minute' - now()))::int as wait
), keyed as (   -- our turn and our moment tell a key that this very statement wrote from another's
    insert into idempotency_keys as k (account_id, key, turn_id, created_at)
    select r.account_id, w.key, cast(:turn_id as uuid), now() from rated r, wanted w where r.within
    on conflict (account_id, key) do update
       set turn_id = case when k.created_at > now() - make_interval(hours => :key_hours)
                          then k.turn_id else excluded.turn_id end,
           created_at = case when k.created_at > now() - make_interval(hours => :key_hours)
                             then k.created_at else excluded.created_at end
 returning k.account_id, k.turn_id,
           k.created_at = now() and k.turn_id = cast(:turn_id as uuid) as fresh
), session as (
    insert into sessions as s (id, account_id, session_id, next_seq, last_turn_at)
    select cast(:session_row as uuid), k.account_id, cast(:session_id as text), 2, now()
      from keyed k where k.fresh
    on conflict (account_id, session_id) where deleted_at is null
    do update set next_seq = s.next_seq + 1, last_turn_at = excluded.last_turn_at
 returning s.id, s.account_id, s.session_id, s.next_seq - 1 as seq
), earlier as (
    select turn_id from known union select turn_id from keyed where not fresh
)
"""

OPEN = as_caller(
    COUNTED
    + """
, opened as (  -- clock_timestamp(): read after the session's lock is held, so it grows with seq
    insert into turns (id, session_row, account_id, seq, state, lease_until, request_hash,
                       user_message_id, assistant_message_id, message, said_at)
    select cast(:turn_id as uuid), s.id, s.account_id, s.seq, 'open',
           clock_timestamp() + make_interval(secs => :lease_seconds), cast(:request_hash as bytea),
           cast(:user_message_id as uuid), cast(:assistant_message_id as uuid),
           cast(:message as text), clock_timestamp()
      from session s
 returning id, session_row, seq, state, attempt, user_message_id, assistant_message_id, reply,
           said_at, replied_at, answer, request_hash, lease_until
), resumed as (
    update turns t
       set state = 'open', attempt = t.attempt + 1,
           lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
      from earlier e, sessions s
     where t.id = e.turn_id and s.id = t.session_row and s.deleted_at is null
       and t.state <> 'answered' and t.request_hash = cast(:request_hash as bytea)
       and coalesce(cast(:given_session as text), s.session_id) = s.session_id
       and (t.lease_until <= clock_timestamp() or t.state = 'abandoned'
            or t.id = cast(:turn_id as uuid))
 returning t.id, t.session_row, t.seq, t.state, t.attempt, t.user_message_id,
           t.assistant_message_id, t.reply, t.said_at, t.replied_at, t.answer, t.request_hash,
           t.lease_until
), mine as (
    select *, true as own from opened union all select *, true from resumed
), turn as (
    select * from mine
    union all
    select t.id, t.session_row, t.seq, t.state, t.attempt, t.user_message_id,
           t.assistant_message_id, t.reply, t.said_at, t.replied_at, t.answer, t.request_hash,
           t.lease_until, false
      from turns t join earlier e on e.turn_id = t.id
     where not exists (select from mine)
), label as (
    select s.session_id, s.deleted_at is not null as deleted
      from sessions s join turn on turn.session_row = s.id
    union all
    select session_id, false from session
     where not exists (select from sessions s where s.id = session.id)
), recent as (
    select coalesce(jsonb_agg(jsonb_build_object('message', l.message, 'reply', l.reply)
                              order by l.seq), '[]'::jsonb) as rows
      from (select t.seq, t.message, t.reply
              from turns t join turn on turn.session_row = t.session_row
             where t.seq < turn.seq and t.message is not null
             order by t.seq desc limit :recent_turns) l
), """
    + PENDING
    + ","
    + AWAITING
    + ","
    + HIDDEN
    + ","
    + SAID_LATELY
    + ","
    + rates_after("(select count(*) > 0 from mine)")
    + """
select standing.live, standing.allowed, rated.within, rated.wait,
       turn.id, turn.session_row, turn.seq, turn.state, turn.attempt, turn.user_message_id,
       turn.assistant_message_id, turn.reply, turn.said_at, turn.replied_at, turn.answer,
       turn.request_hash, turn.own, label.session_id, label.deleted,
       (select turn_id from earlier limit 1) as earlier_turn,
       caller.zep_graph_uuid, recent.rows as recent, pending.rows as pending,
       awaiting.proposal, awaiting.asked, awaiting.conflict, hidden_listed.ids as hidden,
       said_lately.rows as said_lately, rates.rows as rates
  from standing
  left join caller on true
  left join rated on true
  left join turn on true
  left join label on true
  cross join recent
  cross join pending
  cross join awaiting
  cross join hidden_listed
  cross join said_lately
  cross join rates
"""
)

COMMIT = (
    """
with caller as (
    select cast(:account_id as uuid) as account_id
), alive as (   -- shared lock: a deletion waits, or has happened and is seen
    select s.id from sessions s where s.id = :session_row and s.deleted_at is null for share
), """
    + RESOLVED
    + """
, buried as (   -- turns of which something was forgotten while this one was being answered
    select distinct unnest(x.turn_ids)::text as turn_id
      from caller c
      join tombstones x on x.account_id = c.account_id
      join turns t on t.id = :turn_id and x.forgotten_at >= t.said_at
), untold as (  -- then what rests on nothing else, as far as is known, isn't kept with its words
    select jsonb_build_object('recalled', (
               select coalesce(jsonb_agg(e.it order by e.place), '[]'::jsonb)
                 from jsonb_array_elements(cast(:answer as jsonb) -> 'recalled')
                      with ordinality e (it, place)
                where (e.it -> 'item' ->> 'id' like 'said%'
                       and substr(e.it -> 'item' ->> 'id', 6) not in (select turn_id from buried))
                   or exists (
                       select from jsonb_array_elements(r.rows) s (it)
                        where s.it ->> 'turn_id' not in (select turn_id from buried)
                          and (e.it -> 'provider_ids' @> jsonb_build_array(s.it -> 'provider_id')
                               or (s.it ->> 'provider_id' is null
                                   and e.it -> 'turn_ids'
                                       @> jsonb_build_array(s.it -> 'turn_id')))))) as told
      from resolved_sources r
     where exists (select from buried)
), done as (    -- the same attempt may come twice when its first answer was lost
    update turns t
       set state = 'answered', reply = :reply, replied_at = clock_timestamp(),
           answer = cast(:answer as jsonb) || jsonb_build_object('sources', r.rows)
                    || coalesce((select told from untold), '{}'::jsonb)
      from caller c, alive, resolved_sources r
     where t.id = :turn_id and t.session_row = alive.id and t.attempt = :attempt
       and t.account_id = c.account_id
       and t.state in ('open', 'answered')
 returning t.id, t.session_row, t.account_id, t.seq
), owed as (
    insert into deliveries (turn_id, store, role, session_row, account_id, seq)
    select d.id, o.store, o.role, d.session_row, d.account_id, d.seq
      from done d
     cross join (values ('zep', 'user'), ('zep', 'assistant'), ('mem0', 'user')) o (store, role)
    on conflict (turn_id, store, role) do nothing
 returning turn_id
), """
    + SETTLED
    + ","
    + rates_after(
        "(select count(*) from owed) + (select count(*) from proposed)"
        " + (select count(*) from decided) + (select count(*) from asked) < 0"
    )
    + """
select exists (select from alive) as alive, exists (select from done) as done,
       (select count(*) from owed) as owed, r.rows as sources, rates.rows as rates
  from resolved_sources r
 cross join rates
"""
)

RELEASE = """
update turns set lease_until = clock_timestamp()
 where id = :turn_id and attempt = :attempt and state = 'open'
"""

READ = as_caller(
    """
, turn as (
    select t.id, t.state, t.message, t.reply, t.answer, t.said_at, t.replied_at, s.session_id,
           t.user_message_id, t.assistant_message_id
      from turns t
      join caller c on c.account_id = t.account_id and c.allowed
      join sessions s on s.id = t.session_row and s.deleted_at is null
     where t.id = :turn_id
), states as (
    select coalesce(jsonb_agg(jsonb_build_object('store', d.store, 'role', d.role,
               'state', d.state) order by d.store, d.role desc), '[]'::jsonb) as rows
      from deliveries d join turn on turn.id = d.turn_id
)
select standing.live, standing.allowed, turn.*, states.rows as deliveries
  from standing left join turn on true cross join states
"""
)
