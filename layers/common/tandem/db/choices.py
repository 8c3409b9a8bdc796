"""Choices between two statements that were stored and not carried out to the end."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tandem.changes.model import RunId
from tandem.db.conflicts import Keep
from tandem.db.connection import Database
from tandem.ids import AccountId

_MADE = """
select x.id, x.kept, x.resolved_at,
       (select coalesce(array_agg(r.id), '{}') from runs r
         where r.account_id = :account_id and r.kind = 'settle' and r.state <> 'running') as over
  from conflicts x
 where x.account_id = :account_id and x.state = 'resolved' and x.kept <> 'both'
   and x.resolved_at < now() - interval '1 minute'
 order by x.resolved_at, x.id
"""


class Choice(NamedTuple):
    """What a person has said of a conflict, and when (aware UTC)."""

    conflict_id: UUID
    keep: Keep
    resolved_at: datetime


class Choices(NamedTuple):
    """Choices that change something, oldest first, and the runs of such that have ended."""

    made: list[Choice]
    over: frozenset[RunId]


class MadeChoices:
    """Finds them. One round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, account_id: AccountId) -> Choices:
        """A person's, but for those that somebody may be at work on.

        Raises:
            Unavailable: the database is away.
        """
        rows = await self._database.rows(_MADE, repeatable=True, account_id=account_id)
        over = frozenset(RunId(run) for run in rows[0]["over"]) if rows else frozenset[RunId]()
        return Choices([Choice(row["id"], row["kept"], row["resolved_at"]) for row in rows], over)
