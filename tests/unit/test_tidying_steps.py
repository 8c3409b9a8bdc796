"""What is done for one person: cleaning, runs until nothing is left, purging."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from memory_api.jobs.steps import MOST_RUNS, PURGED_AT_ONCE, Clean, Purge, Tidy
from tandem.changes.model import RunId, StartedBy
from tandem.clients.models import Mem0Memory
from tandem.db.hidden import Purgeable
from tandem.db.people import Subject
from tandem.deadline import Deadline
from tandem.errors import Unavailable, UpstreamUnavailable
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.normalise import statement_hash

ADA = AccountId(uuid4())
GRAPH = ZepUuid(uuid4())
DAYS = 30


def deadline(seconds: float = 840.0) -> Deadline:
    return Deadline(seconds, clock=lambda: 0.0)


# ---------------------------------------------------------------- cleaning


class Forgetting:
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.cleaned: list[Person] = []

    async def find(self, account_id: AccountId) -> Subject | None:
        return Subject(ADA, zep_graph_uuid=GRAPH) if account_id == ADA else None

    async def clean(self, person: Person, _: Deadline) -> None:
        if self.failure:
            raise self.failure
        self.cleaned.append(person)

    def step(self, account_id: AccountId = ADA) -> bool:
        return asyncio.run(Clean(self, self)(account_id, deadline()))


def test_what_was_forgotten_is_cleaned_away_where_the_person_s_graph_is() -> None:
    forgetting = Forgetting()
    assert forgetting.step()
    assert forgetting.cleaned == [Person(ADA, GRAPH)]


def test_nobody_is_cleaned_up_after_who_has_no_account() -> None:
    forgetting = Forgetting()
    assert forgetting.step(AccountId(uuid4()))
    assert forgetting.cleaned == []


def test_cleaning_that_is_left_unfinished_goes_on_and_anything_else_is_a_failure() -> None:
    assert not Forgetting(Unavailable(code="unfinished")).step()
    with pytest.raises(Unavailable):
        Forgetting(Unavailable(code="database_unavailable")).step()
    with pytest.raises(UpstreamUnavailable):
        Forgetting(UpstreamUnavailable("zep", operation="x")).step()


# ---------------------------------------------------------------- tidying


@dataclass
class Result:
    status: str = "done"
    held: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)


class Runs:
    def __init__(self, *results: Result, due: bool = True) -> None:
        self.results, self.due = list(results), due
        self.owners: list[UUID] = []
        self.started: list[tuple[AccountId, StartedBy]] = []

    async def is_due(self, account_id: AccountId, *, hidden_days: int) -> bool:
        assert (account_id, hidden_days) == (ADA, DAYS)
        return self.due

    async def run(
        self, account_id: AccountId, *, started_by: StartedBy, owner: UUID, deadline: Deadline
    ) -> Result:
        assert deadline.left() > 0
        self.owners.append(owner)
        self.started.append((account_id, started_by))
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]

    def step(self) -> bool:
        return asyncio.run(Tidy(self, self, hidden_days=DAYS)(ADA, deadline()))


@pytest.mark.parametrize(
    ("result", "is_done"),
    [
        (Result("done"), True),
        (Result("running"), False),
        (Result("running", held=True), True),
        (Result("done", counts={"left": 0, "hide": 7}), True),
    ],
)
def test_a_run_that_had_no_time_goes_on_later_and_one_of_somebody_else_is_theirs(
    result: Result, is_done: bool
) -> None:
    runs = Runs(result)
    assert runs.step() is is_done
    assert runs.started == [(ADA, "schedule")]


def test_who_is_not_due_is_left_alone() -> None:
    runs = Runs(Result(), due=False)
    assert runs.step()
    assert runs.started == []


def test_what_one_run_may_not_change_any_more_the_next_one_does() -> None:
    runs = Runs(Result(counts={"left": 700}), Result(counts={"left": 200}), Result())
    assert runs.step()
    assert len(set(runs.owners)) == 3


def test_runs_that_never_come_to_an_end_are_left_to_the_next_plan() -> None:
    runs = Runs(Result(counts={"left": 1}))
    assert runs.step()
    assert len(runs.owners) == MOST_RUNS


# ---------------------------------------------------------------- purging


class Hidden:
    """Hidden memories, Mem0, and what was done in which order."""

    def __init__(
        self, count: int, *, shown_again: Sequence[str] = (), listed: bool = False
    ) -> None:
        run, then = RunId(uuid4()), datetime(2026, 1, 1, tzinfo=UTC)
        said = statement_hash("Likes tea")
        self.memories = [
            Purgeable(ADA, Mem0Id(f"m{n}"), run, then, said, listed) for n in range(count)
        ]
        self.stored = {
            one.mem0_id: Mem0Memory(id=one.mem0_id, text="Likes tea", expiration_date=then.date())
            for one in self.memories
        }
        self.shown_again = shown_again
        self.done: list[str] = []
        self.failure: Exception | None = None

    async def to_purge(
        self, older_than_days: int, limit: int, *, account_id: AccountId | None = None
    ) -> list[Purgeable]:
        assert (older_than_days, account_id) == (DAYS, ADA)
        return self.memories[:limit]

    async def purging(self, memory: Purgeable) -> bool:
        self.done.append(f"purging {memory.mem0_id}")
        return memory.mem0_id not in self.shown_again

    async def purged(self, memory: Purgeable) -> None:
        self.done.append(f"purged {memory.mem0_id}")

    async def in_sight(self, memory: Purgeable) -> None:
        self.done.append(f"in sight {memory.mem0_id}")

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None:
        assert timeout_seconds == 8.0
        return self.stored.get(memory_id)

    async def delete(self, memory_id: Mem0Id, *, timeout_seconds: float) -> None:
        if self.failure:
            raise self.failure
        assert timeout_seconds == 8.0
        self.done.append(f"delete {memory_id}")

    def step(self, seconds: float = 840.0) -> bool:
        purge: Any = Purge(self, self, hidden_days=DAYS, call_seconds=8.0)
        return bool(asyncio.run(purge(ADA, deadline(seconds))))


def test_a_memory_is_marked_before_it_is_deleted_and_recorded_after() -> None:
    hidden = Hidden(2, shown_again=["m0"])
    assert hidden.step()
    assert hidden.done == ["purging m0", "purging m1", "delete m1", "purged m1"]


def test_who_died_while_deleting_is_followed_by_somebody_who_deletes_again() -> None:
    hidden = Hidden(1)
    for _ in range(2):
        assert hidden.step()
    assert hidden.done == ["purging m0", "delete m0", "purged m0"] * 2


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("now", [{"expiration_date": None}, {"text": "Likes green tea"}])
def test_what_is_in_sight_or_reads_otherwise_by_now_is_not_deleted(
    now: dict[str, Any], listed: bool
) -> None:
    hidden = Hidden(1, listed=listed)
    hidden.stored[Mem0Id("m0")] = hidden.stored[Mem0Id("m0")].model_copy(update=now)
    assert hidden.step()
    # One that Mem0 never hid is in sight there all the time.
    goes = listed and "text" not in now
    assert hidden.done[1:] == (["delete m0", "purged m0"] if goes else ["in sight m0"])


def test_what_is_gone_already_is_recorded_as_purged() -> None:
    hidden = Hidden(1)
    hidden.stored.clear()
    assert hidden.step()
    assert hidden.done == ["purging m0", "delete m0", "purged m0"]


def test_with_mem0_away_nothing_is_recorded_as_purged() -> None:
    hidden = Hidden(1)
    hidden.failure = UpstreamUnavailable("mem0", operation="delete")
    with pytest.raises(UpstreamUnavailable):
        hidden.step()
    assert hidden.done == ["purging m0"]


def test_purging_ends_with_the_time_and_goes_on_after_as_many_as_are_looked_up_at_once() -> None:
    late = Hidden(3)
    assert not late.step(seconds=7.0)
    assert late.done == []

    many = Hidden(PURGED_AT_ONCE)
    assert not many.step()
    assert many.done.count("purged m0") == 1


def test_without_anything_to_purge_purging_is_done() -> None:
    assert Hidden(0).step()
