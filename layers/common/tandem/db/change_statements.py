"""The statements of `tandem.db.changes`, each one round trip.

What only an update sees: a row as a statement left it that this one has waited for. So whether a
change may be sent is decided by the update that marks it, and whoever forgets something takes the
changes away from under it by an update too.
"""

from tandem.db.run_statements import CHANGE

_MEMORY = "'mem\\_%'"

# A new deletion takes planned changes of other runs with it that are about the same, or that hide
# something in favour of it.
RECORD = """
with run as (
    select r.id, r.account_id
      from runs r
     where r.id = :run_id and r.account_id = :account_id and r.state = 'running'
       and (cast(:owner as uuid) is null
            or exists (select from tidying t
                        where t.account_id = r.account_id and t.owner = cast(:owner as uuid)))
), given as (
    select c.*
      from jsonb_to_recordset(cast(:changes as jsonb))
           c (id uuid, seq int, kind text, reason text, mem0_id text, edge_uuid uuid,
              episode_uuid uuid, kept_id text, text_hash text, turn_ids uuid[], details jsonb)
), recorded as (
    insert into changes (id, run_id, account_id, seq, kind, reason, mem0_id, edge_uuid,
                         episode_uuid, kept_id, text_hash, turn_ids, details)
    select g.id, run.id, run.account_id, g.seq, g.kind, g.reason, g.mem0_id, g.edge_uuid,
           g.episode_uuid, g.kept_id, decode(g.text_hash, 'hex'), g.turn_ids, g.details
      from given g cross join run
     order by g.seq
    on conflict do nothing
 returning id
), dropped as (
    update changes c
       set state = 'skipped', finished_at = now(),
           details = c.details || '{"why": "forgotten"}'::jsonb
      from run
      join runs r on r.account_id = run.account_id and r.state = 'running' and r.id <> run.id
     where c.run_id = r.id and c.state = 'planned'
       and (c.mem0_id in (select mem0_id from given where kind = 'delete_memory')
            or c.edge_uuid in (select edge_uuid from given where kind = 'delete_fact')
            or c.kept_id in (select 'mem_' || mem0_id from given where kind = 'delete_memory'
                             union all
                             select 'fact_' || edge_uuid from given where kind = 'delete_fact'))
 returning c.id
)
select exists (select from run) as running, (select count(*) from recorded) as recorded,
       (select count(*) from dropped) as dropped
"""

UNFINISHED = f"""
select coalesce(json_agg(json_build_object({CHANGE}) order by c.seq), '[]'::json) as rows
  from changes c
 where c.run_id = :run_id and c.state in ('planned', 'sent')
"""

ALL = f"""
select coalesce(json_agg(json_build_object({CHANGE}) order by c.seq), '[]'::json) as rows
  from changes c
 where c.run_id = :run_id and c.account_id = :account_id
"""

REPLAN = """
with gone as (
    delete from changes c
     where c.run_id = :run_id and c.account_id = :account_id and c.state = 'planned'
 returning c.id
)
select coalesce(max(c.seq), 0) as last_seq
  from changes c
 where c.run_id = :run_id and c.account_id = :account_id and c.state <> 'planned'
"""

