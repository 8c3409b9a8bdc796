"""What the journal has done to one memory or fact, and what it is linked with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tandem.changes.model import ChangeKind, RunId
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database
from tandem.ids import Mem0Id, ZepUuid
from tandem.principal import Principal

_READ = as_caller("""
, pairs as (
    select l.mem0_id, l.edge_uuid
      from links l
      join caller c on c.account_id = l.account_id and c.allowed
     where l.mem0_id = cast(:mem0_id as text) or l.edge_uuid = cast(:edge_uuid as uuid)
), changed as (
    select g.id, g.run_id, g.kind, g.reason, g.finished_at
      from changes g
      join caller c on c.account_id = g.account_id and c.allowed
     where (g.mem0_id = cast(:mem0_id as text) or g.edge_uuid = cast(:edge_uuid as uuid))
       and g.state = 'confirmed'
     order by g.finished_at desc, g.seq desc
     limit :most
)
select standing.live, standing.allowed, caller.account_id, caller.zep_graph_uuid,
       (select coalesce(jsonb_agg(jsonb_build_array(mem0_id, edge_uuid)
                                  order by mem0_id, edge_uuid), '[]'::jsonb)
          from pairs) as pairs,
       (select coalesce(jsonb_agg(jsonb_build_object('run_id', run_id, 'kind', kind,
                   'reason', reason, 'at', finished_at) order by finished_at), '[]'::jsonb)
          from changed) as changes,
       (select coalesce(jsonb_agg(jsonb_build_array(encode(x.statement_hash, 'hex'),
                                                    x.forgotten_at)), '[]'::jsonb)
          from tombstones x join caller c on c.account_id = x.account_id and c.allowed)
           as forgotten
  from standing
  left join caller on true
""")
_MOST_CHANGES = 500


@dataclass(frozen=True, slots=True)
class Journalled:
    """One change of it that was carried out."""

    at: datetime
    run_id: RunId
    kind: ChangeKind
    reason: str


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """What the ledger knows of an item. Changes are the newest 500, oldest first.

    Attributes:
        memories, facts: what it is linked with.
        forgotten: keyed hashes of the statements that the person wants forgotten, and when each
            was forgotten last.
    """

    zep_graph_uuid: ZepUuid | None
    memories: Sequence[Mem0Id]
    facts: Sequence[ZepUuid]
    changes: Sequence[Journalled]
    forgotten: Mapping[bytes, datetime] = field(default_factory=dict)


class ItemHistories:
    """Reads what was done to an item. One round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(
        self,
        principal: Principal,
        *,
        mem0_id: Mem0Id | None = None,
        edge_uuid: ZepUuid | None = None,
    ) -> ItemHistory:
        """What was done to a memory or a fact of the caller's; somebody else's has no history.

        Raises:
            Unauthenticated: the login has ended.
            Unavailable: the database is away.
        """
        row = await self._database.row(
            _READ,
            repeatable=True,
            **identity(principal),
            mem0_id=mem0_id,
            edge_uuid=edge_uuid,
            most=_MOST_CHANGES,
        )
        admit(row)
        pairs: list[list[Any]] = row["pairs"]
        return ItemHistory(
            zep_graph_uuid=row["zep_graph_uuid"],
            memories=[Mem0Id(memory) for memory, _ in pairs],
            facts=[ZepUuid(UUID(fact)) for _, fact in pairs],
            changes=[
                Journalled(
                    at=datetime.fromisoformat(one["at"]),
                    run_id=RunId(UUID(one["run_id"])),
                    kind=one["kind"],
                    reason=one["reason"],
                )
                for one in row["changes"]
            ],
            forgotten=_forgotten(row["forgotten"]),
        )


def _forgotten(rows: list[list[str]]) -> dict[bytes, datetime]:
    """Of a statement that was forgotten more than once, the last time."""
    times = sorted((datetime.fromisoformat(at), bytes.fromhex(name)) for name, at in rows)
    return {name: at for at, name in times}
