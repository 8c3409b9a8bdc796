"""Who counts calls, who waits for them, and what they tell each other."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tandem.clients.budget import Asked, Granted, Tallies, Tally
from tandem.clients.shared_budget import SharedBudget
from tandem.errors import Provider, Unavailable, UpstreamRateLimited


@dataclass
class FakeBuckets:
    """Grants what it is told to, one answer after the other; then everything."""

    answers: list[Granted | Exception] = field(default_factory=list)
    asked: list[tuple[Asked, float]] = field(default_factory=list)
    pauses: list[tuple[Provider, int | None]] = field(default_factory=list)

    async def take(self, asked: Asked, *, keep: float) -> Granted:
        self.asked.append((asked, keep))
        answer = self.answers.pop(0) if self.answers else Granted("zep", asked.asked, 0.0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def pause(self, provider: Provider, retry_after_seconds: int | None) -> None:
        self.pauses.append((provider, retry_after_seconds))


@dataclass
class World:
    """A budget whose clock runs only while somebody sleeps."""

    buckets: FakeBuckets = field(default_factory=FakeBuckets)
    now: float = 1_000.0

    def budget(self, *, per_minute: int = 600, share: str = "deliveries") -> SharedBudget:
        return SharedBudget(
            "zep",
            self.buckets,
            per_minute=per_minute,
            share=share,  # type: ignore[arg-type]
            sleep=self.sleep,
            clock=lambda: self.now,
            jitter=lambda: 0.0,
        )

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def world() -> World:
    return World()


def tally(holds: list[float], pauses: list[object], *, per_minute: int = 600) -> Tally:
    async def pause(provider: Provider, seconds: int | None) -> None:
        pauses.append((provider, seconds))

    return Tally("zep", per_minute=per_minute, hold=holds.append, pause=pause)


async def calls(count: int, take: Callable[..., object]) -> None:
    for _ in range(count):
        await take("thread.get", seconds=1.0)  # type: ignore[misc]


def test_a_tally_tells_only_the_calls_that_were_not_granted() -> None:
    one = tally([], [])
    counts = Tallies(one)

    assert counts.told(["zep"]) == [Asked("zep", 600, told=0, asked=1)]
    counts.learned([Granted("zep", 1, 0.0)])
    asyncio.run(calls(3, one.take))

    assert counts.told() == [Asked("zep", 600, told=2, asked=0)]
    assert counts.told() == [Asked("zep", 600, told=0, asked=0)]


def test_what_was_granted_to_an_earlier_request_is_not_good_for_a_later_one() -> None:
    one = tally([], [])
    one.learned(Granted("zep", 1, 0.0))
    one.told(0)
    asyncio.run(calls(1, one.take))

    assert one.told(0).told == 1


def test_counts_that_could_not_be_told_are_told_with_the_next_statement() -> None:
    one = tally([], [])
    counts = Tallies(one)
    asyncio.run(calls(2, one.take))
    told = counts.told()
    asyncio.run(calls(1, one.take))
    counts.put_back(told)

    assert counts.told() == [Asked("zep", 600, told=3, asked=0)]


def test_a_wait_that_a_statement_tells_holds_the_breaker_and_a_grant_does_not() -> None:
    holds: list[float] = []
    counts = Tallies(tally(holds, []))
    counts.learned([Granted("zep", 0, 2.5)])
    counts.learned([Granted("zep", 1, 0.0)])

    assert holds == [2.5]


def test_only_who_is_to_be_called_is_asked_for() -> None:
    zep = tally([], [])
    mem0 = Tally("mem0", per_minute=0, hold=lambda _: None, pause=FakeBuckets().pause)

    assert [one.asked for one in Tallies(zep, mem0).told(["mem0"])] == [0, 1]


@pytest.mark.parametrize(("asked", "held"), [(7, 7), (None, 1)])
def test_a_refusal_holds_the_own_breaker_and_is_told_to_everybody(
    asked: int | None, held: float
) -> None:
    holds: list[float] = []
    pauses: list[object] = []
    asyncio.run(tally(holds, pauses).refused(asked))

    assert (holds, pauses) == ([held], [("zep", asked)])


def test_a_job_takes_a_handful_and_asks_again_when_it_is_used_up(world: World) -> None:
    asyncio.run(calls(6, world.budget().take))

    assert world.buckets.asked == [(Asked("zep", 600, asked=5), 0.25)] * 2


def test_a_small_plan_is_taken_one_by_one_and_none_at_all_by_the_many(world: World) -> None:
    asyncio.run(calls(2, world.budget(per_minute=60, share="jobs").take))
    assert world.buckets.asked == [(Asked("zep", 60, asked=1), 0.5)] * 2

    world.buckets.asked.clear()
    asyncio.run(calls(50, world.budget(per_minute=0).take))
    assert [asked.asked for asked, _ in world.buckets.asked] == [50]


@pytest.mark.parametrize("seconds", [2.1, -60.0, 86_400.0])
def test_calls_that_were_not_used_in_time_are_forfeit_whatever_the_clock_does(
    world: World, seconds: float
) -> None:
    async def later() -> None:
        budget = world.budget()
        await calls(1, budget.take)
        world.now += seconds
        await calls(1, budget.take)

    asyncio.run(later())
    assert len(world.buckets.asked) == 2


def test_a_job_waits_as_long_as_it_is_told_to(world: World) -> None:
    world.buckets.answers = [Granted("zep", 0, 0.5), Granted("zep", 0, 0.25)]
    asyncio.run(calls(1, world.budget().take))

    assert world.now == 1_000.75


def test_a_wait_that_does_not_fit_is_refused_at_once_with_when_to_come_back(world: World) -> None:
    world.buckets.answers = [Granted("zep", 0, 12.3)]
    with pytest.raises(UpstreamRateLimited) as refused:
        asyncio.run(calls(1, world.budget().take))

    assert refused.value.retry_after_seconds == 13
    assert (refused.value.context["reason"], refused.value.context["sent"]) == ("budget", False)
    assert (refused.value.status, world.now) == (None, 1_000.0)


def test_while_nobody_may_call_one_of_many_asks_and_the_others_know(world: World) -> None:
    async def many() -> list[BaseException | None]:
        budget = world.budget()
        return await asyncio.gather(
            *(calls(1, budget.take) for _ in range(10)), return_exceptions=True
        )

    world.buckets.answers = [Granted("zep", 0, 30.0)]
    refused = asyncio.run(many())

    assert len(world.buckets.asked) == 1
    assert {type(error) for error in refused} == {UpstreamRateLimited}


@pytest.mark.parametrize(("asked", "later"), [(4, 4.5), (None, 1.5), (86_400, 300.5)])
def test_after_a_refusal_by_the_provider_what_was_taken_before_is_not_used(
    world: World, asked: int | None, later: float
) -> None:
    async def refused() -> None:
        budget = world.budget()
        await calls(1, budget.take)
        await budget.refused(asked)
        world.buckets.answers = [Granted("zep", 0, 0.5)]
        await budget.take("thread.get", seconds=1_000.0)

    asyncio.run(refused())
    assert (world.buckets.pauses, world.now) == ([("zep", asked)], 1_000 + later)


def test_without_the_database_no_job_calls(world: World) -> None:
    world.buckets.answers = [Unavailable(code="database_unavailable")]
    with pytest.raises(UpstreamRateLimited) as refused:
        asyncio.run(calls(1, world.budget().take))

    assert refused.value.context["sent"] is False


def test_a_database_that_hangs_takes_no_longer_than_the_call_may_wait(world: World) -> None:
    async def never(asked: Asked, *, keep: float) -> Granted:  # noqa: ARG001 - as in Buckets
        await asyncio.Event().wait()
        raise AssertionError

    world.buckets.take = never  # type: ignore[method-assign]
    with pytest.raises(UpstreamRateLimited):
        asyncio.run(world.budget().take("thread.get", seconds=0.01))
