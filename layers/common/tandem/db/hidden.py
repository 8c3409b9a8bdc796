"""Which memories are hidden, by which run and in whose favour; and which have been for so long
that they may be deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tandem.changes.model import ChangeId, RunId
from tandem.db.connection import Database
from tandem.ids import AccountId, Mem0Id

_HIDDEN = """
select h.mem0_id, h.run_id, h.change_id, h.reason, h.kept_id, h.text_hash, h.said_at, h.listed,
       h.hidden_at, h.purging_at is not null as purged
  from hidden_memories h
 where h.account_id = :account_id
 order by h.mem0_id
"""

_TO_PURGE = """
select h.account_id, h.mem0_id, h.run_id, h.hidden_at, h.text_hash, h.listed
  from hidden_memories h
 where h.purged_at is null and h.hidden_at < now() - make_interval(days => :days)
   and (cast(:account_id as uuid) is null or h.account_id = cast(:account_id as uuid))
 order by h.hidden_at
 limit :rows
"""

# Hidden again meanwhile, it has its time before it again; what is being shown stays.
_PURGING = """
update hidden_memories h set purging_at = coalesce(h.purging_at, now())
 where h.account_id = :account_id and h.mem0_id = :mem0_id and h.hidden_at = :hidden_at
   and h.purged_at is null
   and not exists (select from changes c
                    where c.account_id = h.account_id and c.mem0_id = h.mem0_id
                      and c.kind = 'show' and c.state = 'sent')
returning h.mem0_id
"""

_IN_SIGHT = """
delete from hidden_memories h
 where h.account_id = :account_id and h.mem0_id = :mem0_id and h.hidden_at = :hidden_at
   and h.purged_at is null
"""

_PURGED = """
with purged as (
    update hidden_memories h set purged_at = now()
     where h.account_id = :account_id and h.mem0_id = :mem0_id and h.hidden_at = :hidden_at
       and h.purging_at is not null and h.purged_at is null
 returning h.account_id, h.mem0_id
), rested as (
    delete from sources s using purged p
     where s.account_id = p.account_id and s.provider_id = p.mem0_id
), linked as (
    delete from links l using purged p
     where l.account_id = p.account_id and l.mem0_id = p.mem0_id
)
select exists (select from purged) as purged
"""


@dataclass(frozen=True, slots=True)
class HiddenMemory:
    """A memory that is out of sight, and why.

    Attributes:
        reason: equal, same, update or resolved.
        kept_id: the item that is shown in its place, if any.
        text_hash: `statement_hash` of its text when it was hidden.
        said_at: when it was last said (aware UTC), None if nobody knows.
        listed: Mem0 goes on listing it, so that readers have to leave it out themselves.
        purged: it is gone from Mem0, or about to go, and can't be shown again.
    """

    mem0_id: Mem0Id
    run_id: RunId
    change_id: ChangeId
    reason: str
    kept_id: str | None
    text_hash: bytes
    said_at: datetime | None
    listed: bool
    hidden_at: datetime
    purged: bool


class Purgeable(NamedTuple):
    """A memory that has been hidden for long enough."""

    account_id: AccountId
    mem0_id: Mem0Id
    run_id: RunId
    hidden_at: datetime
    text_hash: bytes
    listed: bool


class HiddenMemories:
    """Reads what is hidden. Every method is one round trip and raises `Unavailable` when the
    database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hidden(self, account_id: AccountId) -> list[HiddenMemory]:
        """Everything of a person's that is hidden, by id."""
        rows = await self._database.rows(_HIDDEN, repeatable=True, account_id=account_id)
        return [HiddenMemory(**{**row, "text_hash": bytes(row["text_hash"])}) for row in rows]

    async def to_purge(
        self, older_than_days: int, limit: int, *, account_id: AccountId | None = None
    ) -> list[Purgeable]:
        """What has been hidden for longer than that, of one person or of all, the longest first."""
        rows = await self._database.rows(
            _TO_PURGE, repeatable=True, days=older_than_days, rows=limit, account_id=account_id
        )
        return [Purgeable(**{**row, "text_hash": bytes(row["text_hash"])}) for row in rows]

    async def purging(self, memory: Purgeable) -> bool:
        """Whether the memory may be deleted in Mem0 now; from here on it can't be shown again.

        Returns:
            False when it isn't hidden any more, or was hidden anew: leave it then.
        """
        return bool(await self._database.rows(_PURGING, repeatable=True, **_key(memory)))

    async def in_sight(self, memory: Purgeable) -> None:
        """Records that a memory isn't hidden any more: Mem0 shows it, or it reads otherwise."""
        await self._database.rows(_IN_SIGHT, repeatable=True, **_key(memory))

    async def purged(self, memory: Purgeable) -> None:
        """Records that Mem0 has a memory no more, and forgets where it came from."""
        await self._database.rows(_PURGED, repeatable=True, **_key(memory))


def _key(memory: Purgeable) -> dict[str, Any]:
    return {
        "account_id": memory.account_id,
        "mem0_id": memory.mem0_id,
        "hidden_at": memory.hidden_at,
    }
