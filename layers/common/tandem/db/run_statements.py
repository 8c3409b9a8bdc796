"""The statements of `tandem.db.runs`, each one round trip.

Locks are taken in one order: the person's row of `tidying`, then runs and changes.
"""

from tandem.db.caller import as_caller

# When what is read from now on was certainly committed: a statement that had begun before and
# commits later may carry an earlier time than ours. None of ours lives longer than two seconds.
READ_BEFORE = """
greatest(least(now(), (select min(a.xact_start) from pg_stat_activity a
                        where a.datname = current_database() and a.pid <> pg_backend_pid()
                          and a.backend_type = 'client backend')),
         now() - interval '2 seconds')
"""

# Only an update sees what a statement, for which this one has waited, has just changed: a run that
# its owner ended a moment ago is not resumed.
START = f"""
with leased as (
    insert into tidying as t (account_id, owner, lease_until)
    values (cast(:account_id as uuid), cast(:owner as uuid),
            clock_timestamp() + make_interval(secs => :lease_seconds))
    on conflict (account_id) do update
       set owner = excluded.owner, lease_until = excluded.lease_until
     where t.owner = excluded.owner or t.lease_until <= now()
 returning t.account_id
), resumed as (
    update runs r set state = 'running'
      from leased l
     where r.id = (select o.id from runs o
                    where o.account_id = :account_id and o.state = 'running' and o.kind = :kind
                      and o.undoes is not distinct from cast(:undoes as uuid)
                    order by o.started_at, o.id limit 1)
       and r.account_id = l.account_id and r.state = 'running'
 returning r.id, r.phase, r.state, r.counts
), made as (
    insert into runs as r (id, account_id, kind, started_by, undoes, turn_id)
    select cast(:run_id as uuid), l.account_id, :kind, :started_by, cast(:undoes as uuid),
           cast(:turn_id as uuid)
      from leased l
     where not exists (select from resumed)
    on conflict (id) do update set kind = r.kind
 returning r.id, r.phase, r.state, r.counts
), run as (
    select * from resumed union all select * from made
)
select run.id, run.phase, run.state, run.counts, {READ_BEFORE} as read_before,
       run.id <> cast(:run_id as uuid) as was_there,
       (select coalesce(jsonb_agg(jsonb_build_array(o.id, o.kind, o.undoes)
                                  order by o.started_at, o.id), '[]'::jsonb)
          from runs o
         where o.account_id = :account_id and o.state = 'running' and o.id <> run.id
           and o.kind in ('consolidate', 'undo')) as others
  from run
"""

# An update leaves its mark in `xmax`, which a row just made has not.
START_UNLEASED = f"""
with made as (
    insert into runs as r (id, account_id, kind, started_by, undoes, turn_id)
    values (cast(:run_id as uuid), cast(:account_id as uuid), :kind, :started_by,
            cast(:undoes as uuid), cast(:turn_id as uuid))
    on conflict %s do update set kind = r.kind
 returning r.id, r.phase, r.state, r.counts, r.xmax <> 0 as was_there
)
select made.id, made.phase, made.state, made.counts, made.was_there, {READ_BEFORE} as read_before,
       '[]'::jsonb as others
  from made
"""
START_ALONE = START_UNLEASED % "(id)"
START_FOR_TURN = START_UNLEASED % "(account_id, turn_id, kind) where turn_id is not null"

_PROLONG = """
with held as (
    update tidying t set lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
     where t.account_id = :account_id and t.owner = cast(:owner as uuid)
 returning t.account_id
)
"""
PROLONG = _PROLONG + "select exists (select from held) as held"
READ_AGAIN = _PROLONG + f"select {READ_BEFORE} as read_before from held"

NOTE = """
update runs set phase = :phase, counts = counts || cast(:counts as jsonb)
 where id = :run_id and state = 'running'
"""

# What an undo has taken back counts as undone once the undo is through.
FINISH = """
with released as (
    update tidying t
       set owner = null, lease_until = '-infinity',
           read_at = case when :state = 'done'
                          then greatest(t.read_at, cast(:read_at as timestamptz))
                          else t.read_at end
     where t.account_id = :account_id and t.owner = cast(:owner as uuid)
 returning t.account_id
), finished as (
    update runs r
       set state = :state, phase = 'over', finished_at = clock_timestamp(),
           counts = r.counts || cast(:counts as jsonb)
     where r.id = :run_id and r.account_id = :account_id and r.state = 'running'
       and (cast(:owner as uuid) is null or exists (select from released))
 returning r.undoes
), undone as (
    update runs r set state = 'undone'
      from finished f
     where r.id = f.undoes and :state = 'done' and r.state = 'done'
 returning r.id
)
select exists (select from finished) as finished, (select count(*) from undone) as undone
"""

RELEASE = """
update tidying set owner = null, lease_until = '-infinity'
 where account_id = :account_id and owner = cast(:owner as uuid)
"""

CURRENT = """
select r.id
  from runs r
 where r.account_id = :account_id and r.state = 'running' and r.kind in ('consolidate', 'undo')
 order by r.started_at desc, r.id desc
 limit 1
"""

_RUN = """r.id, r.kind, r.started_by, r.state, r.phase, r.undoes, r.counts, r.started_at,
       r.finished_at"""

LIST = as_caller(
    f"""
, page as (
    select {_RUN}
      from runs r
      join caller c on c.account_id = r.account_id and c.allowed
     where r.kind in ('consolidate', 'undo', 'settle')
       and (r.started_at, r.id) < (coalesce(cast(:before_time as timestamptz), 'infinity'),
                                   coalesce(cast(:before_id as uuid),
                                            'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by r.started_at desc, r.id desc
     limit :fetch
)
select standing.live, standing.allowed, page.*
  from standing left join page on true
 order by page.started_at desc, page.id desc
"""
)

CHANGE = """'id', c.id, 'seq', c.seq, 'kind', c.kind, 'reason', c.reason, 'mem0_id', c.mem0_id,
               'edge_uuid', c.edge_uuid, 'episode_uuid', c.episode_uuid, 'kept_id', c.kept_id,
               'text_hash', encode(c.text_hash, 'hex'), 'turn_ids', c.turn_ids,
               'details', c.details, 'state', c.state"""
"""A change `c` as arguments of `json_build_object`."""

READ = as_caller(
    f"""
, run as (
    select {_RUN}
      from runs r
      join caller c on c.account_id = r.account_id and c.allowed
     where r.id = :run_id
), changed as (
    select coalesce(json_agg(json_build_object({CHANGE}) order by c.seq), '[]'::json) as rows
      from changes c join run on run.id = c.run_id
)
select standing.live, standing.allowed, caller.account_id, caller.zep_user_uuid,
       caller.zep_graph_uuid, run.*, changed.rows as changes
  from standing
  left join caller on true
  left join run on true
 cross join changed
"""
)