# Stale: since the picture was read the person has said something, something that they said has
# come to a store, or they have changed their memory themselves.
BEGIN = """
with held as (
    update tidying t set lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
     where t.account_id = :account_id and t.owner = cast(:owner as uuid)
 returning t.account_id
), asked as (
    select c.id, c.account_id, c.run_id, c.kind, c.state, c.sent_at, c.mem0_id, c.edge_uuid,
           case when c.kept_id like 'mem\\_%' then substr(c.kept_id, 5) end as kept_memory,
           case when c.kept_id like 'fact\\_%' then cast(substr(c.kept_id, 6) as uuid)
                end as kept_fact
      from changes c
     where c.id = :change_id and c.run_id = :run_id and c.account_id = :account_id
), since as (   -- what a tidying has sent once, it was right to send then
    select coalesce(case when a.state = 'sent' and r.kind = 'consolidate' then a.sent_at end,
                    cast(:read_at as timestamptz), 'infinity') as read_at
      from runs r
      left join asked a on true
     where r.id = :run_id
), told as (
    select cast(:owner as uuid) is null or exists (select from held) as held,
           exists (select from turns t, since
                    where t.account_id = :account_id and t.said_at >= since.read_at)
        or exists (select from deliveries d, since
                    where d.account_id = :account_id and d.role = 'user'
                      and d.finished_at >= since.read_at)
        or exists (select from deliveries d, since
                    where d.account_id = :account_id and d.role = 'user'
                      and d.state in ('owed', 'sent')
                      and (d.owed_at >= since.read_at or d.sent_at >= since.read_at))
        or exists (select from runs r, since
                    where r.account_id = :account_id and r.id <> :run_id
                      and r.kind in ('correct', 'forget', 'settle')
                      and (r.started_at >= since.read_at or r.finished_at >= since.read_at))
           as stale,
           exists (select from asked a
                    join changes d on d.account_id = a.account_id and d.mem0_id = a.mem0_id
                    where d.kind = 'delete_memory' and d.state in ('planned', 'sent', 'confirmed')
                      and d.run_id <> a.run_id and a.kind not in ('delete_memory', 'unlink'))
        or exists (select from asked a
                    join changes d on d.account_id = a.account_id and d.edge_uuid = a.edge_uuid
                    where d.kind = 'delete_fact' and d.state in ('planned', 'sent', 'confirmed')
                      and d.run_id <> a.run_id
                      and a.kind not in ('delete_memory', 'delete_fact', 'unlink'))
        or exists (select from asked a
                    join changes d on d.account_id = a.account_id and d.mem0_id = a.kept_memory
                    where d.kind = 'delete_memory' and d.state in ('planned', 'sent', 'confirmed'))
        or exists (select from asked a
                    join changes d on d.account_id = a.account_id and d.edge_uuid = a.kept_fact
                    where d.kind = 'delete_fact' and d.state in ('planned', 'sent', 'confirmed'))
           as forgotten
), marked as (   -- what is to be put back is noted once, before the first attempt
    update changes c
       set state = 'sent', sent_at = coalesce(c.sent_at, clock_timestamp()),
           details = case c.state when 'planned' then c.details || cast(:details as jsonb)
                                  else c.details end
      from told
     where c.id = :change_id and c.run_id = :run_id and c.account_id = :account_id
       and c.state in ('planned', 'sent')
       and told.held and not told.stale and not told.forgotten
 returning c.id
), hidden as (
    select h.listed, c.details -> 'before' as put_back
      from asked a
      join hidden_memories h on h.account_id = :account_id and h.mem0_id = a.mem0_id
                            and h.purging_at is null
      join changes c on c.id = h.change_id
     where a.kind = 'show'
)
select told.held, told.stale, told.forgotten, asked.state, exists (select from marked) as marked,
       hidden.listed, hidden.put_back
  from told
  left join asked on true
  left join hidden on true
"""

SKIP = """
update changes c
   set state = :state, finished_at = clock_timestamp(),
       details = c.details || jsonb_build_object('why', cast(:why as text))
 where c.id = :change_id and c.account_id = :account_id and c.state in ('planned', 'sent')
"""

