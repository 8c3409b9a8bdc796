"""The journal of changes of memory: planned, marked before they are sent, confirmed with what
follows from them in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from tandem.changes.model import Change, ChangeId, RunId
from tandem.db import change_statements as statements
from tandem.db.change_rows import changes_json, parse_changes
from tandem.db.connection import Database, Row
from tandem.db.runs import LEASE_SECONDS
from tandem.ids import AccountId, Mem0Id

Begin = Literal["go", "stale", "lease_lost", "forgotten", "done"]


@dataclass(frozen=True, slots=True)
class Begun:
    """Whether a change may be sent.

    Attributes:
        answer: `go`: it is marked as sent and the lease prolonged. `stale`: what it rests on may
            have changed, so read and plan again. `forgotten`: what it is about is to be gone.
            `done`: somebody has seen to it.
        hidden: of a `show`, whether the memory is hidden by us at all.
        listed: of a `show`, that Mem0 goes on listing the memory, so there is nothing to send.
        put_back: of a `show`, what the memory's hiding has noted under `before`.
    """

    answer: Begin
    hidden: bool = False
    listed: bool = False
    put_back: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change that a store has carried out.

    Attributes:
        listed: Mem0 refused the past date, so the memory is hidden here alone.
        made_id: the memory that an `add` has made.
    """

    listed: bool = False
    made_id: Mem0Id | None = None


class Confirmed(NamedTuple):
    """`done`: this call confirmed it; False when it was confirmed or erased before.
    `forgotten`: it did not, because the fact that was copied is to be gone: delete the copy."""

    done: bool
    forgotten: bool = False


class Changes:
    """Reads and writes the journal. Every method is one round trip and raises `Unavailable` when
    the database is away."""

    def __init__(self, database: Database, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._lease_seconds = lease_seconds

    async def record(
        self,
        account_id: AccountId,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None = None,
    ) -> bool:
        """Plans changes of a running run; a place (`seq`) that is taken stays as it is.

        Planned deletions of memories and facts take with them what other runs have planned about
        the same, and not yet sent.

        Args:
            owner: who has to hold the lease for it; None for a run without.

        Returns:
            False when the run is over or the lease is somebody else's; nothing is planned then.
        """
        row = await self._database.row(
            statements.RECORD,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            owner=owner,
            changes=changes_json(changes),
        )
        return bool(row["running"])

    async def unfinished(self, run_id: RunId) -> list[Change]:
        """What is planned or sent, in order."""
        row = await self._database.row(statements.UNFINISHED, repeatable=True, run_id=run_id)
        return parse_changes(row["rows"])

    async def all(self, account_id: AccountId, run_id: RunId) -> list[Change]:
        """Everything that the run has planned, in order, with what has become of it."""
        row = await self._database.row(
            statements.ALL, repeatable=True, account_id=account_id, run_id=run_id
        )
        return parse_changes(row["rows"])

    async def replan(self, account_id: AccountId, run_id: RunId) -> int:
        """Forgets what is planned and not sent, for a fresh plan; the last `seq` that is taken.

        What was sent and isn't confirmed stays in `unfinished`: carry it out before reading again,
        because nobody can tell by looking at the stores alone whether it has happened.
        """
        row = await self._database.row(
            statements.REPLAN, repeatable=True, account_id=account_id, run_id=run_id
        )
        return int(row["last_seq"])

    async def begin(
        self,
        account_id: AccountId,
        run_id: RunId,
        change_id: ChangeId,
        *,
        owner: UUID | None,
        read_at: datetime | None,
        details: Mapping[str, Any] | None = None,
    ) -> Begun:
        """Marks a change as sent, right before it is, unless something speaks against it.

        Args:
            owner: of the lease, which is prolonged; None for a run without.
            read_at: `Started.read_before` of the picture that the change rests on; None when it
                rests on none.
            details: noted with the change unless it was marked before (`before`: what to put
                back).
        """
        row = await self._database.row(
            statements.BEGIN,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            change_id=change_id,
            owner=owner,
            lease_seconds=self._lease_seconds,
            read_at=read_at,
            details=json.dumps(dict(details or {})),
        )
        return Begun(
            answer=_answer(row),
            hidden=row["listed"] is not None,
            listed=bool(row["listed"]),
            put_back=row["put_back"] or {},
        )

    async def confirm(self, account_id: AccountId, change: Change, outcome: Outcome) -> Confirmed:
        """Records that a change has happened, together with all that follows from it: what is
        hidden, what is linked, whose sources were taken over or given back, what the person has
        decided by undoing, and that nothing more is known about what was deleted."""
        row = await self._database.row(
            statements.CONFIRM,
            repeatable=True,
            account_id=account_id,
            change_id=change.id,
            made_id=outcome.made_id,
            listed=outcome.listed,
        )
        return Confirmed(row["done"], row["forgotten"])

    async def skip(
        self,
        account_id: AccountId,
        change: Change,
        *,
        state: Literal["skipped", "refused"] = "skipped",
        why: str,
    ) -> None:
        """Records that a change won't happen.

        Args:
            why: a word for the journal: `gone`, `changed`, `held_already`, …
        """
        await self._database.rows(
            statements.SKIP,
            repeatable=True,
            account_id=account_id,
            change_id=change.id,
            state=state,
            why=why,
        )


def _answer(row: Row) -> Begin:
    if row["marked"]:
        return "go"
    if not row["held"]:
        return "lease_lost"
    if row["state"] in {"confirmed", "refused"}:
        return "done"
    if row["forgotten"] or row["state"] not in {"planned", "sent"}:
        return "forgotten"
    # Neither marked nor stale: it was taken away while the statement waited for it.
    return "stale" if row["stale"] else "forgotten"
