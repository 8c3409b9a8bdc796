"""Corrections that were begun and left unfinished."""

from typing import NamedTuple

from tandem.db.connection import Database
from tandem.ids import AccountId, TurnId

# In a chat the words of a correction stand with the answer of the turn that proposed it.
_LEFT = """
select r.turn_id, case t.kind when 'statement' then t.message
                              else t.answer ->> 'replacement' end as text
  from runs r
  join turns t on t.id = r.turn_id
 where r.account_id = :account_id and r.kind = 'correct' and r.state = 'running'
   and r.started_at < now() - interval '1 minute'
 order by r.started_at
"""


class LeftCorrection(NamedTuple):
    """The turn that corrects, and its words; None once they have left the ledger."""

    turn_id: TurnId
    text: str | None


class LeftCorrections:
    """Finds them. One round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, account_id: AccountId) -> list[LeftCorrection]:
        """A person's, oldest first, but for those that somebody may be at work on.

        Raises:
            Unavailable: the database is away.
        """
        rows = await self._database.rows(_LEFT, repeatable=True, account_id=account_id)
        return [LeftCorrection(TurnId(row["turn_id"]), row["text"]) for row in rows]
