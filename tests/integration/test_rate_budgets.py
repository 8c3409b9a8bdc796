"""The buckets of calls that all containers share, in real PostgreSQL."""

import asyncio
import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat_api.model import HELD_SECONDS
from tandem.clients.budget import Asked
from tandem.clients.shared_budget import KEEPS
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.rate_budgets import RateBudgets
from tandem.settings import FEWEST_CALLS
from tests.integration.turn_ledger import database_at

pytestmark = pytest.mark.integration

TAKE = """
select granted, wait_seconds
  from take_calls(array['zep'], cast(array[:limit] as int[]), cast(array[:told] as int[]),
                  cast(array[:asked] as int[]), :keep, true, cast(:at as timestamptz))
"""
START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _as_new(connection: OneRoundTrip) -> None:
    connection.run("update rate_budgets set tokens = 0, counted_at = now(), paused_until = 'epoch'")


@pytest.fixture
def another(database: str) -> Iterator[Database]:
    """Another container's connection."""
    opened = database_at(database)
    yield opened
    opened.close()


def take(
    connection: OneRoundTrip,
    seconds: float,
    *,
    limit: int = 600,
    told: int = 0,
    asked: int = 0,
    keep: float = 0.0,
) -> tuple[int, float]:
    """What is granted, and the wait, so many seconds after the start."""
    [[granted, wait]] = connection.run(
        TAKE, limit=limit, told=told, asked=asked, keep=keep, at=START + timedelta(seconds=seconds)
    )
    return granted, wait


def fill(connection: OneRoundTrip, calls: float) -> None:
    """So many calls are there at the start."""
    connection.run(
        "update rate_budgets set tokens = :calls, counted_at = :at where provider = 'zep'",
        calls=calls,
        at=START,
    )


def busiest_minute(sent: list[float]) -> int:
    return max(sum(1 for other in sent if at <= other < at + 60) for at in sent)


@pytest.mark.parametrize("limit", [5, 30, 60, 600, 1000])
def test_no_minute_holds_more_calls_than_the_plan_allows_even_if_each_goes_out_late(
    connection: OneRoundTrip, limit: int
) -> None:
    fill(connection, limit)  # at most what the bucket holds counts
    sent: list[float] = []
    for quarter in range(720):
        seconds = quarter / 4
        granted, _ = take(connection, seconds, limit=limit, asked=5)
        # The worst: those before the minute's start are late, those behind it are not.
        late = 2.9 if seconds < 60 else 0.0
        sent += [seconds + late] * granted

    assert int(limit * 0.85) <= busiest_minute(sent) <= limit


def test_three_minutes_give_nearly_what_the_plan_allows(connection: OneRoundTrip) -> None:
    fill(connection, 0)
    granted = sum(take(connection, quarter / 4, asked=5)[0] for quarter in range(720))

    assert 0.9 * 1_800 <= granted <= 1_800


def test_what_is_refused_says_when_to_come_back_and_then_gets_it(connection: OneRoundTrip) -> None:
    fill(connection, 0)
    granted, wait = take(connection, 0, asked=1)
    assert (granted, 0 < wait < 1) == (0, True)

    assert take(connection, wait * 0.9, asked=1)[0] == 0
    assert take(connection, wait + 0.001, asked=1)[0] == 1


def test_people_find_calls_when_delivery_has_had_its_share_and_jobs_come_last(
    connection: OneRoundTrip,
) -> None:
    fill(connection, 30)
    jobs = take(connection, 0, asked=100, keep=0.5)[0]
    deliveries = take(connection, 0, asked=100, keep=0.25)[0]
    refused_job, job_waits = take(connection, 0, asked=1, keep=0.5)
    refused_delivery, delivery_waits = take(connection, 0, asked=1, keep=0.25)
    people = take(connection, 0, asked=100)[0]

    assert (jobs, deliveries, refused_job, refused_delivery, people) == (15, 7, 0, 0, 8)
    assert job_waits > delivery_waits > 0


def test_while_deliveries_ask_all_the_time_people_are_never_refused_and_jobs_always(
    connection: OneRoundTrip,
) -> None:
    fill(connection, 30)
    people, jobs, deliveries = [], 0, 0
    for tenth in range(600):
        seconds = tenth / 10
        deliveries += take(connection, seconds, asked=5, keep=0.25)[0]
        if tenth % 5 == 0:
            people.append(take(connection, seconds, asked=1)[0])
        if tenth > 10:
            jobs += take(connection, seconds, asked=5, keep=0.5)[0]

    assert (set(people), jobs) == ({1}, 0)
    assert deliveries > 300


def test_calls_that_were_made_already_put_the_bucket_into_debt_within_bounds(
    connection: OneRoundTrip,
) -> None:
    fill(connection, 10)
    assert take(connection, 0, told=20, asked=1)[0] == 0
    _, wait = take(connection, 0, asked=1)
    assert 1.1 < wait < 1.3  # ten owed and one to come, nine a second

    take(connection, 0, told=10_000)
    assert take(connection, 0, asked=1)[1] < 7
    assert take(connection, 7, asked=1)[0] == 1


