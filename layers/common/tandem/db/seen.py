"""What a run of consolidation saw when there was nothing to do, so that the next can stop early."""

from typing import Final

from tandem.db.connection import Database
from tandem.ids import AccountId

_READ: Final = "select t.seen from tidying t where t.account_id = :account_id"
_REMEMBER: Final = "update tidying set seen = :seen where account_id = :account_id"


class SeenPictures:
    """Reads and writes what was seen. Every method is one round trip and raises `Unavailable` when
    the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen(self, account_id: AccountId) -> bytes | None:
        """The hash that was remembered last, if there is one."""
        rows = await self._database.rows(_READ, repeatable=True, account_id=account_id)
        return bytes(rows[0]["seen"]) if rows and rows[0]["seen"] is not None else None

    async def remember(self, account_id: AccountId, seen: bytes) -> None:
        """Replaces the hash."""
        await self._database.rows(_REMEMBER, repeatable=True, account_id=account_id, seen=seen)
