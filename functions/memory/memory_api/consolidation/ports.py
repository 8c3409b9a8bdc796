"""What a run needs of the journal and of the way on which changes reach the stores."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tandem.changes.model import (
    Change,
    Phase,
    RunId,
    RunKind,
    RunState,
    StartedBy,
)
from tandem.changes.path import Carried
from tandem.db.conflicts import ConflictPair
from tandem.db.decisions import Decision
from tandem.db.people import Subject
from tandem.db.runs import Started
from tandem.deadline import Deadline
from tandem.ids import AccountId
from tandem.recall.gather import Person


class People(Protocol):
    """Who an account is."""

    async def find(self, account_id: AccountId) -> Subject | None: ...


class Runs(Protocol):
    """The table of runs."""

    async def start(  # noqa: PLR0913 - what a run is
        self,
        account_id: AccountId,
        *,
        run_id: RunId,
        kind: RunKind,
        started_by: StartedBy,
        owner: UUID,
        lease_seconds: float,
        undoes: RunId | None = None,
    ) -> Started | None: ...

    async def current(self, account_id: AccountId) -> RunId | None: ...

    async def read_again(
        self, account_id: AccountId, owner: UUID, lease_seconds: float
    ) -> datetime | None: ...

    async def prolong(self, account_id: AccountId, owner: UUID, lease_seconds: float) -> bool: ...

    async def note(self, run_id: RunId, *, phase: Phase, counts: Mapping[str, int]) -> None: ...

    async def finish(
        self,
        account_id: AccountId,
        run_id: RunId,
        *,
        owner: UUID | None,
        state: RunState,
        counts: Mapping[str, int],
        read_at: datetime | None,
    ) -> None: ...

    async def release(self, account_id: AccountId, owner: UUID) -> None: ...


class Changes(Protocol):
    """The table of changes."""

    async def record(
        self,
        account_id: AccountId,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None = ...,
    ) -> bool: ...

    async def unfinished(self, run_id: RunId) -> list[Change]: ...

    async def all(self, account_id: AccountId, run_id: RunId) -> list[Change]: ...

    async def replan(self, account_id: AccountId, run_id: RunId) -> int: ...


class Decisions(Protocol):
    """The table of decisions."""

    async def keep(
        self, account_id: AccountId, run_id: RunId | None, decisions: Sequence[Decision]
    ) -> int: ...


class Conflicts(Protocol):
    """The table of conflicts."""

    async def report(
        self,
        account_id: AccountId,
        run_id: RunId | None,
        pairs: Sequence[ConflictPair],
        *,
        gone: Sequence[ConflictPair],
    ) -> int: ...


class Path(Protocol):
    """The one way on which changes reach the stores."""

    async def carry_out(
        self,
        person: Person,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None,
        read_at: datetime | None,
        deadline: Deadline,
    ) -> Carried: ...
