"""One consolidation of one person's memory: read, judge, plan, record, carry out."""

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched
from typing import Final, Literal
from uuid import UUID, uuid4

from memory_api.consolidation.judging import Judged, Judging, OutOfTime, Watch
from memory_api.consolidation.plan import plan
from memory_api.consolidation.ports import Changes, Conflicts, Decisions, Path, People, Runs
from memory_api.consolidation.progress import (
    LeaseLost,
    OnPhase,
    Progress,
    Unwatched,
    on_to_the_next,
)
from memory_api.consolidation.reading import PictureReader, Read
from memory_api.consolidation.statement import Plan
from tandem.changes.model import Change, RunId, StartedBy
from tandem.changes.path import Carried
from tandem.changes.undoing import undo_changes
from tandem.db.conflicts import ConflictPair
from tandem.db.people import Subject
from tandem.db.runs import OtherRun
from tandem.deadline import RESERVE_SECONDS, Deadline
from tandem.errors import AppError, Unavailable, UpstreamTimeout
from tandem.ids import AccountId
from tandem.recall.gather import Person

Status = Literal["running", "done", "planned"]
_SHOWN: Final = ("hide", "show", "add", "link")
_CHANGES_AT_ONCE: Final = 50
"""Between so many changes it is noted how far the run has come."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may do.

    Attributes:
        max_changes: in one run; the next one goes on.
        lease_seconds: without a sign of life, until somebody else may go on.
        replans: how often a plan is made anew because the person has said something meanwhile.
    """

    max_changes: int = 500
    lease_seconds: float = 60.0
    replans: int = 3


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run has come to.

    Attributes:
        run_id: None for a dry run, which is none.
        status: `planned` for a dry run; `running` when the time was over before the end, or when
            somebody else is at work (`held`).
        changes: of the whole run, in order, with what has become of each.
        texts: of the statements as they were read, by their ids. Empty where nothing was read.
    """

    run_id: RunId | None
    status: Status
    changes: Sequence[Change] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    undecided: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run works with."""

    people: People
    reader: PictureReader
    judging: Judging
    runs: Runs
    changes: Changes
    decisions: Decisions
    conflicts: Conflicts
    path: Path


