"""The one path on which changes of memory reach the stores: looked at, marked, sent, confirmed.

Whatever happens in between, a crash included, the journal tells what was planned and what may have
been sent; what may have been is looked at before it is sent again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from tandem import observability
from tandem.changes.model import Change, ChangeId, RunId
from tandem.changes.operations import GONE, REFUSALS, Operations
from tandem.changes.stores import Graph, Memories, Prepared, Ready, Skipped, Task
from tandem.db.changes import Begun, Confirmed, Outcome
from tandem.deadline import RESERVE_SECONDS, Deadline
from tandem.errors import UpstreamError, UpstreamRejected
from tandem.ids import AccountId
from tandem.recall.gather import Person

_SHORTEST_CALL_SECONDS: Final = 2.0
_READING_ALL_SECONDS: Final = 60.0
_GONE_STATUS: Final = 404

Fate = Literal["confirmed", "skipped", "refused"]


class Journal(Protocol):
    """What is needed of the journal."""

    async def begin(
        self,
        account_id: AccountId,
        run_id: RunId,
        change_id: ChangeId,
        *,
        owner: UUID | None,
        read_at: datetime | None,
        details: Mapping[str, Any] | None = None,
    ) -> Begun: ...

    async def confirm(
        self, account_id: AccountId, change: Change, outcome: Outcome
    ) -> Confirmed: ...

    async def skip(
        self,
        account_id: AccountId,
        change: Change,
        *,
        state: Literal["skipped", "refused"] = "skipped",
        why: str,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Carried:
    """What has become of some changes.

    Attributes:
        left: still to be done: the time was over, a store failed, the plan is stale or the lease
            lost.
        stale: the person has said or done something since the picture was read: read it again.
        lease_lost: somebody else works on this person's memory by now.
        failed: a store failed; try again later.
    """

    confirmed: int = 0
    skipped: int = 0
    refused: int = 0
    left: int = 0
    stale: bool = False
    lease_lost: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _Work:
    """What all changes of one call have in common."""

    person: Person
    run_id: RunId
    owner: UUID | None
    read_at: datetime | None
    deadline: Deadline
    texts: Mapping[ChangeId, str]


class _Stop(Exception):
    """No further change may be carried out now."""

    def __init__(self, **why: bool) -> None:
        super().__init__()
        self.why = why


class ChangePath:
    """Carries changes out.

    Args:
        call_seconds: one call's limit.
        now: aware; tells which day was yesterday.
    """

    def __init__(
        self,
        changes: Journal,
        mem0: Memories,
        zep: Graph,
        *,
        stage: str,
        call_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._changes = changes
        self._operations = Operations(mem0, zep, stage=stage, now=now)
        self._call_seconds = call_seconds

    async def carry_out(  # noqa: PLR0913 - whose, what and until when
        self,
        person: Person,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None,
        read_at: datetime | None,
        deadline: Deadline,
        texts: Mapping[ChangeId, str] | None = None,
    ) -> Carried:
        """Carries out recorded changes in their order, as many as there is time for.

        What has changed since it was read, or is gone, is skipped; what a store refuses for good is
        `refused`, but for the past date that hides a memory: then it is hidden in PostgreSQL alone.

        Args:
            changes: as `Changes.unfinished` has them, or as they were recorded just now.
            owner: of the lease, which each change prolongs; None for a run without.
            read_at: `Started.read_before` of the picture that was planned from; None when nothing
                that is said meanwhile could speak against these changes.
            deadline: no call is begun that couldn't end before it.
            texts: of each `rewrite`, and of an `add` that copies no fact.

        Raises:
            Unavailable: the database is away; what was begun is found as `sent`.
        """
        work = _Work(person, run_id, owner, read_at, deadline, texts or {})
        fates: Counter[Fate] = Counter()
        why: Mapping[str, bool] = {}
        try:
            for change in changes:
                fates[await self._carry(work, change)] += 1
        except _Stop as stop:
            why = stop.why
        except UpstreamError as error:
            observability.warning(
                "change_failed", run_id=str(run_id), **observability.describe(error)
            )
            why = {"failed": True}
        return Carried(
            confirmed=fates["confirmed"],
            skipped=fates["skipped"],
            refused=fates["refused"],
            left=len(changes) - fates.total(),
            **why,
        )

    async def _carry(self, work: _Work, change: Change) -> Fate:
        task = Task(
            person=work.person,
            run_id=work.run_id,
            change=change,
            text=work.texts.get(change.id),
            seconds=lambda: self._seconds(work.deadline, self._call_seconds),
            seconds_of_all=lambda: self._seconds(work.deadline, _READING_ALL_SECONDS),
        )
        task.seconds()
        try:
            result = await self._sent(work, task, await self._operations.prepare(task))
        except UpstreamRejected as error:
            result = _rejected(error)
        if isinstance(result, Outcome):
            return await self._confirm(work, task, result)
        return "confirmed" if result is None else await self._skip(work, change, result)

    async def _sent(self, work: _Work, task: Task, found: Prepared) -> Outcome | Skipped | None:
        if not isinstance(found, Ready):
            return found
        task.seconds()
        return await self._send(work, task.change, found)

    async def _send(self, work: _Work, change: Change, ready: Ready) -> Outcome | Skipped | None:
        """None when somebody else has seen to it."""
        begun = await self._changes.begin(
            work.person.account_id,
            work.run_id,
            change.id,
            owner=work.owner,
            read_at=work.read_at,
            details=ready.details,
        )
        match begun.answer:
            case "go":
                return await ready.send(begun)
            case "done":
                return None
            case "forgotten":
                return Skipped("forgotten")
            case "lease_lost":
                raise _Stop(lease_lost=True)
            case "stale" if change.state == "sent":
                # It never got to the store, and is for a fresh plan to decide.
                return Skipped("stale")
            case _:
                raise _Stop(stale=True)

    async def _confirm(self, work: _Work, task: Task, outcome: Outcome) -> Fate:
        account_id, change = work.person.account_id, task.change
        confirmed = await self._changes.confirm(account_id, change, outcome)
        if not confirmed.forgotten:
            return "confirmed"
        if outcome.made_id is not None:
            await self._operations.delete_copy(task, outcome.made_id)
        return await self._skip(work, change, Skipped("forgotten"))

    async def _skip(self, work: _Work, change: Change, skipped: Skipped) -> Fate:
        fate: Literal["skipped", "refused"] = "refused" if skipped.refused else "skipped"
        await self._changes.skip(work.person.account_id, change, state=fate, why=skipped.why)
        return fate

    def _seconds(self, deadline: Deadline, own_limit_seconds: float) -> float:
        left = deadline.left() - RESERVE_SECONDS
        if left < min(own_limit_seconds, _SHORTEST_CALL_SECONDS):
            raise _Stop
        return min(own_limit_seconds, left)


def _rejected(error: UpstreamRejected) -> Skipped:
    """What an answer for good means for the change; any other stops the run."""
    if error.status == _GONE_STATUS:
        return GONE
    # What can't even be sent may be so for a key with a line break in it: not the change's fault.
    if error.status not in REFUSALS or error.context.get("reason") == "unsendable":
        raise error
    observability.error("change_refused", **observability.describe(error))
    observability.count("ChangesRefused")
    return Skipped(f"status_{error.status}", refused=True)
