"""The statements of `tandem.db.tombstones`, each one round trip."""

# What says the same as what is named: by links, and what is hidden and says it in the same words or
# was hidden as the same in its favour.
AROUND = """
with recursive linked as (
    select l.mem0_id, l.edge_uuid, l.statement_hash, l.fact_hash
      from links l
     where l.account_id = :account_id
       and (l.mem0_id = any(cast(:mem0_ids as text[]))
            or l.edge_uuid = any(cast(:edge_uuids as uuid[])))
), hidden as (
    select h.mem0_id
      from hidden_memories h
     where h.account_id = :account_id and h.purged_at is null
       and ((h.reason in ('same', 'equal') and h.kept_id = any(cast(:item_ids as text[])))
            or h.text_hash = any(cast(:hashes as bytea[])))
    union
    select h.mem0_id
      from hidden h2
      join hidden_memories h on h.account_id = :account_id and h.kept_id = 'mem_' || h2.mem0_id
                            and h.purged_at is null and h.reason in ('same', 'equal')
)
select (select coalesce(jsonb_agg(jsonb_build_array(mem0_id, edge_uuid,
                   encode(statement_hash, 'hex'),
                   encode(coalesce(fact_hash, statement_hash), 'hex'))), '[]'::jsonb)
          from linked) as links,
       (select coalesce(jsonb_agg(mem0_id), '[]'::jsonb) from hidden) as hidden
"""

# The turns that some providers' ids rest on, and all that is known to rest on those turns.
EVIDENCE = """
with named as (
    select s.turn_id from sources s
     where s.account_id = :account_id and s.role = 'user'
       and s.provider_id = any(cast(:provider_ids as text[]))
    union
    select t.id from turns t
     where t.account_id = :account_id and t.id = any(cast(:turn_ids as uuid[]))
)
select t.id as turn_id, t.said_at, t.message, s.deleted_at is not null as deleted,
       exists (select from deliveries d
                where d.turn_id = t.id and d.role = 'user' and d.store = 'zep'
                  and d.state in ('owed', 'sent')) as under_way,
       (select coalesce(array_agg(distinct r.provider_id), '{}') from sources r
         where r.turn_id = t.id and r.role = 'user') as provider_ids,
       (select coalesce(d.provider_ids, '{}') from deliveries d
         where d.turn_id = t.id and d.role = 'user' and d.store = 'zep') as message_parts
  from named n
  join turns t on t.id = n.turn_id
  join sessions s on s.id = t.session_row
"""

# The tombstones and the changes become known in one moment: nothing that was planned before may
# begin after it, and nothing that is derived later is unaccounted for. A run that is there already
# stays as it is.
BURY = """
with run as (
    insert into runs (id, account_id, kind, started_by, phase, turn_id)
    values (:run_id, :account_id, 'forget', :started_by, 'applying', cast(:turn_id as uuid))
    on conflict do nothing
 returning id, account_id
), planned as (
    insert into changes (id, run_id, account_id, seq, kind, reason, mem0_id, edge_uuid,
                         episode_uuid, details)
    select c.id, run.id, run.account_id, c.seq, c.kind, c.reason, c.mem0_id, c.edge_uuid,
           c.episode_uuid, c.details
      from run
     cross join jsonb_to_recordset(cast(:changes as jsonb)) c (
               id uuid, seq int, kind text, reason text, mem0_id text, edge_uuid uuid,
               episode_uuid uuid, details jsonb)
 returning mem0_id, edge_uuid
), buried as (
    insert into tombstones (id, account_id, run_id, statement_hash, turn_ids, spared)
    select b.id, run.account_id, run.id, decode(b.statement_hash, 'hex'), b.turn_ids, b.spared
      from run
     cross join jsonb_to_recordset(cast(:tombstones as jsonb)) b (
               id uuid, statement_hash text, turn_ids uuid[], spared text[])
 returning id
), skipped as (
    update changes c
       set state = 'skipped', finished_at = now(), details = c.details || '{"why": "forgotten"}'
      from run
     where c.account_id = run.account_id and c.run_id <> run.id and c.state = 'planned'
       and (c.mem0_id in (select p.mem0_id from planned p where p.mem0_id is not null)
            or c.edge_uuid in (select p.edge_uuid from planned p where p.edge_uuid is not null)
            or c.kept_id in (select 'mem_' || p.mem0_id from planned p
                             union select 'fact_' || p.edge_uuid from planned p))
 returning c.id
)
select exists (select from run) as buried, (select count(*) from buried) as tombstones,
       (select count(*) from skipped) as skipped
"""

