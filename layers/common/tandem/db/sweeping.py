"""What the sweep looks for and clears away."""

from tandem.db import delivery_statements as statements
from tandem.db.backlog import Backlog, read_backlog
from tandem.db.connection import Database
from tandem.ids import SessionRowId

_ROWS = 500


class Sweeping:
    """The sweep's statements; each takes a bounded bite, the next run takes the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions_with_work(
        self, *, patience_seconds: float, abandoned_seconds: float
    ) -> list[SessionRowId]:
        """Sessions with something unfinished for longer than that and nobody at work on it, or
        with a turn that nobody has answered for so long."""
        rows = await self._database.rows(
            statements.WORK_LEFT,
            repeatable=True,
            patience_seconds=patience_seconds,
            abandoned_seconds=abandoned_seconds,
            rows=_ROWS,
        )
        return [SessionRowId(row["session_row"]) for row in rows]

    async def backlog(self, *, abandoned_seconds: float) -> Backlog:
        """How much is waiting, and for how long; turns wait when they are open for so long."""
        return await read_backlog(self._database, abandoned_seconds=abandoned_seconds)

    async def wipe_text(self, *, days: int) -> int:
        """How many turns' text was wiped: those that both stores ingested so many days ago."""
        return len(await self._database.rows(statements.WIPE, days=days, rows=_ROWS))

    async def forget_expired(self) -> None:
        """Drops idempotency keys, counts of failed logins, and logins that ended a week ago."""
        for statement in (
            statements.FORGET_KEYS,
            statements.FORGET_FAILURES,
            statements.FORGET_LOGINS,
        ):
            await self._database.rows(statement, repeatable=True)
