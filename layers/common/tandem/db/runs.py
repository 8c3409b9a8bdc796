"""Runs: who changes somebody's memory now, how far that has come, and what has been done before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from tandem.changes.model import Change, Phase, RunId, RunKind, RunState, StartedBy
from tandem.db import run_statements as statements
from tandem.db.caller import admit, identity
from tandem.db.change_rows import parse_changes
from tandem.db.connection import Database, Row
from tandem.db.people import Subject, subject_of
from tandem.errors import NotFound
from tandem.ids import AccountId, TurnId
from tandem.principal import Principal

LEASE_SECONDS: Final = 60.0
"""How long a person's memory stays reserved for a run that gives no more sign of life."""


class OtherRun(NamedTuple):
    """A run that needs the lease and was left unfinished; `undoes` is the run that an undo takes
    back."""

    id: RunId
    kind: RunKind
    undoes: RunId | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A run that may work now.

    Attributes:
        resumed: it was begun before, by somebody who didn't get to its end; what is unfinished
            comes first.
        state: `running`; of a run for a turn, which can be started twice, also how it has ended.
        read_before: by the database's clock; everything that is read from now on has seen what
            was said and delivered before this. Goes back to `Changes.begin` and `finish` as
            `read_at`.
        others: unfinished runs of other kinds that need the lease, oldest first.
        counts: what a resumed run has noted so far.
    """

    run_id: RunId
    resumed: bool
    phase: Phase
    read_before: datetime
    state: RunState = "running"
    others: Sequence[OtherRun] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as its owner sees it. Times are aware UTC."""

    id: RunId
    kind: RunKind
    started_by: StartedBy
    state: RunState
    phase: Phase
    undoes: RunId | None
    counts: Mapping[str, int]
    started_at: datetime
    finished_at: datetime | None


class RunWithChanges(NamedTuple):
    """One run, what it has changed or means to, in order, and whose it is."""

    run: RunRow
    changes: Sequence[Change]
    subject: Subject


