"""What chat makes of the outcome of a change: done, later, gone, or to be tried again."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from chat_api.changing import Carried, Keep
from chat_api.memory_changes import JournalledChanges
from tandem import errors
from tandem.changes.forget_search import Forgettable
from tandem.db.proposals import OpenConflict, OpenProposal
from tandem.deadline import Deadline
from tandem.ids import TurnId
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem
from tests.unit.chat_world import ADA, GRAPH, NOW

PERSON = Person(ADA.account_id, GRAPH)
ASKED, CONFIRMED = TurnId(UUID(int=7)), TurnId(UUID(int=8))
SAID_AT = NOW - timedelta(minutes=1)
FORGET = OpenProposal(ASKED, SAID_AT, "forget", ("mem_1", "said_2"), None)
CORRECT = OpenProposal(ASKED, SAID_AT, "correct", ("mem_1",), "My sister is Anika")
CONFLICT = OpenConflict(UUID(int=9), "fact_1", "mem_1")
DOG = RecalledItem(id="mem_1", store="mem0", kind="memory", text="Has a dog")
AWAY = errors.UpstreamUnavailable("zep", operation="x")
UNFINISHED = errors.Unavailable(code="unfinished")
NO_DATABASE = errors.Unavailable(code="database_unavailable")


@dataclass
class Services:
    """Everything that changes memory; notes what it was asked and does as it is told."""

    outcome: Any = None
    recorded: bool = True
    fails_at: str | None = None
    asked: list[Any] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **options: Any) -> Any:
            self.asked.append((name, arguments[1:], options))
            if isinstance(self.outcome, Exception) and self.fails_at in {None, name}:
                raise self.outcome
            return self.outcome

        return call

    @property
    def tombstones(self) -> Any:
        async def erase(*_: Any) -> Any:
            return SimpleNamespace(known=self.recorded)

        return SimpleNamespace(erase=erase)

    def changes(self) -> JournalledChanges:
        same: Any = self
        return JournalledChanges(same, same, same, same)


@pytest.fixture
def services() -> Services:
    return Services()


def forget(services: Services) -> Carried:
    work = services.changes().forget(PERSON, FORGET, turn_id=CONFIRMED, deadline=Deadline(12))
    return asyncio.run(work)


def correct(services: Services) -> Carried:
    work = services.changes().correct(PERSON, CORRECT, turn_id=CONFIRMED, deadline=Deadline(12))
    return asyncio.run(work)


def settle(services: Services, keep: Keep = "first") -> Carried:
    work = services.changes().settle(
        PERSON, CONFLICT, keep, turn_id=CONFIRMED, deadline=Deadline(12)
    )
    return asyncio.run(work)


def test_what_would_go_is_searched_in_the_stores_and_among_the_pending(services: Services) -> None:
    services.outcome = Forgettable((DOG,), more=True)
    work = services.changes().find(PERSON, "a dog", pending=[DOG], deadline=Deadline(12))
    found = asyncio.run(work)
    assert (list(found.items), found.more) == ([DOG], True)
    [(name, arguments, options)] = services.asked
    assert (name, arguments, options["pending"]) == ("find", ("a dog",), [DOG])
    assert 0 < options["seconds"] <= 5


@pytest.mark.parametrize(("known", "carried"), [(True, "done"), (False, "gone")])
def test_forgetting_is_keyed_by_the_yes_and_takes_request_and_yes_along(
    services: Services, known: bool, carried: Carried
) -> None:
    services.outcome = SimpleNamespace(known=known)
    assert forget(services) == carried
    [(_, (wish, _), _)] = services.asked
    assert (wish.item_ids, wish.turn_id) == (("mem_1", "said_2"), CONFIRMED)
    assert set(wish.about) == {ASKED, CONFIRMED}


@pytest.mark.parametrize("failure", [AWAY, UNFINISHED])
def test_what_is_recorded_will_be_forgotten_later_and_what_is_not_fails(
    services: Services, failure: errors.AppError
) -> None:
    services.outcome = failure
    assert forget(services) == "later"
    services.recorded = False
    with pytest.raises(type(failure)):
        forget(services)


def test_without_a_database_nothing_is_promised(services: Services) -> None:
    services.outcome = NO_DATABASE
    for change in (forget, correct, settle):
        with pytest.raises(errors.Unavailable):
            change(services)


def test_a_correction_rests_on_the_turn_that_said_it(services: Services) -> None:
    services.outcome = target = SimpleNamespace()
    assert correct(services) == "done"
    [(_, (item_id, _), _), (name, (corrected, correction, _), _)] = services.asked
    assert (item_id, name, corrected) == ("mem_1", "carry_out", target)
    assert (correction.text, correction.turn_id) == ("My sister is Anika", ASKED)
    assert (correction.said_at, correction.started_by) == (SAID_AT, "chat")


def test_what_is_not_there_any_more_is_not_corrected(services: Services) -> None:
    assert correct(services) == "gone"
    assert [name for name, *_ in services.asked] == ["target"]


def test_a_correction_that_was_begun_is_ended_by_the_job(services: Services) -> None:
    services.outcome, services.fails_at = UNFINISHED, "carry_out"
    assert correct(services) == "later"


def test_a_correction_of_what_can_not_be_read_is_not_begun(services: Services) -> None:
    services.outcome = AWAY
    with pytest.raises(errors.UpstreamUnavailable):
        correct(services)


@pytest.mark.parametrize(
    ("keep", "side"), [("first", "left"), ("second", "right"), ("both", "both")]
)
def test_a_choice_names_the_side_that_holds(services: Services, keep: Keep, side: str) -> None:
    assert settle(services, keep) == "done"
    [(_, arguments, options)] = services.asked
    assert arguments == (CONFLICT.id, side)
    assert options["turn_id"] == CONFIRMED


@pytest.mark.parametrize(
    ("failure", "carried"),
    [
        (AWAY, "later"),
        (UNFINISHED, "later"),
        (errors.NotFound(code="conflict_not_found"), "gone"),
        (errors.Conflict(code="conflict_resolved"), "gone"),
    ],
)
def test_a_choice_is_stored_even_when_a_store_is_away(
    services: Services, failure: errors.AppError, carried: Carried
) -> None:
    services.outcome = failure
    assert settle(services) == carried
