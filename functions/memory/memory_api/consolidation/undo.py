"""Taking back what a run has changed, by a run of its own on the same path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from memory_api.consolidation.judging import OutOfTime
from memory_api.consolidation.ports import Changes, Path, Runs
from memory_api.consolidation.progress import LeaseLost
from memory_api.consolidation.run import RunResult, check, tally
from tandem.changes.model import UNDOABLE, Change, RunId
from tandem.changes.undoing import undo_changes
from tandem.db.people import Subject
from tandem.db.runs import RunWithChanges, Started
from tandem.deadline import Deadline
from tandem.errors import AppError, Conflict
from tandem.recall.gather import Person


@dataclass(frozen=True, slots=True)
class Undoing:
    """Undoes runs.

    Args:
        new_id: makes ids of runs.
    """

    runs: Runs
    changes: Changes
    path: Path
    lease_seconds: float
    new_id: Callable[[], UUID] = uuid4

    async def undo(
        self, subject: Subject, undone: RunWithChanges, *, deadline: Deadline
    ) -> RunResult:
        """The run that takes the other one back: `done`, or `running` when the time was over.

        What is not as the run has left it any more, because it was deleted, corrected or shown
        since, stays as it is and counts as skipped. What is undone counts as the person's decision.

        Raises:
            Conflict: `run_not_undoable`, `run_running`, `run_undone`; `memory_busy`, somebody else
                works on this memory at the moment.
            UpstreamError: a store doesn't answer. What is undone so far stays so, and asking again
                goes on with the rest.
        """
        _check(undone)
        owner = self.new_id()
        started = await self.runs.start(
            subject.account_id,
            run_id=RunId(self.new_id()),
            kind="undo",
            started_by="request",
            owner=owner,
            lease_seconds=self.lease_seconds,
            undoes=undone.run.id,
        )
        if started is None:
            raise Conflict(
                "This memory is being tidied at the moment. Try again shortly.", code="memory_busy"
            )
        run_id = started.run_id
        try:
            await self._carry_out(subject, undone.changes, started, owner, deadline)
        except OutOfTime:
            await self.runs.release(subject.account_id, owner)
            changes = await self.changes.all(subject.account_id, run_id)
            return RunResult(run_id, "running", changes, tally(changes))
        except LeaseLost:
            return RunResult(run_id, "running", held=True)
        except AppError:
            await self.runs.release(subject.account_id, owner)
            raise
        changes = await self.changes.all(subject.account_id, run_id)
        counts = tally(changes)
        await self.runs.finish(
            subject.account_id, run_id, owner=owner, state="done", counts=counts, read_at=None
        )
        return RunResult(run_id, "done", changes, counts)

    async def _carry_out(
        self,
        subject: Subject,
        changed: Sequence[Change],
        started: Started,
        owner: UUID,
        deadline: Deadline,
    ) -> None:
        account_id, run_id, left = subject.account_id, started.run_id, undo_changes(changed)
        if not await self.changes.record(account_id, run_id, left, owner=owner):
            raise LeaseLost
        if started.resumed:
            left = await self.changes.unfinished(run_id)
        check(
            await self.path.carry_out(
                Person(account_id, subject.zep_graph_uuid),
                run_id,
                left,
                owner=owner,
                read_at=None,
                deadline=deadline,
            )
        )


def _check(undone: RunWithChanges) -> None:
    run = undone.run
    if run.kind not in UNDOABLE:
        raise Conflict("A run of this kind can't be undone.", code="run_not_undoable")
    if run.state == "failed":
        raise Conflict("This run has changed nothing.", code="run_not_undoable")
    if run.state == "running":
        raise Conflict("This run has not come to its end yet.", code="run_running")
    if run.state == "undone":
        raise Conflict("This run is undone already.", code="run_undone")