# The change and its mirror, at once or not at all. Said a second time it finds nothing to confirm.
# The copy of a fact that is to be forgotten by now is not confirmed: it has to go as well.
CONFIRM = f"""
with forgotten as (
    select a.id
      from changes a
      join changes d on d.account_id = a.account_id and d.run_id <> a.run_id
                    and d.kind = 'delete_fact' and d.edge_uuid = a.edge_uuid
                    and d.state in ('planned', 'sent', 'confirmed')
     where a.id = :change_id and a.account_id = :account_id and a.kind = 'add'
       and a.state in ('planned', 'sent')
), done as (
    update changes c
       set state = 'confirmed', finished_at = clock_timestamp(),
           mem0_id = coalesce(c.mem0_id, cast(:made_id as text)),
           details = c.details || case c.kind when 'show' then jsonb_build_object('was', (
               select jsonb_build_object('reason', h.reason, 'kept_id', h.kept_id,
                                         'said_at', h.said_at)
                 from hidden_memories h
                where h.account_id = c.account_id and h.mem0_id = c.mem0_id))
               else '{{}}'::jsonb end
     where c.id = :change_id and c.account_id = :account_id and c.state in ('planned', 'sent')
       and not exists (select from forgotten)
 returning c.id, c.run_id, c.account_id, c.kind, c.reason, c.mem0_id, c.edge_uuid, c.kept_id,
           c.text_hash, c.turn_ids, c.details
), hidden as (
    insert into hidden_memories (account_id, mem0_id, run_id, change_id, reason, kept_id,
                                 text_hash, said_at, listed)
    select d.account_id, d.mem0_id, d.run_id, d.id,
           coalesce(d.details ->> 'hidden_as', d.reason), d.kept_id, d.text_hash,
           cast(d.details ->> 'said_at' as timestamptz), cast(:listed as boolean)
      from done d
     where d.kind = 'hide'
    on conflict (account_id, mem0_id) do update
       set run_id = excluded.run_id, change_id = excluded.change_id, reason = excluded.reason,
           kept_id = excluded.kept_id, text_hash = excluded.text_hash,
           said_at = excluded.said_at, listed = excluded.listed,
           hidden_at = excluded.hidden_at, purging_at = null, purged_at = null
), shown as (
    delete from hidden_memories h
     using done d
     where d.kind in ('show', 'rewrite', 'delete_memory')
       and h.account_id = d.account_id and h.mem0_id = d.mem0_id
 returning h.change_id
), taken as (
    insert into sources (provider_id, account_id, turn_id, role, change_id)
    select case d.kind when 'hide' then substr(d.kept_id, 5) else d.mem0_id end,
           d.account_id, t.id, 'user', d.id
      from done d
      join turns t on t.account_id = d.account_id and t.id = any(d.turn_ids)
     where (d.kind = 'hide' and d.reason in ('equal', 'same') and d.kept_id like {_MEMORY})
        or d.kind in ('add', 'show', 'rewrite', 'link')
    on conflict (provider_id, turn_id, role) do nothing
), given_back as (
    delete from sources s
     where s.change_id = any(array(select change_id from shown
                                   union all
                                   select cast(d.details ->> 'undoes' as uuid) from done d))
), gone as (
    delete from sources s
     where s.provider_id = any(array(select d.mem0_id from done d
                                      where d.kind = 'delete_memory'))
), linked as (
    insert into links (account_id, mem0_id, edge_uuid, statement_hash, fact_hash)
    select d.account_id, d.mem0_id, d.edge_uuid,
           coalesce(decode(d.details ->> 'kept_hash', 'hex'), d.text_hash), d.text_hash
      from done d
     where d.kind in ('add', 'link') and d.edge_uuid is not null
    on conflict (account_id, mem0_id, edge_uuid) do update
       set statement_hash = excluded.statement_hash, fact_hash = excluded.fact_hash
), linked_too as (
    insert into links (account_id, mem0_id, edge_uuid, statement_hash, fact_hash)
    select d.account_id, d.mem0_id, cast(e.edge_uuid as uuid), d.text_hash,
           decode(e.fact_hash, 'hex')
      from done d
     cross join lateral jsonb_each_text(d.details -> 'also_edges') e (edge_uuid, fact_hash)
     where d.kind = 'add' and jsonb_typeof(d.details -> 'also_edges') = 'object'
       and cast(e.edge_uuid as uuid) <> d.edge_uuid
    on conflict (account_id, mem0_id, edge_uuid) do nothing
), unlinked as (
    delete from links l
     using done d
     where l.account_id = d.account_id
       and ((d.kind = 'unlink' and l.mem0_id = d.mem0_id and l.edge_uuid = d.edge_uuid)
            or (d.kind = 'delete_memory' and l.mem0_id = d.mem0_id)
            or (d.kind = 'delete_fact' and l.edge_uuid = d.edge_uuid))
), decided as (
    insert into decisions (account_id, left_id, right_id, left_hash, right_hash, relation,
                           decided_by, run_id)
    select distinct on (p.left_id, p.right_id)
           d.account_id, p.left_id, p.right_id, decode(p.left_hash, 'hex'),
           decode(p.right_hash, 'hex'), p.relation, 'person', d.run_id
      from done d
     cross join lateral jsonb_to_recordset(d.details -> 'decisions')
           p (left_id text, right_id text, left_hash text, right_hash text, relation text)
     where jsonb_typeof(d.details -> 'decisions') = 'array'
     order by p.left_id, p.right_id
    on conflict (account_id, left_id, right_id) do update
       set left_hash = excluded.left_hash, right_hash = excluded.right_hash,
           relation = excluded.relation, decided_by = 'person', run_id = excluded.run_id,
           decided_at = now()
), named as (    -- what a store has no more nobody decides about
    select d.account_id, d.run_id, d.id,
           case d.kind when 'delete_memory' then 'mem_' || d.mem0_id
                       else 'fact_' || d.edge_uuid end as item_id,
           case d.kind when 'delete_memory' then d.mem0_id end as mem0_id,
           case d.kind when 'delete_fact' then d.edge_uuid end as edge_uuid
      from done d
     where d.kind in ('delete_memory', 'delete_fact') and d.reason = 'forgotten'
), undecided as (
    delete from decisions x
     using named n
     where x.account_id = n.account_id and n.item_id in (x.left_id, x.right_id)
), settled as (
    delete from conflicts x
     using named n
     where x.account_id = n.account_id and n.item_id in (x.left_id, x.right_id)
), stale as (
    select x.id
      from named n
      join changes x on x.account_id = n.account_id and x.mem0_id = n.mem0_id
     where x.run_id <> n.run_id and x.state not in ('planned', 'sent')
     union
    select x.id
      from named n
      join changes x on x.account_id = n.account_id and x.edge_uuid = n.edge_uuid
     where x.run_id <> n.run_id and x.state not in ('planned', 'sent')
), erased as (
    delete from changes x
     where x.id = any(array(select id from stale))
       and not exists (select from hidden_memories h
                         join named n on n.account_id = h.account_id
                        where h.change_id = x.id and h.mem0_id is distinct from n.mem0_id)
)
select exists (select from done) as done, exists (select from forgotten) as forgotten
"""
