"""Which memories and facts say the same, as far as that was found before."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from tandem.db.connection import Database, Row
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.merge import Link

_MEMORY: Final = "mem_"
_FACT: Final = "fact_"

_ALL = """
select l.mem0_id, l.edge_uuid, l.statement_hash
  from links l
 where l.account_id = :account_id
 order by l.mem0_id, l.edge_uuid
"""

# Two steps from what is named: to its links, and to the other links of what these lead to.
_AROUND = """
with near as (
    select l.mem0_id, l.edge_uuid
      from links l
     where l.account_id = :account_id
       and (l.mem0_id = any(cast(:mem0_ids as text[]))
            or l.edge_uuid = any(cast(:edge_uuids as uuid[])))
)
select l.mem0_id, l.edge_uuid, l.statement_hash, l.fact_hash
  from links l
 where l.account_id = :account_id
   and (l.mem0_id in (select mem0_id from near) or l.edge_uuid in (select edge_uuid from near))
 order by l.mem0_id, l.edge_uuid
"""


class Links:
    """Reads links. Every method is one round trip and raises `Unavailable` when the database is
    away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, account_id: AccountId) -> list[Link]:
        """Every link of a person, with the hash of the words for which it was made."""
        rows = await self._database.rows(_ALL, repeatable=True, account_id=account_id)
        return [Link(*_ids(row), bytes(row["statement_hash"])) for row in rows]

    async def around(self, account_id: AccountId, item_ids: Collection[str]) -> list[Link]:
        """Links of these memories and facts, and those of what is linked to them. Whether both
        ends still read as then is for the caller to tell.

        Args:
            item_ids: `mem_…` and `fact_…`.
        """
        rows = await self._database.rows(
            _AROUND,
            repeatable=True,
            account_id=account_id,
            mem0_ids=[name.removeprefix(_MEMORY) for name in item_ids if name.startswith(_MEMORY)],
            edge_uuids=[name.removeprefix(_FACT) for name in item_ids if name.startswith(_FACT)],
        )
        return [
            Link(*_ids(row), bytes(row["statement_hash"]), _bytes(row["fact_hash"])) for row in rows
        ]


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


def _ids(row: Row) -> tuple[Mem0Id, ZepUuid]:
    return Mem0Id(row["mem0_id"]), ZepUuid(UUID(str(row["edge_uuid"])))