# Whatever names what is gone goes too: nothing may tell later that it was there. A change of
# another run that is under way keeps its row, for it has to be told how it ended. What a turn was
# offered stands in its answer with its words: what goes leaves it, and what rests on nothing but
# turns of which something is forgotten, but for what was to stay.
_GONE = """
with run as (
    select r.id, r.account_id, r.state, r.counts from runs r
     where r.id = :run_id and r.account_id = :account_id and r.kind = 'forget'
), gone as (
    select c.id, c.kind, c.mem0_id, c.edge_uuid, c.episode_uuid
      from changes c join run on run.id = c.run_id
     where c.state in ('confirmed', 'skipped')
       and not exists (select from changes o
                        where o.run_id = run.id and o.state in ('planned', 'sent'))
), memories as (
    select distinct mem0_id from gone where mem0_id is not null
), facts as (
    select distinct edge_uuid from gone where edge_uuid is not null
), episodes as (
    select distinct episode_uuid, episode_uuid::text as provider_id
      from gone where episode_uuid is not null
), items as (
    select 'mem_' || mem0_id as id from memories union select 'fact_' || edge_uuid from facts
), buried as (
    select distinct unnest(x.turn_ids) as turn_id
      from tombstones x join run on run.id = x.run_id and run.account_id = x.account_id
), spared as (
    select distinct unnest(x.spared) as name
      from tombstones x join run on run.id = x.run_id and run.account_id = x.account_id
), untold as (
    select id from items union select 'said_' || turn_id from buried
), rests as (
    select mem0_id as provider_id from memories union select provider_id from episodes
)
"""

_COUNTED = """
select (select count(*) from run) as known,
       (select count(*) from changes c join run on run.id = c.run_id
         where c.state in ('planned', 'sent')) as left,
       (select case when run.state = 'running' then (select now_counted.row from now_counted)
                    else run.counts end from run) as counts
"""

