"""What turns, history and the memory view tell of their calls and learn, with the statements that
they send anyway."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tandem.clients.budget import Asked, Tallies, Tally
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.history import START, MessageIndex
from tandem.db.memory import MemoryLedger
from tandem.db.rate_budgets import RateBudgets
from tandem.db.turns import Turns
from tandem.errors import Provider, Unavailable
from tests.integration.conftest import CountingProxy
from tests.integration.lock_waits import until_somebody_waits
from tests.integration.turn_ledger import Someone, database_at, new_turn

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _full(connection: OneRoundTrip) -> None:
    connection.run(
        "update rate_budgets set tokens = 30, counted_at = now() + interval '1 hour',"
        " paused_until = 'epoch'"  # an hour ahead nothing flows in meanwhile
    )


@pytest.fixture
def another(database: str) -> Iterator[Database]:
    """Another container's connection."""
    opened = database_at(database)
    yield opened
    opened.close()


class Process:
    """One container that answers people: its tallies, and what their breakers are told."""

    def __init__(self, database: Database, *, zep: int = 600, gemini: int = 0) -> None:
        self.holds: dict[Provider, float] = {}
        pause = RateBudgets(database).pause
        limits: list[tuple[Provider, int]] = [("zep", zep), ("mem0", 0), ("gemini", gemini)]
        self.tallies = {
            name: Tally(name, per_minute=limit, hold=self._holder(name), pause=pause)
            for name, limit in limits
        }
        self.rates = Tallies(*self.tallies.values())
        self.turns = Turns(database, self.rates)

    def _holder(self, name: Provider) -> Callable[[float], None]:
        return lambda seconds: self.holds.update({name: seconds})

    async def calls(self, name: Provider, count: int) -> None:
        for _ in range(count):
            await self.tallies[name].take("any", seconds=1.0)


def left(connection: OneRoundTrip, provider: str = "zep") -> float:
    [[tokens]] = connection.run(
        "select tokens from rate_budgets where provider = :provider", provider=provider
    )
    return float(tokens)


def test_opening_takes_one_call_for_the_turn_and_the_commit_tells_of_more(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    process = Process(container)

    async def turn(calls: int) -> None:
        opened = await ada.open(process.turns, new_turn("hello", session="s1"))
        await process.calls("zep", calls)
        await ada.commit(process.turns, opened)

    asyncio.run(turn(1))
    assert left(connection) == 29
    asyncio.run(turn(3))
    assert left(connection) == 26
    assert (left(connection, "mem0"), process.holds) == (30, {})


def test_a_repeated_turn_a_misused_key_and_an_ended_login_take_nothing(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    process = Process(container)
    asyncio.run(ada.open(process.turns, new_turn("hello", key="k", session="s1")))
    before = left(connection)
    again = asyncio.run(ada.open(process.turns, new_turn("hello", key="k", session="s1")))

    assert (again.outcome, left(connection)) == ("in_progress", before)


def test_with_an_empty_bucket_the_turn_is_opened_and_its_breaker_held(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    connection.run("update rate_budgets set tokens = -9")
    process = Process(container, gemini=60)
    turn = asyncio.run(ada.open(process.turns, new_turn("hello", session="s1")))

    assert turn.outcome == "opened"
    assert set(process.holds) == {"zep", "gemini"}
    assert 1.0 < process.holds["zep"] < 1.2 < process.holds["gemini"]


def test_a_pause_of_one_container_is_learned_by_anothers_next_opening(
    container: Database, another: Database, ada: Someone
) -> None:
    first, second = Process(container), Process(another)
    asyncio.run(first.tallies["gemini"].refused(30))
    asyncio.run(ada.open(second.turns, new_turn("hello", session="s1")))

    assert set(second.holds) == {"gemini"}
    assert 29 < second.holds["gemini"] <= 30


def test_what_an_opening_could_not_tell_is_told_by_the_next_one(
    connection: OneRoundTrip, ada: Someone, database: str
) -> None:
    working = [False]
    container = Database(
        lambda: database if working[0] else "postgresql://nobody@127.0.0.1:1/none",
        database_at(database)._settings,
    )
    process = Process(container)

    async def two_openings() -> None:
        await process.calls("zep", 4)
        with pytest.raises(Unavailable):
            await ada.open(process.turns, new_turn("hello", session="s1"))
        working[0] = True
        await ada.open(process.turns, new_turn("hello again", session="s1"))

    asyncio.run(two_openings())
    container.close()
    assert left(connection) == 25


def test_history_asks_for_a_call_only_when_there_is_something_to_fetch(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    process = Process(container)
    asyncio.run(ada.say(process.turns, "hello"))
    before = left(connection)
    index = MessageIndex(container, process.rates)

    def read() -> None:
        page = index.page(ada.principal, user_id=None, session_id="s1", after=START, limit=20)
        assert asyncio.run(page).messages

    read()
    assert left(connection) == before
    connection.run("update deliveries set state = 'ingested', sent_at = now() where store = 'zep'")
    read()
    assert left(connection) == before - 1


def test_a_look_at_memory_asks_only_for_the_stores_that_are_to_be_asked(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    ledger = MemoryLedger(container, Process(container).rates)
    asyncio.run(ledger.look(ada.principal, asks=("mem0",)))
    assert left(connection) == 30
    asyncio.run(ledger.look(ada.principal))
    assert left(connection) == 29


def test_rates_cost_no_round_trip(counting_proxy: CountingProxy, ada: Someone) -> None:
    container = database_at(counting_proxy.url)
    process = Process(container)
    asyncio.run(ada.say(process.turns, "hello"))
    counting_proxy.reset()
    asyncio.run(ada.say(process.turns, "hello again"))

    assert counting_proxy.round_trips == 2
    container.close()


def test_who_waits_for_a_session_holds_no_bucket_meanwhile(
    connection: OneRoundTrip, container: Database, another: Database, ada: Someone
) -> None:
    process = Process(container)
    asyncio.run(ada.say(process.turns, "hello"))

    async def while_it_waits() -> float:
        connection.run("begin")
        connection.run("select from accounts where id = :id for update", id=ada.account_id)
        opening = asyncio.create_task(ada.open(process.turns, new_turn("next", session="s1")))
        await until_somebody_waits(connection)
        granted = await RateBudgets(another).take(Asked("zep", 600, asked=5), keep=0.0)
        connection.run("commit")
        assert (await opening).outcome == "opened"
        return granted.calls

    assert asyncio.run(while_it_waits()) == 5


def test_turns_jobs_and_pauses_side_by_side_never_wait_for_each_other_in_a_ring(
    database: str, connection: OneRoundTrip
) -> None:
    people = [Someone.sign_up(connection) for _ in range(2)]
    containers = [database_at(database) for _ in range(6)]
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"

    async def talk(container: Database, person: Someone) -> None:
        process = Process(container, gemini=100_000)
        for number in range(25):
            await process.calls("zep", 2)
            await process.calls("gemini", 2)
            await person.say(process.turns, f"message {number}")

    async def job(container: Database) -> None:
        buckets = RateBudgets(container)
        for _ in range(60):
            await buckets.take(Asked("gemini", 100_000, asked=5), keep=0.5)
            await buckets.take(Asked("zep", 600, asked=5), keep=0.25)
            await buckets.pause("zep", 0)

    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as group:
            for number, container in enumerate(containers[:4]):
                group.create_task(talk(container, people[number % 2]))
            for container in containers[4:]:
                group.create_task(job(container))

    before = connection.run(deadlocks)
    asyncio.run(all_at_once())
    for container in containers:
        container.close()
    assert connection.run(deadlocks) == before
