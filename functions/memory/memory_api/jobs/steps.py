"""What the consolidate job does for a person: clean up, tidy, purge. Each may be repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from tandem import observability
from tandem.changes.model import StartedBy
from tandem.clients.models import Mem0Memory
from tandem.db.hidden import Purgeable
from tandem.db.people import Subject
from tandem.deadline import Deadline
from tandem.errors import Unavailable
from tandem.ids import AccountId, Mem0Id
from tandem.recall.gather import Person
from tandem.recall.normalise import statement_hash

MOST_RUNS: Final = 20
"""In a row for one person. A run changes at most so much, and what it leaves is another one's."""

PURGED_AT_ONCE: Final = 500
"""Memories that are looked up to be purged; those beyond have their turn right after."""


class People(Protocol):
    """Who an account is; see `tandem.db.people.People`."""

    async def find(self, account_id: AccountId) -> Subject | None: ...


class Forgetting(Protocol):
    """Sees to it that what was forgotten stays away; see `tandem.changes.forgetting`."""

    async def clean(self, person: Person, deadline: Deadline) -> object: ...


class Due(Protocol):
    """Whose memory wants tidying; see `tandem.db.planning.Planning`."""

    async def is_due(self, account_id: AccountId, *, hidden_days: int) -> bool: ...


class RunResult(Protocol):
    """What a run has come to; see `memory_api.consolidation.run.RunResult`."""

    @property
    def status(self) -> str: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def held(self) -> bool: ...


class Consolidation(Protocol):
    """Tidies one person's memory; see `memory_api.consolidation.run.Consolidation`."""

    async def run(
        self, account_id: AccountId, *, started_by: StartedBy, owner: UUID, deadline: Deadline
    ) -> RunResult: ...


class Hidden(Protocol):
    """Memories that are hidden; see `tandem.db.hidden.HiddenMemories`."""

    async def to_purge(
        self, older_than_days: int, limit: int, *, account_id: AccountId | None = ...
    ) -> Sequence[Purgeable]: ...

    async def purging(self, memory: Purgeable) -> bool: ...

    async def in_sight(self, memory: Purgeable) -> None: ...

    async def purged(self, memory: Purgeable) -> None: ...


class Memories(Protocol):
    """Mem0, as far as a memory is looked at and deleted there."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...

    async def delete(self, memory_id: Mem0Id, *, timeout_seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Clean:
    """First of all: what a person wanted forgotten is not even there to be tidied."""

    people: People
    forgetting: Forgetting

    async def __call__(self, account_id: AccountId, deadline: Deadline) -> bool:
        """Whether all of it is gone."""
        subject = await self.people.find(account_id)
        if subject is None:
            return True
        try:
            await self.forgetting.clean(Person(account_id, subject.zep_graph_uuid), deadline)
        except Unavailable as error:
            if error.code != "unfinished":
                raise
            return False
        return True


@dataclass(frozen=True, slots=True)
class Tidy:
    """One run, or several when there is more to change than one may.

    Who isn't due is left alone: the message has come twice, or somebody else is at work, who sees
    it all.
    """

    due: Due
    consolidation: Consolidation
    hidden_days: int
    new_id: Callable[[], UUID] = uuid4

    async def __call__(self, account_id: AccountId, deadline: Deadline) -> bool:
        """Whether the memory is in order, or in somebody else's hands."""
        if not await self.due.is_due(account_id, hidden_days=self.hidden_days):
            return True
        for _ in range(MOST_RUNS):
            result = await self.consolidation.run(
                account_id, started_by="schedule", owner=self.new_id(), deadline=deadline
            )
            _log(account_id, result)
            if result.held or result.status != "done":
                return result.held
            if not result.counts.get("left"):
                break
        return True


def _log(account_id: AccountId, result: RunResult) -> None:
    counts = {f"count_{name}": count for name, count in result.counts.items()}
    observability.info(
        "tidied", account=str(account_id), status=result.status, held=result.held, **counts
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Purge:
    """Deletes at Mem0 what has been hidden for so long that nobody takes it back any more.

    That a memory is about to go is recorded before Mem0 is told: from then on it is not shown
    again, and whoever comes after a crash deletes it. What is in sight by now, whoever has shown or
    corrected it, is not deleted.
    """

    hidden: Hidden
    mem0: Memories
    hidden_days: int
    call_seconds: float
    now: Callable[[], datetime] = field(default=_utc_now)

    async def __call__(self, account_id: AccountId, deadline: Deadline) -> bool:
        """Whether everything that has had its time is gone."""
        purged = 0
        memories = await self.hidden.to_purge(
            self.hidden_days, PURGED_AT_ONCE, account_id=account_id
        )
        for memory in memories:
            if deadline.left() < 2 * self.call_seconds:
                return False
            if await self.hidden.purging(memory):
                purged += await self._purged(memory)
        if purged:
            observability.info("purged", account=str(account_id), memories=purged)
        return len(memories) < PURGED_AT_ONCE

    async def _purged(self, memory: Purgeable) -> bool:
        stored = await self.mem0.get(memory.mem0_id, timeout_seconds=self.call_seconds)
        if stored is not None and not self._is_hidden(memory, stored):
            await self.hidden.in_sight(memory)
            return False
        await self.mem0.delete(memory.mem0_id, timeout_seconds=self.call_seconds)
        await self.hidden.purged(memory)
        return True

    def _is_hidden(self, memory: Purgeable, stored: Mem0Memory) -> bool:
        until = stored.expiration_date
        is_out_of_sight = until is not None and until < self.now().date()
        return statement_hash(stored.text) == memory.text_hash and (
            is_out_of_sight or memory.listed
        )
