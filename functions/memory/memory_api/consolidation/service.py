"""The rules of the endpoints: who may, how long they wait, and what goes on without them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

from memory_api.consolidation.disputes import Dispute, Disputes
from memory_api.consolidation.run import Consolidation, RunResult
from memory_api.consolidation.undo import Undoing
from tandem import observability
from tandem.changes.model import RunId
from tandem.changes.settling import Settled, Settling
from tandem.cursors import Cursor, Moment, read_cursor, write_cursor
from tandem.db.conflicts import Keep, ListedConflicts
from tandem.db.people import Subject
from tandem.db.runs import RunRow, RunWithChanges
from tandem.deadline import Deadline
from tandem.ids import AccountId
from tandem.principal import Principal
from tandem.recall.gather import Person


class People(Protocol):
    """Who is calling."""

    async def admitted(self, principal: Principal, user_id: str | None = ...) -> Subject: ...


class RunList(Protocol):
    """The caller's runs."""

    async def list(
        self,
        principal: Principal,
        *,
        limit: int,
        before: tuple[datetime, UUID] | None = ...,
        user_id: str | None = ...,
    ) -> list[RunRow]: ...

    async def read(
        self, principal: Principal, run_id: RunId, *, user_id: str | None = ...
    ) -> RunWithChanges: ...


class ConflictList(Protocol):
    """The caller's conflicts."""

    async def list(
        self,
        principal: Principal,
        *,
        limit: int,
        before: tuple[datetime, UUID] | None = ...,
        user_id: str | None = ...,
    ) -> ListedConflicts: ...


class Messages(Protocol):
    """The way to the consolidate job."""

    async def send(self, account_id: AccountId) -> bool: ...


class Place(Cursor):
    """The last run or conflict that was seen."""

    at: Moment
    id: UUID


class RunsPage(NamedTuple):
    """Some runs, newest first."""

    items: Sequence[RunRow]
    next_cursor: str | None


class DisputesPage(NamedTuple):
    """Some open conflicts, newest first. `degraded` names stores that did not answer."""

    items: Sequence[Dispute]
    next_cursor: str | None
    degraded: Sequence[str]


@dataclass(frozen=True, slots=True)
class ConsolidationService:
    """Consolidates, shows what was done, and takes it back.

    Args:
        request_seconds: how long a caller waits at most.
        request_statements: with more than this the job does it all.
        new_id: makes owners of leases.
    """

    people: People
    runs: RunList
    consolidation: Consolidation
    undoing: Undoing
    messages: Messages
    request_seconds: float
    request_statements: int
    new_id: Callable[[], UUID] = uuid4

    async def consolidate(
        self, principal: Principal, *, user_id: str | None, dry_run: bool
    ) -> RunResult:
        """What a run has come to while the caller waited. Else the job goes on with it.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
            UpstreamError: a store doesn't answer; nothing is changed, or only what is recorded.
            Unavailable: `out_of_time`, a dry run takes too long; the database is away.
        """
        deadline = Deadline(self.request_seconds)
        subject = await self.people.admitted(principal, user_id)
        result = await self.consolidation.run(
            subject,
            started_by="request",
            owner=self.new_id(),
            deadline=deadline,
            dry_run=dry_run,
            at_most=self.request_statements,
        )
        return await self._handed_over(subject, result)

    async def list(
        self, principal: Principal, *, user_id: str | None, limit: int, cursor: str | None
    ) -> RunsPage:
        """The caller's runs, newest first.

        Raises:
            InvalidInput: `invalid_cursor`.
            Unauthenticated, Forbidden, Unavailable: as `Runs.list`.
        """
        scope = f"consolidations:{principal.account_id}"
        found = await self.runs.list(
            principal, limit=limit + 1, before=_before(cursor, scope), user_id=user_id
        )
        shown = found[:limit]
        if len(found) == len(shown):
            return RunsPage(shown, None)
        last = Place(at=shown[-1].started_at, id=shown[-1].id)
        return RunsPage(shown, write_cursor(last, scope=scope))

    async def read(
        self, principal: Principal, run_id: RunId, *, user_id: str | None
    ) -> RunWithChanges:
        """One run with its change set. Raises as `Runs.read`."""
        return await self.runs.read(principal, run_id, user_id=user_id)

    async def undo(self, principal: Principal, run_id: RunId, *, user_id: str | None) -> RunResult:
        """The run that takes this one back. Else the job goes on with it.

        Raises:
            NotFound: `run_not_found`.
            Conflict: as `Undoing.undo`.
            Unauthenticated, Forbidden, UpstreamError, Unavailable: as `consolidate`.
        """
        deadline = Deadline(self.request_seconds)
        undone = await self.runs.read(principal, run_id, user_id=user_id)
        result = await self.undoing.undo(undone.subject, undone, deadline=deadline)
        return await self._handed_over(undone.subject, result)

    async def _handed_over(self, subject: Subject, result: RunResult) -> RunResult:
        observability.note(run=str(result.run_id), run_status=result.status)
        if result.status == "running" and not result.held:
            # A message that is lost is made good by the next plan.
            await self.messages.send(subject.account_id)
        return result


@dataclass(frozen=True, slots=True)
class ConflictService:
    """Shows what contradicts itself, and lets the person settle it.

    Args:
        request_seconds: how long a caller waits at most.
        read_seconds: how long the stores may take to tell the words.
    """

    people: People
    conflicts: ConflictList
    disputes: Disputes
    settling: Settling
    request_seconds: float
    read_seconds: float

    async def list(
        self, principal: Principal, *, user_id: str | None, limit: int, cursor: str | None
    ) -> DisputesPage:
        """The caller's open conflicts with their words, newest first. What reads otherwise by now
        is none any more and is left out.

        Raises:
            InvalidInput: `invalid_cursor`.
            Unauthenticated, Forbidden, Unavailable: as `Conflicts.list`.
        """
        scope = f"conflicts:{principal.account_id}"
        found, subject = await self.conflicts.list(
            principal, limit=limit + 1, before=_before(cursor, scope), user_id=user_id
        )
        shown = found[:limit]
        read = await self.disputes.read(subject, shown, Deadline(self.read_seconds))
        place = None
        if len(found) > len(shown):
            last = Place(at=shown[-1].found_at, id=shown[-1].id)
            place = write_cursor(last, scope=scope)
        return DisputesPage(read.disputes, place, sorted(read.degraded))

    async def resolve(
        self, principal: Principal, conflict_id: UUID, *, user_id: str | None, keep: Keep
    ) -> Settled:
        """Carries out the person's choice.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
            NotFound, Conflict, UpstreamError, Unavailable: as `Settling.settle`.
        """
        subject = await self.people.admitted(principal, user_id)
        return await self.settling.settle(
            Person(subject.account_id, subject.zep_graph_uuid),
            conflict_id,
            keep,
            deadline=Deadline(self.request_seconds),
        )


class Services(NamedTuple):
    """What works behind the routes."""

    consolidation: ConsolidationService
    conflicts: ConflictService


def _before(cursor: str | None, scope: str) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    place = read_cursor(Place, cursor, scope=scope)
    return place.at, place.id