class Consolidation:
    """Tidies one person's memory at a time.

    Args:
        new_id: makes ids of runs and changes.
        on_phase: is told that a phase begins, before anything is done in it.
    """

    def __init__(
        self,
        parts: Parts,
        limits: Limits | None = None,
        *,
        new_id: Callable[[], UUID] = uuid4,
        on_phase: OnPhase = on_to_the_next,
    ) -> None:
        self._parts = parts
        self._limits = limits or Limits()
        self._new_id = new_id
        self._on_phase = on_phase

    async def run(
        self,
        whose: AccountId | Subject,
        *,
        started_by: StartedBy,
        owner: UUID,
        deadline: Deadline,
        dry_run: bool = False,
        at_most: int | None = None,
    ) -> RunResult:
        """Brings one person's memory in order, or goes on with a run that was left unfinished.

        Args:
            whose: their account, or themselves as looked up before.
            owner: who works; the lease is given to them.
            deadline: before it the run stops at a safe place, to be resumed.
            dry_run: only says what would be done: no lease, and nothing written anywhere.
            at_most: with more statements than this the run only begins, and is left to whoever has
                more time: vectors that are thrown away again would be paid for.

        Raises:
            UpstreamError: a store couldn't be read or changed. The run is `failed`, or left to
                be resumed when some of its changes are recorded.
            Unavailable: the database is away.
        """
        subject = whose if isinstance(whose, Subject) else await self._parts.people.find(whose)
        if subject is None:  # a message about an account that is gone
            return RunResult(None, "done")
        if dry_run:
            return await self._dry_run(subject, deadline)
        return await self._leased(subject, started_by, owner, deadline, at_most)

    async def _dry_run(self, subject: Subject, deadline: Deadline) -> RunResult:
        try:
            read = await self._read(subject, deadline)
            if read.is_known:  # there is nothing to do, and nothing to be paid for
                return RunResult(None, "planned", counts=tally(()), texts=read.texts)
            judged, planned = await self._planned(read, 0, deadline, Unwatched())
        except OutOfTime:
            raise Unavailable(code="out_of_time") from None
        counts = judged.counts({}) | dict(planned.counts)
        return RunResult(None, "planned", planned.changes, counts, planned.undecided, read.texts)

    async def _leased(
        self,
        subject: Subject,
        started_by: StartedBy,
        owner: UUID,
        deadline: Deadline,
        at_most: int | None,
    ) -> RunResult:
        progress = await self._started(subject, started_by, owner, deadline)
        if progress is None:
            busy = await self._parts.runs.current(subject.account_id)
            return RunResult(busy, "running", held=True)
        try:
            if not progress.others:
                read, planned = await self._worked(progress, at_most)
                return await self._finished(progress, read, planned)
            await self._end_other(progress, progress.others[0])
        except OutOfTime:
            await self._parts.runs.release(subject.account_id, owner)
            return RunResult(progress.run_id, "running", counts=progress.counts)
        except LeaseLost:
            return RunResult(progress.run_id, "running", counts=progress.counts, held=True)
        except AppError:
            await self._failed(progress)
            raise
        return await self._leased(subject, started_by, owner, deadline, at_most)

    async def _started(
        self, subject: Subject, started_by: StartedBy, owner: UUID, deadline: Deadline
    ) -> Progress | None:
        """None while somebody else is at work."""
        started = await self._parts.runs.start(
            subject.account_id,
            run_id=RunId(self._new_id()),
            kind="consolidate",
            started_by=started_by,
            owner=owner,
            lease_seconds=self._limits.lease_seconds,
        )
        if started is None:
            return None
        return Progress(
            self._parts.runs,
            self._parts.decisions,
            subject,
            started.run_id,
            owner,
            deadline,
            self._limits.lease_seconds,
            self._on_phase,
            started.read_before,
            recorded=started.resumed,
            counts=dict(started.counts),
            others=started.others,
        )

    async def _end_other(self, progress: Progress, other: OtherRun) -> None:
        """An undo goes before: what it has begun to show may not be planned about. Its end gives
        the lease back."""
        changes, account_id = self._parts.changes, progress.account_id
        if other.undoes is not None:  # whoever began it may not have come to plan it
            undoing = undo_changes(await changes.all(account_id, other.undoes))
            if not await changes.record(account_id, other.id, undoing, owner=progress.owner):
                raise LeaseLost
        await self._carry_out(progress, other.id, await changes.unfinished(other.id))
        await self._parts.runs.finish(
            account_id,
            other.id,
            owner=progress.owner,
            state="done",
            counts={},
            read_at=None,
        )

    async def _worked(self, progress: Progress, at_most: int | None) -> tuple[Read, Plan]:
        for attempt in range(1 + self._limits.replans):
            if attempt or progress.recorded:
                await self._start_over(progress)
            await progress.enter("reading")
            read = await self._read(progress.subject, progress.deadline)
            if not read.is_known and at_most is not None and at_most < len(read.texts):
                raise OutOfTime
            planned = await self._planned_or_settled(progress, read)
            if not await self._is_stale_after(progress, planned):
                return read, planned
        # The person goes on talking: they stay due, and what is left is for the next run.
        await self._start_over(progress)
        progress.whole = False
        return read, replace(planned, conflicts=(), superseded_conflicts=())

    async def _read(self, subject: Subject, deadline: Deadline) -> Read:
        try:
            return await self._parts.reader.read(subject, deadline)
        except UpstreamTimeout:
            if deadline.left() <= RESERVE_SECONDS:
                raise OutOfTime from None
            raise

    async def _start_over(self, progress: Progress) -> None:
        """What was planned is forgotten; what was sent is brought to its end."""
        changes = self._parts.changes
        progress.last_seq = await changes.replan(progress.account_id, progress.run_id)
        sent = await changes.unfinished(progress.run_id)
        await self._carry_out(progress, progress.run_id, sent)
        await progress.read_again()

    async def _carry_out(
        self, progress: Progress, run_id: RunId, changes: Sequence[Change]
    ) -> None:
        if not changes:
            return
        carried = await self._parts.path.carry_out(
            _person(progress.subject),
            run_id,
            changes,
            owner=progress.owner,
            read_at=None,
            deadline=progress.deadline,
        )
        check(carried)

    async def _planned_or_settled(self, progress: Progress, read: Read) -> Plan:
        if read.is_known:
            return Plan((), (), progress.counts.get("undecided", 0))
        await progress.enter("judging")
        judged, planned = await self._planned(read, progress.calls, progress.deadline, progress)
        progress.whole = judged.whole
        progress.counts |= judged.counts(progress.counts) | dict(planned.counts)
        progress.counts["undecided"] = planned.undecided
        return planned

    async def _planned(
        self, read: Read, calls: int, deadline: Deadline, watch: Watch
    ) -> tuple[Judged, Plan]:
        judged = await self._parts.judging.decide(
            read.picture, calls=calls, deadline=deadline, watch=watch
        )
        picture = replace(
            read.picture,
            decisions=[*read.picture.decisions, *judged.decisions],
            listed=judged.listed,
        )
        if not judged.sighted:
            facts = frozenset(one.id for one in picture.statements if not one.is_memory)
            picture = replace(picture, kept_out=picture.kept_out | facts)
        planned = plan(picture, new_id=self._new_id, max_changes=self._limits.max_changes)
        return judged, planned

    async def _is_stale_after(self, progress: Progress, planned: Plan) -> bool:
        await progress.enter("applying")
        if not planned.changes:
            return False
        changes = [
            replace(change, seq=progress.last_seq + number)
            for number, change in enumerate(planned.changes, start=1)
        ]
        recorded = await self._parts.changes.record(
            progress.account_id, progress.run_id, changes, owner=progress.owner
        )
        if not recorded:
            raise LeaseLost
        progress.recorded = True
        for portion in batched(changes, _CHANGES_AT_ONCE, strict=False):
            carried = await self._parts.path.carry_out(
                _person(progress.subject),
                progress.run_id,
                portion,
                owner=progress.owner,
                read_at=progress.read_at,
                deadline=progress.deadline,
            )
            if carried.stale:
                return True
            check(carried)
            await progress.applied(len(portion))
        return False

    async def _finished(self, progress: Progress, read: Read, planned: Plan) -> RunResult:
        parts, account_id = self._parts, progress.account_id
        if planned.conflicts or planned.superseded_conflicts:
            found = [ConflictPair(*conflict.key) for conflict in planned.conflicts]
            moot = [ConflictPair(*key) for key in planned.superseded_conflicts]
            await parts.conflicts.report(account_id, progress.run_id, found, gone=moot)
        changes: list[Change] = []
        if progress.recorded:
            changes = await parts.changes.all(account_id, progress.run_id)
        elif progress.whole and not read.is_known:
            await parts.reader.remember(account_id, read)
        counts = progress.counts | tally(changes)
        # What a budget has cut, or a judge who is away, keeps the person due.
        all_seen = read.is_known or (progress.whole and not counts.get("left"))
        await parts.runs.finish(
            account_id,
            progress.run_id,
            owner=progress.owner,
            state="done",
            counts=counts,
            read_at=progress.read_at if all_seen else None,
        )
        await self._on_phase("over")
        return RunResult(progress.run_id, "done", changes, counts, planned.undecided, read.texts)

    async def _failed(self, progress: Progress) -> None:
        """Where changes are recorded the run stays to be resumed; else it has done nothing."""
        with contextlib.suppress(Unavailable):
            if progress.recorded:
                await self._parts.runs.release(progress.account_id, progress.owner)
                return
            await self._parts.runs.finish(
                progress.account_id,
                progress.run_id,
                owner=progress.owner,
                state="failed",
                counts=progress.counts,
                read_at=None,
            )


def _person(subject: Subject) -> Person:
    return Person(subject.account_id, subject.zep_graph_uuid)


def check(carried: Carried) -> None:
    """Passes when nothing is left to be carried out.

    Raises:
        LeaseLost: somebody else works on this memory by now.
        Unavailable: `store_unavailable`, a store failed.
        OutOfTime: there was no time for the rest.
    """
    if carried.lease_lost:
        raise LeaseLost
    if carried.failed:
        raise Unavailable(code="store_unavailable")
    if carried.left:
        raise OutOfTime


def tally(changes: Sequence[Change]) -> dict[str, int]:
    """What has become of the changes of a run, by kind and by state."""
    done = Counter(change.kind for change in changes if change.state == "confirmed")
    states = Counter(change.state for change in changes)
    return {kind: done[kind] for kind in _SHOWN} | {
        state: states[state] for state in ("confirmed", "skipped", "refused")
    }
