"""Planning: pages, messages and the end of the time."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from memory_api.jobs.planning import Plan, PlanInterrupted
from tandem.db.planning import Page
from tandem.deadline import Deadline
from tandem.ids import AccountId

LONG = 290.0


def account(number: int) -> AccountId:
    return AccountId(UUID(int=number + 1))


class World:
    """Accounts by number, some of them due; a queue; and a clock that each page moves on."""

    def __init__(self, accounts: int, *, due_every: int = 1, page_seconds: float = 1.0) -> None:
        self.accounts = [account(number) for number in range(accounts)]
        self.due = self.accounts[::due_every]
        self.page_seconds = page_seconds
        self.seconds = 0.0
        self.sent: list[AccountId] = []
        self.rest: list[AccountId] = []
        self.refuses: set[AccountId] = set()
        self.is_away = False
        self.asked: list[tuple[int, int]] = []

    async def page(self, after: AccountId | None, *, rows: int, hidden_days: int) -> Page:
        self.asked.append((rows, hidden_days))
        self.seconds += self.page_seconds
        left = [a for a in self.accounts if after is None or a > after][:rows]
        last = left[-1] if len(left) == rows else None
        return Page([a for a in left if a in self.due], last)

    async def send_all(self, account_ids: Sequence[AccountId]) -> int:
        assert account_ids
        lost = [a for a in account_ids if a in self.refuses]
        self.sent += [a for a in account_ids if a not in self.refuses]
        return len(lost)

    async def send_rest_of_plan(self, after: AccountId) -> bool:
        self.rest += [] if self.is_away else [after]
        return not self.is_away

    def plan(self, after: AccountId | None = None, seconds: float = LONG) -> dict[str, int]:
        plan = Plan(self, self, hidden_days=30, page_rows=10)
        deadline = Deadline(seconds, clock=lambda: self.seconds)
        return asyncio.run(plan.carry_out(after, deadline)).counts()


@pytest.mark.parametrize(("accounts", "pages"), [(0, 1), (9, 1), (10, 2), (25, 3)])
def test_everybody_who_is_due_gets_one_message(accounts: int, pages: int) -> None:
    world = World(accounts, due_every=3)

    assert world.plan() == {"pages": pages, "people": len(world.due), "goes_on": 0}

    assert world.sent == world.due
    assert world.asked == [(10, 30)] * pages


def test_what_the_time_does_not_suffice_for_goes_on_where_it_ended() -> None:
    world = World(1_000, page_seconds=60.0)

    counts = world.plan()

    assert counts == {"pages": 4, "people": 40, "goes_on": 1}
    assert (world.sent, world.rest) == (world.accounts[:40], [account(39)])


def test_any_number_of_continuations_reach_everybody_once() -> None:
    world = World(205, due_every=2, page_seconds=100.0)
    world.plan()
    while world.rest:
        world.plan(after=world.rest.pop())
    assert world.sent == world.due


def test_a_page_that_comes_too_late_is_planned_all_the_same_so_that_each_call_gets_on() -> None:
    world = World(30)
    assert world.plan(seconds=1.0) == {"pages": 1, "people": 10, "goes_on": 1}


def test_a_plan_whose_messages_are_lost_fails_and_is_whole_when_it_is_started_again() -> None:
    world = World(25)
    world.refuses = {account(12)}
    with pytest.raises(PlanInterrupted):
        world.plan()
    assert account(20) not in world.sent  # nobody goes on asking a queue that is away

    world.refuses = set()
    world.plan()

    assert set(world.sent) == set(world.accounts)


def test_a_plan_that_can_not_hand_on_the_rest_fails() -> None:
    world = World(25, page_seconds=LONG)
    world.is_away = True
    with pytest.raises(PlanInterrupted):
        world.plan()