class Runs:
    """Reads and writes runs and the lease of a person's memory. Every method is one round trip
    and raises `Unavailable` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(  # noqa: PLR0913 - a run, and the lease it works under
        self,
        account_id: AccountId,
        *,
        run_id: RunId,
        kind: RunKind,
        started_by: StartedBy,
        owner: UUID,
        lease_seconds: float = LEASE_SECONDS,
        undoes: RunId | None = None,
        turn_id: TurnId | None = None,
    ) -> Started | None:
        """The run that may work on this person's memory now, under a lease; None while somebody
        else holds it.

        An unfinished run of the same kind (for `undo`: of the same run) is resumed.

        Args:
            run_id: proposed here, so that the statement may be sent again.
            owner: who asks; the same owner may start again, which reads the clock anew.
            lease_seconds: from now; every `begin` prolongs it.
        """
        rows = await self._database.rows(
            statements.START,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            kind=kind,
            started_by=started_by,
            owner=owner,
            lease_seconds=lease_seconds,
            undoes=undoes,
            turn_id=turn_id,
        )
        return _started(rows[0]) if rows else None

    async def start_unleased(
        self,
        account_id: AccountId,
        *,
        run_id: RunId,
        kind: RunKind,
        started_by: StartedBy,
        undoes: RunId | None = None,
        turn_id: TurnId | None = None,
    ) -> Started:
        """A run of a kind that needs no lease: what the person has just asked for.

        Args:
            turn_id: whose effect it is. A turn has one run of a kind: asked again, that one comes
                back (`resumed`), in whichever `state`.
        """
        row = await self._database.row(
            statements.START_ALONE if turn_id is None else statements.START_FOR_TURN,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            kind=kind,
            started_by=started_by,
            undoes=undoes,
            turn_id=turn_id,
        )
        return _started(row)

    async def current(self, account_id: AccountId) -> RunId | None:
        """The newest unfinished run that needs the lease, worked on or left behind."""
        rows = await self._database.rows(statements.CURRENT, repeatable=True, account_id=account_id)
        return RunId(rows[0]["id"]) if rows else None

    async def prolong(
        self, account_id: AccountId, owner: UUID, lease_seconds: float = LEASE_SECONDS
    ) -> bool:
        """The lease lasts its whole time again, from now; False when it is somebody else's."""
        row = await self._database.row(
            statements.PROLONG,
            repeatable=True,
            account_id=account_id,
            owner=owner,
            lease_seconds=lease_seconds,
        )
        return bool(row["held"])

    async def read_again(
        self, account_id: AccountId, owner: UUID, lease_seconds: float = LEASE_SECONDS
    ) -> datetime | None:
        """`read_before` of a picture that is read now, in place of a stale one; the lease is
        prolonged. None when it is somebody else's."""
        rows = await self._database.rows(
            statements.READ_AGAIN,
            repeatable=True,
            account_id=account_id,
            owner=owner,
            lease_seconds=lease_seconds,
        )
        return rows[0]["read_before"] if rows else None

    async def note(self, run_id: RunId, *, phase: Phase, counts: Mapping[str, int]) -> None:
        """Remembers how far a run has come; counts that are not named stay as they are."""
        await self._database.rows(
            statements.NOTE,
            repeatable=True,
            run_id=run_id,
            phase=phase,
            counts=json.dumps(dict(counts)),
        )

    async def finish(
        self,
        account_id: AccountId,
        run_id: RunId,
        *,
        owner: UUID | None,
        state: RunState,
        counts: Mapping[str, int],
        read_at: datetime | None,
    ) -> None:
        """Ends a run and gives its lease back. An undo that is done makes its run `undone`.

        A run whose lease is somebody else's by now is left to them.

        Args:
            owner: of the lease; None for a run without.
            read_at: `read_before` of the picture that was acted on: the person's memory counts as
                tidied up to then. None when nothing was read.
        """
        await self._database.rows(
            statements.FINISH,
            repeatable=True,
            account_id=account_id,
            run_id=run_id,
            owner=owner,
            state=state,
            counts=json.dumps(dict(counts)),
            read_at=read_at,
        )

    async def release(self, account_id: AccountId, owner: UUID) -> None:
        """Gives the lease back and leaves the run to be resumed."""
        await self._database.rows(
            statements.RELEASE, repeatable=True, account_id=account_id, owner=owner
        )

    async def list(
        self,
        principal: Principal,
        *,
        limit: int,
        before: tuple[datetime, UUID] | None = None,
        user_id: str | None = None,
    ) -> list[RunRow]:
        """The caller's runs of consolidation, their undoing and settling, newest first.

        Args:
            limit: at most so many; ask for one more than is shown to know whether there are more.
            before: `started_at` and `id` of the last one that was seen.
            user_id: the label that the request names, if any.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
        """
        before_time, before_id = before or (None, None)
        rows = await self._database.rows(
            statements.LIST,
            repeatable=True,
            **identity(principal, user_id),
            before_time=before_time,
            before_id=before_id,
            fetch=limit,
        )
        admit(rows[0])
        return [_run(row) for row in rows if row["id"] is not None]

    async def read(
        self, principal: Principal, run_id: RunId, *, user_id: str | None = None
    ) -> RunWithChanges:
        """One of the caller's runs, with its change set.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
            NotFound: `run_not_found`, also when it is somebody else's.
        """
        row = await self._database.row(
            statements.READ, repeatable=True, **identity(principal, user_id), run_id=run_id
        )
        admit(row)
        if row["id"] is None:
            raise NotFound("There is no such run.", code="run_not_found")
        return RunWithChanges(_run(row), parse_changes(row["changes"]), subject_of(row))


def _started(row: Row) -> Started:
    return Started(
        run_id=RunId(row["id"]),
        resumed=row["was_there"],
        phase=row["phase"],
        read_before=row["read_before"],
        state=row["state"],
        others=[_other(*other) for other in row["others"]],
        counts=row["counts"],
    )


def _other(run_id: str, kind: RunKind, undoes: str | None) -> OtherRun:
    return OtherRun(RunId(UUID(run_id)), kind, None if undoes is None else RunId(UUID(undoes)))


def _run(row: Row) -> RunRow:
    undoes: Any = row["undoes"]
    return RunRow(
        id=RunId(row["id"]),
        kind=row["kind"],
        started_by=row["started_by"],
        state=row["state"],
        phase=row["phase"],
        undoes=None if undoes is None else RunId(undoes),
        counts=row["counts"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