ERASE = (
    _GONE
    + """
, unlinked as (
    delete from links l using run r
     where l.account_id = r.account_id
       and (l.mem0_id in (select mem0_id from memories)
            or l.edge_uuid in (select edge_uuid from facts))
), unheard as (  -- the thread has not these words any more: history reads them from the ledger
    update deliveries d set state = 'cancelled', provider_ids = null
      from run r
     where d.account_id = r.account_id and d.store = 'zep' and d.role = 'user'
       and d.turn_id in (select s.turn_id from sources s join episodes e using (provider_id)
                          where s.account_id = r.account_id)
       and d.provider_ids && (select array_agg(provider_id) from episodes)
), sourceless as (
    delete from sources s using run r
     where s.account_id = r.account_id and s.provider_id in (select provider_id from rests)
), undecided as (
    delete from decisions d using run r
     where d.account_id = r.account_id
       and (d.left_id in (select id from items) or d.right_id in (select id from items))
), agreed as (
    delete from conflicts c using run r
     where c.account_id = r.account_id
       and (c.left_id in (select id from items) or c.right_id in (select id from items))
), shown as (
    delete from hidden_memories h using run r
     where h.account_id = r.account_id and h.mem0_id in (select mem0_id from memories)
), alone as (
    update hidden_memories h set kept_id = null
      from run r
     where h.account_id = r.account_id and h.kept_id in (select id from items)
       and h.mem0_id not in (select mem0_id from memories)
), named as (
    select c.id
      from changes c join run r on r.account_id = c.account_id
     where (c.run_id = r.id or c.state not in ('planned', 'sent'))
       and (c.id in (select id from gone) or c.mem0_id in (select mem0_id from memories)
            or c.edge_uuid in (select edge_uuid from facts)
            or c.episode_uuid in (select episode_uuid from episodes))
), unwritten as (
    delete from changes c using named n where c.id = n.id
), loose as (
    update changes c set kept_id = null, details = c.details - 'kept_hash'
      from run r
     where c.account_id = r.account_id and c.kept_id in (select id from items)
       and c.id not in (select id from named)
), unspared as (
    update tombstones x
       set spared = array(select s from unnest(x.spared) s
                           where s not in (select provider_id from rests
                                           union select edge_uuid::text from facts))
      from run r
     where x.account_id = r.account_id
       and x.spared && array(select provider_id from rests
                             union select edge_uuid::text from facts)
), unproposed as (
    update proposals p set item_ids = '{}'
      from run r
     where p.account_id = r.account_id and p.state <> 'open'
       and p.item_ids && array(select id from items)
), offered as (  -- of what turns were offered, what isn't forgotten by this run
    select t.id, t.id in (select turn_id from buried) as buried,
           (select coalesce(jsonb_agg(e.it order by e.place), '[]'::jsonb)
              from jsonb_array_elements(t.answer -> 'recalled') with ordinality e (it, place)
             where coalesce(e.it -> 'item' ->> 'id', '') not in (select id from untold)
               and (split_part(e.it -> 'item' ->> 'id', '_', 2) in (select name from spared)
                    or not coalesce(
                        (select bool_and(s.it ->> 'turn_id' in (select turn_id::text from buried))
                           from jsonb_array_elements(t.answer -> 'sources') s (it)
                          where e.it -> 'provider_ids' @> jsonb_build_array(s.it -> 'provider_id')
                             or (s.it ->> 'provider_id' is null
                                 and e.it -> 'turn_ids' @> jsonb_build_array(s.it -> 'turn_id'))),
                        false))) as kept
      from turns t join run r on r.account_id = t.account_id
     where jsonb_typeof(t.answer -> 'recalled') = 'array'
), unrecalled as (
    update turns t
       set answer = jsonb_set(t.answer, '{recalled}', o.kept)
                    - case when o.buried then array['replacement'] else '{}'::text[] end
      from offered o
     where t.id = o.id
       and (t.answer -> 'recalled' <> o.kept or (o.buried and t.answer ->> 'replacement' > ''))
), now_counted as (
    select jsonb_build_object(
               'memories', count(*) filter (where c.kind = 'delete_memory'),
               'facts', count(*) filter (where c.kind = 'delete_fact'),
               'episodes', count(*) filter (where c.kind = 'delete_episode')) as row
      from changes c join run on run.id = c.run_id
     where c.state = 'confirmed'
), finished as (
    update runs r
       set state = case when exists (select from changes c
                                      where c.run_id = r.id and c.state = 'refused')
                        then 'failed' else 'done' end,
           phase = 'over', finished_at = clock_timestamp(), counts = now_counted.row
      from run, now_counted
     where r.id = run.id and run.state = 'running'
       and not exists (select from changes c
                        where c.run_id = r.id and c.state in ('planned', 'sent'))
)
"""
    + _COUNTED
)

# All that there is to know before cleaning. `unfinished`: runs that somebody began and left.
TO_CLEAN = """
select (select coalesce(jsonb_agg(jsonb_build_object(
                   'statement_hash', encode(x.statement_hash, 'hex'), 'turn_ids', x.turn_ids,
                   'spared', x.spared, 'forgotten_at', x.forgotten_at)
                   order by x.forgotten_at), '[]'::jsonb)
          from tombstones x where x.account_id = :account_id) as tombstones,
       (select coalesce(jsonb_agg(r.id order by r.started_at), '[]'::jsonb)
          from runs r
         where r.account_id = :account_id and r.kind = 'forget' and r.state = 'running')
           as unfinished
"""

# Words that only Zep had left come back into the ledger before their episode goes.
PUT_BACK = """
update turns t set message = cast(:message as text), wiped_at = null
  from sessions s
 where t.id = :turn_id and t.account_id = :account_id and t.message is null
   and s.id = t.session_row and s.deleted_at is null
"""
