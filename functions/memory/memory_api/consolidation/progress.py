"""A run under way: whose it is, under which lease it works, and how far it has come."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from memory_api.consolidation.judging import Judged
from memory_api.consolidation.ports import Decisions, Runs
from memory_api.consolidation.statement import Decision
from tandem.changes.model import Phase, RunId
from tandem.db.decisions import Decision as DecisionRow
from tandem.db.people import Subject
from tandem.db.runs import OtherRun
from tandem.deadline import Deadline
from tandem.ids import AccountId

OnPhase = Callable[[Phase], Awaitable[None]]
"""Is told that a phase begins. Tests hold a run there."""


async def on_to_the_next(_: Phase) -> None:
    """Nobody waits for a phase."""


class LeaseLost(Exception):
    """Somebody else works on this person's memory by now."""


@dataclass(slots=True)
class Progress:
    """A run that holds the lease.

    Attributes:
        read_at: what was said before this has been read.
        last_seq: of the changes recorded so far.
        recorded: there are such changes, perhaps of an earlier attempt.
        whole: the judge was asked about all that it should be asked about.
        others: unfinished runs of other kinds, which have to be ended first.
    """

    runs: Runs
    decisions: Decisions
    subject: Subject
    run_id: RunId
    owner: UUID
    deadline: Deadline
    lease_seconds: float
    on_phase: OnPhase
    read_at: datetime
    phase: Phase = "reading"
    last_seq: int = 0
    recorded: bool = False
    whole: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    others: Sequence[OtherRun] = ()

    @property
    def account_id(self) -> AccountId:
        """Whose memory it is."""
        return self.subject.account_id

    @property
    def calls(self) -> int:
        """Of the judge so far."""
        return self.counts.get("judge_calls", 0)

    async def enter(self, phase: Phase) -> None:
        """The next phase begins."""
        self.phase = phase
        await self.runs.note(self.run_id, phase=phase, counts=self.counts)
        await self.on_phase(phase)

    async def alive(self) -> None:
        """Makes the lease last.

        Raises:
            LeaseLost: it is somebody else's.
        """
        held = await self.runs.prolong(self.account_id, self.owner, self.lease_seconds)
        if not held:
            raise LeaseLost

    async def read_again(self) -> None:
        """From now on a new picture counts.

        Raises:
            LeaseLost: it is somebody else's.
        """
        read_at = await self.runs.read_again(self.account_id, self.owner, self.lease_seconds)
        if read_at is None:
            raise LeaseLost
        self.read_at = read_at

    async def applied(self, changes: int) -> None:
        """So many more changes have been carried out."""
        self.counts["applied"] = self.counts.get("applied", 0) + changes
        await self.runs.note(self.run_id, phase=self.phase, counts=self.counts)

    async def decided(self, judged: Judged, new: Sequence[Decision]) -> None:
        """Keeps what was paid for, and shows how far judging has come.

        Raises:
            LeaseLost: it is somebody else's.
        """
        if new:
            await self.decisions.keep(self.account_id, self.run_id, [_row(one) for one in new])
        await self.runs.note(
            self.run_id, phase=self.phase, counts=self.counts | judged.counts(self.counts)
        )
        await self.alive()


def _row(one: Decision) -> DecisionRow:
    return DecisionRow(
        one.left_id,
        one.right_id,
        one.left_hash,
        one.right_hash,
        one.relation,
        one.decided_by,
    )


class Unwatched:
    """Nobody: a dry run keeps nothing."""

    async def alive(self) -> None:
        """Does nothing."""

    async def decided(self, judged: Judged, new: Sequence[Decision]) -> None:
        """Does nothing."""
