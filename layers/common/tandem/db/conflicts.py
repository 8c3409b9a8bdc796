"""Conflicts: two statements that can't both hold, kept until the person says which does."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from tandem.changes.model import RunId
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.db.people import Subject, subject_of
from tandem.errors import Conflict as AlreadyDone
from tandem.errors import NotFound
from tandem.ids import AccountId, TurnId
from tandem.principal import Principal

Keep = Literal["left", "right", "both", "neither"]
ConflictState = Literal["open", "resolved", "gone"]
Pair = tuple[str, str, bytes, bytes]
"""As a `ConflictPair`: both ids, the smaller first, and both hashes."""

_COLUMNS = """x.id, x.left_id, x.right_id, x.left_hash, x.right_hash, x.found_at, x.asked_turn,
       x.state, x.kept, x.resolved_at"""

# What is reported again after it had gone is open again; what the person has settled stays so.
_REPORT = """
with given as (
    select distinct g.left_id, g.right_id, decode(g.left_hash, 'hex') as left_hash,
           decode(g.right_hash, 'hex') as right_hash
      from unnest(cast(:left_ids as text[]), cast(:right_ids as text[]),
                  cast(:left_hashes as text[]), cast(:right_hashes as text[]))
           as g (left_id, right_id, left_hash, right_hash)
), moot as (
    update conflicts x set state = 'gone'
      from unnest(cast(:gone_left as text[]), cast(:gone_right as text[]),
                  cast(:gone_left_hashes as text[]), cast(:gone_right_hashes as text[]))
           as g (left_id, right_id, left_hash, right_hash)
     where x.account_id = :account_id and x.state = 'open'
       and (x.left_id, x.right_id, x.left_hash, x.right_hash)
         = (g.left_id, g.right_id, decode(g.left_hash, 'hex'), decode(g.right_hash, 'hex'))
       and not exists (select from given n
                        where (n.left_id, n.right_id, n.left_hash, n.right_hash)
                            = (x.left_id, x.right_id, x.left_hash, x.right_hash))
 returning x.id
), reported as (
    insert into conflicts as x (id, account_id, left_id, right_id, left_hash, right_hash, run_id)
    select gen_random_uuid(), cast(:account_id as uuid), g.left_id, g.right_id, g.left_hash,
           g.right_hash, cast(:run_id as uuid)
      from given g
     order by g.left_id, g.right_id
    on conflict (account_id, left_id, right_id, left_hash, right_hash) do update
       set state = 'open', asked_turn = null, run_id = excluded.run_id, found_at = now()
     where x.state = 'gone'
 returning x.id
)
select count(*) as opened from reported
"""

_KNOWN = """
select coalesce(json_agg(json_build_array(x.left_id, x.right_id, encode(x.left_hash, 'hex'),
                                          encode(x.right_hash, 'hex'), x.state)
                         order by x.found_at, x.id), '[]'::json) as rows
  from conflicts x
 where x.account_id = :account_id
"""

_OPEN = f"""
select {_COLUMNS}
  from conflicts x
 where x.account_id = :account_id and x.state = 'open'
 order by x.found_at, x.id
"""

_LIST = as_caller(
    f"""
