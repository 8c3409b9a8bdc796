"""How a person's statements relate, as decided before: nobody pays twice for a decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tandem.changes.model import DecidedBy, Relation, RunId
from tandem.db.connection import Database
from tandem.ids import AccountId

_KNOWN = """
select coalesce(json_agg(json_build_array(d.left_id, d.right_id, encode(d.left_hash, 'hex'),
                                          encode(d.right_hash, 'hex'), d.relation, d.decided_by,
                                          d.decided_at)
                         order by d.left_id, d.right_id), '[]'::json) as rows
  from decisions d
 where d.account_id = :account_id
"""

# What the person has decided stays decided for as long as neither text changes. Rows are written
# in one order, so that two of these statements never wait for each other in a ring.
_KEEP = """
with given as (
    select distinct on (g.left_id, g.right_id) g.left_id, g.right_id,
           decode(g.left_hash, 'hex') as left_hash, decode(g.right_hash, 'hex') as right_hash,
           g.relation, g.decided_by
      from unnest(cast(:left_ids as text[]), cast(:right_ids as text[]),
                  cast(:left_hashes as text[]), cast(:right_hashes as text[]),
                  cast(:relations as text[]), cast(:decided_by as text[]))
           with ordinality as g (left_id, right_id, left_hash, right_hash, relation, decided_by,
                                 place)
     order by g.left_id, g.right_id, g.place desc
), kept as (
    insert into decisions as d (account_id, left_id, right_id, left_hash, right_hash, relation,
                                decided_by, run_id)
    select cast(:account_id as uuid), g.left_id, g.right_id, g.left_hash, g.right_hash,
           g.relation, g.decided_by, cast(:run_id as uuid)
      from given g
     order by g.left_id, g.right_id
    on conflict (account_id, left_id, right_id) do update
       set left_hash = excluded.left_hash, right_hash = excluded.right_hash,
           relation = excluded.relation, decided_by = excluded.decided_by,
           run_id = excluded.run_id, decided_at = now()
     where (d.left_hash, d.right_hash, d.relation, d.decided_by)
           <> (excluded.left_hash, excluded.right_hash, excluded.relation, excluded.decided_by)
       and (d.decided_by <> 'person' or excluded.decided_by = 'person'
            or (d.left_hash, d.right_hash) <> (excluded.left_hash, excluded.right_hash))
 returning d.left_id
)
select count(*) as written from kept
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """How two statements relate for as long as both read as they did.

    Attributes:
        left_id, right_id: recalled items, the smaller id first. `right_id` is '' for a decision of
            the person about one alone: it is left as it is.
        left_hash, right_hash: `statement_hash` of each.
        decided_at: aware UTC; None before it is kept.
    """

    left_id: str
    right_id: str
    left_hash: bytes
    right_hash: bytes
    relation: Relation
    decided_by: DecidedBy
    decided_at: datetime | None = None


class Decisions:
    """Reads and writes decisions. Every method is one round trip and raises `Unavailable` when
    the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, account_id: AccountId) -> list[Decision]:
        """All decisions about a person's statements, by their ids. Whether they still hold, the
        hashes say."""
        row = await self._database.row(_KNOWN, repeatable=True, account_id=account_id)
        return [
            Decision(
                left,
                right,
                bytes.fromhex(left_hash),
                bytes.fromhex(right_hash),
                relation,
                decided_by,
                datetime.fromisoformat(decided_at),
            )
            for left, right, left_hash, right_hash, relation, decided_by, decided_at in row["rows"]
        ]

    async def keep(
        self, account_id: AccountId, run_id: RunId | None, decisions: Sequence[Decision]
    ) -> int:
        """Remembers decisions; how many of them are news.

        What the person has decided gives way to the person alone, unless a text has changed. Of
        several decisions about one pair the last counts.

        Args:
            run_id: in which they were made.
            decisions: a few thousand at once at most.
        """
        row = await self._database.row(
            _KEEP,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            left_ids=[each.left_id for each in decisions],
            right_ids=[each.right_id for each in decisions],
            left_hashes=[each.left_hash.hex() for each in decisions],
            right_hashes=[each.right_hash.hex() for each in decisions],
            relations=[each.relation for each in decisions],
            decided_by=[each.decided_by for each in decisions],
        )
        return int(row["written"])