def test_two_containers_share_one_limit(container: Database, another: Database) -> None:
    async def both() -> list[int]:
        mine, theirs = RateBudgets(container), RateBudgets(another)
        await mine.database.rows("update rate_budgets set tokens = 30")
        granted = []
        for _ in range(10):
            answers = await asyncio.gather(
                *(one.take(Asked("zep", 600, asked=5), keep=0.0) for one in (mine, theirs))
            )
            granted += [answer.calls for answer in answers]
        return granted

    assert 30 <= sum(asyncio.run(both())) <= 45


def test_a_refusal_that_one_has_met_stops_the_others_also_without_a_limit(
    container: Database, another: Database
) -> None:
    async def refused(retry_after_seconds: int | None, *, per_minute: int) -> Any:
        await RateBudgets(container).pause("mem0", retry_after_seconds)
        return await RateBudgets(another).take(Asked("mem0", per_minute, asked=1), keep=0.0)

    for per_minute in (0, 600):
        granted = asyncio.run(refused(20, per_minute=per_minute))
        assert (granted.calls, 19 < granted.wait_seconds <= 20) == (0, True)

    # Nor does a shorter one cut it short; what nobody could mean is bounded.
    assert asyncio.run(refused(None, per_minute=0)).wait_seconds > 18
    assert 295 < asyncio.run(refused(86_400, per_minute=0)).wait_seconds <= 300


def test_without_a_limit_and_a_pause_everything_is_granted_and_no_row_written(
    connection: OneRoundTrip, container: Database
) -> None:
    before = connection.run("select xmin::text from rate_budgets order by provider")
    granted = asyncio.run(RateBudgets(container).take(Asked("gemini", 0, asked=50), keep=0.5))

    assert (granted.calls, granted.wait_seconds) == (50, 0.0)
    assert connection.run("select xmin::text from rate_budgets order by provider") == before


@pytest.mark.parametrize("per_minute", [0, 600])
def test_a_bucket_that_somebody_has_deleted_refuses_nobody_until_the_provider_does(
    connection: OneRoundTrip, container: Database, per_minute: int
) -> None:
    buckets, asked = RateBudgets(container), Asked("mem0", per_minute, asked=3)
    connection.run("delete from rate_budgets where provider = 'mem0'")
    try:
        granted = asyncio.run(buckets.take(asked, keep=0.5))
        asyncio.run(buckets.pause("mem0", 20))
        refused = asyncio.run(buckets.take(asked, keep=0.5))
    finally:
        connection.run("insert into rate_budgets values ('mem0') on conflict do nothing")

    assert (granted.calls, granted.wait_seconds) == (3, 0.0)
    assert (refused.calls, refused.wait_seconds > 19) == (0, True)


def test_with_the_smallest_plan_that_is_accepted_everybody_can_make_two_calls_in_a_row(
    connection: OneRoundTrip,
) -> None:
    """Else who needs two for one step would come back for ever and always make the first one."""
    for keep, call_seconds in ((KEEPS["deliveries"], 8.0), (KEEPS["jobs"], 10.0)):
        fill(connection, 2 * keep + 1)  # the moment at which the first one is there
        assert take(connection, 0, limit=FEWEST_CALLS, asked=1, keep=keep) == (1, 0.0)
        refused, wait = take(connection, 0, limit=FEWEST_CALLS, asked=1, keep=keep)

        # Half of what a call may take is for waiting, see `ProviderHttp`; the first one took some.
        assert (refused, wait < call_seconds / 2 - 1.0) == (0, True)


def test_a_clock_that_goes_backwards_gives_nothing_and_costs_nothing(
    connection: OneRoundTrip,
) -> None:
    fill(connection, 10)
    assert take(connection, 10, asked=30)[0] == 30
    assert take(connection, -3_600, asked=1)[0] == 0
    assert take(connection, 11, asked=30)[0] == 9


def test_people_who_wait_for_a_provider_rather_than_be_refused_keep_to_the_plan(
    connection: OneRoundTrip,
) -> None:
    """Who has waited calls without a grant, and tells it with the turn's commit. If debts were
    forgotten too early, the wait would always be short enough, and nobody ever refused."""
    fill(connection, 0)
    limit, sent = 60, list[float]()
    events = [(container / 10, 0) for container in range(10)]  # when, and how many calls are told
    while events[0][0] < 200:
        now, told = heapq.heappop(events)
        if told:
            take(connection, now, limit=limit, told=told)
            heapq.heappush(events, (now, 0))
            continue
        granted, wait = take(connection, now, limit=limit, asked=1)
        if granted or wait <= HELD_SECONDS:
            sent.append(now if granted else now + wait)
            heapq.heappush(events, (sent[-1] + 1.0, 1 - granted))  # a second for the model
        else:
            heapq.heappush(events, (now + wait, 0))

    assert busiest_minute([at for at in sent if at > 60]) <= 1.2 * limit