, page as (
    select {_COLUMNS}
      from conflicts x
      join caller c on c.account_id = x.account_id and c.allowed
     where x.state = coalesce(cast(:state as text), x.state)
       and (x.found_at, x.id) < (coalesce(cast(:before_time as timestamptz), 'infinity'),
                                 coalesce(cast(:before_id as uuid),
                                          'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by x.found_at desc, x.id desc
     limit :fetch
)
select standing.live, standing.allowed, caller.account_id, caller.zep_user_uuid,
       caller.zep_graph_uuid, page.*
  from standing left join caller on true left join page on true
 order by page.found_at desc, page.id desc
"""
)

# Settled the same way once more it is as it was. That both may stand is the person's decision about
# the pair; of what they gave up there is nothing left to decide about.
_RESOLVE = f"""
with resolved as (
    update conflicts x
       set state = 'resolved', kept = :keep, resolved_at = coalesce(x.resolved_at, now())
     where x.id = :conflict_id and x.account_id = :account_id
       and (x.state = 'open' or (x.state = 'resolved' and x.kept = :keep))
 returning {_COLUMNS}, x.account_id, x.run_id
), decided as (
    insert into decisions (account_id, left_id, right_id, left_hash, right_hash, relation,
                           decided_by)
    select r.account_id, r.left_id, r.right_id, r.left_hash, r.right_hash, 'distinct', 'person'
      from resolved r
     where :keep = 'both'
    on conflict (account_id, left_id, right_id) do update
       set left_hash = excluded.left_hash, right_hash = excluded.right_hash,
           relation = excluded.relation, decided_by = excluded.decided_by, decided_at = now()
)
select {_COLUMNS}, true as changed from resolved x
 union all
select {_COLUMNS}, false
  from conflicts x
 where x.id = :conflict_id and x.account_id = :account_id
   and not exists (select from resolved)
"""


class ConflictPair(NamedTuple):
    """Two statements that contradict each other: recalled items, the smaller id first, and how
    each reads (`statement_hash`)."""

    left_id: str
    right_id: str
    left_hash: bytes
    right_hash: bytes


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """A conflict, open or not. Times are aware UTC.

    Attributes:
        asked_turn: the turn in which the person was asked, once.
        kept: of a resolved one, what the person has said.
    """

    id: UUID
    pair: ConflictPair
    found_at: datetime
    asked_turn: TurnId | None
    state: ConflictState
    kept: Keep | None
    resolved_at: datetime | None


class ListedConflicts(NamedTuple):
    """Some conflicts, newest first, and whose they are."""

    items: Sequence[OpenConflict]
    subject: Subject


class Conflicts:
    """Reads and writes conflicts. Every method is one round trip and raises `Unavailable` when
    the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(
        self,
        account_id: AccountId,
        run_id: RunId | None,
        pairs: Collection[Pair],
        *,
        gone: Collection[Pair] = (),
    ) -> int:
        """Opens a conflict for each pair that has none in these words; how many are open that
        were not before.

        Args:
            pairs: each as a `ConflictPair`.
            gone: what is a conflict no longer; those still open have become moot.
        """
        row = await self._database.row(
            _REPORT,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            left_ids=[left for left, _, _, _ in pairs],
            right_ids=[right for _, right, _, _ in pairs],
            left_hashes=[left_hash.hex() for _, _, left_hash, _ in pairs],
            right_hashes=[right_hash.hex() for _, _, _, right_hash in pairs],
            gone_left=[left for left, _, _, _ in gone],
            gone_right=[right for _, right, _, _ in gone],
            gone_left_hashes=[left_hash.hex() for _, _, left_hash, _ in gone],
            gone_right_hashes=[right_hash.hex() for _, _, _, right_hash in gone],
        )
        return int(row["opened"])

    async def known(self, account_id: AccountId) -> dict[ConflictPair, ConflictState]:
        """Every conflict that was ever reported, in the order in which they were found."""
        row = await self._database.row(_KNOWN, repeatable=True, account_id=account_id)
        return {
            ConflictPair(left, right, bytes.fromhex(left_hash), bytes.fromhex(right_hash)): state
            for left, right, left_hash, right_hash, state in row["rows"]
        }

    async def open(self, account_id: AccountId) -> list[OpenConflict]:
        """A person's open conflicts, oldest first."""
        rows = await self._database.rows(_OPEN, repeatable=True, account_id=account_id)
        return [_conflict(row) for row in rows]

    async def list(
        self,
        principal: Principal,
        *,
        limit: int,
        state: ConflictState | None = "open",
        before: tuple[datetime, UUID] | None = None,
        user_id: str | None = None,
    ) -> ListedConflicts:
        """The caller's conflicts, newest first.

        Args:
            limit: at most so many; ask for one more than is shown to know whether there are more.
            state: None for all.
            before: `found_at` and `id` of the last one that was seen.
            user_id: the label that the request names, if any.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
        """
        before_time, before_id = before or (None, None)
        rows = await self._database.rows(
            _LIST,
            repeatable=True,
            **identity(principal, user_id),
            state=state,
            before_time=before_time,
            before_id=before_id,
            fetch=limit,
        )
        admit(rows[0])
        items = [_conflict(row) for row in rows if row["id"] is not None]
        return ListedConflicts(items, subject_of(rows[0]))

    async def resolve(
        self, account_id: AccountId, conflict_id: UUID, *, keep: Keep
    ) -> OpenConflict:
        """Records what the person has said. What they gave up is hidden and ended by a run of its
        own (`settle`), which comes first or is resumed: a conflict can be resolved twice the same
        way.

        Raises:
            NotFound: `conflict_not_found`.
            Conflict: `conflict_resolved`, it was settled otherwise, or is none any more.
        """
        rows = await self._database.rows(
            _RESOLVE, repeatable=True, account_id=account_id, conflict_id=conflict_id, keep=keep
        )
        if not rows:
            raise _not_found()
        if not rows[0]["changed"]:
            raise AlreadyDone("This conflict is settled already.", code="conflict_resolved")
        return _conflict(rows[0])


def _not_found() -> NotFound:
    return NotFound("There is no such conflict.", code="conflict_not_found")


def _conflict(row: Row) -> OpenConflict:
    return OpenConflict(
        id=row["id"],
        pair=ConflictPair(
            row["left_id"], row["right_id"], bytes(row["left_hash"]), bytes(row["right_hash"])
        ),
        found_at=row["found_at"],
        asked_turn=row["asked_turn"],
        state=row["state"],
        kept=row["kept"],
        resolved_at=row["resolved_at"],
    )
