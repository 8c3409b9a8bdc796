"""PostgreSQL refuses, hangs, dawdles, is full, ends a backend: what becomes of a statement.

Each test looks at three things: what the caller gets, how often the statement ran, and how long
it took in all. The sequence counts the runs, since what it gave stays given.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.faulty_wire import FaultyWire, Mode
from local.postgres import Postgres
from tandem.db.connection import Database, OneRoundTrip
from tandem.errors import Unavailable
from tandem.settings import DatabaseSettings

pytestmark = pytest.mark.integration

DEADLINE_SECONDS = 10.0
CONNECT_SECONDS = 0.5
STATEMENT_SECONDS = 0.5
MARGIN_SECONDS = 0.6  # a busy machine's
BOUND_SECONDS = CONNECT_SECONDS + STATEMENT_SECONDS + MARGIN_SECONDS
RUN = "select nextval('times_run') as run"
RUN_SLOWLY = "select nextval('times_run') as run, pg_sleep(0.2)"


def settings(
    connect: float = CONNECT_SECONDS, statement: float = STATEMENT_SECONDS
) -> DatabaseSettings:
    return DatabaseSettings(database_connect_seconds=connect, database_statement_seconds=statement)


def moved(url: str, port: int) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@{parts.hostname}:{port}").geturl()


@pytest.fixture
def wire(database: str) -> Iterator[FaultyWire]:
    with FaultyWire(lambda: urlsplit(database).port or 0) as wire:
        yield wire


@pytest.fixture
def behind(wire: FaultyWire, database: str) -> Iterator[Database]:
    """A container's connection that goes by the wire."""
    url = moved(database, wire.port)
    with closing(Database(lambda: url, settings())) as opened:
        yield opened


@pytest.fixture
def patient(wire: FaultyWire, database: str) -> Iterator[Database]:
    """The same with more time to connect than anybody needs."""
    url = moved(database, wire.port)
    with closing(Database(lambda: url, settings(connect=5.0))) as opened:
        yield opened


@pytest.fixture
def runs(connection: OneRoundTrip) -> Iterator[Callable[[], int]]:
    """How often a statement ran that counts."""
    connection.run("create sequence times_run")
    yield lambda: connection.run("select last_value - (not is_called)::int from times_run")[0][0]
    connection.run("drop sequence times_run")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


@contextmanager
def soon(action: Callable[[], object], seconds: float = 0.15) -> Iterator[None]:
    """Does it a little later, beside what the caller does."""
    timer = threading.Timer(seconds, action)
    timer.start()
    yield
    timer.join()


async def refused(asked: Awaitable[object]) -> str:
    with pytest.raises(Unavailable) as error:
        await asked
    assert error.value.code == "database_unavailable"
    return str(error.value.context["reason"])


async def opened(container: Database) -> None:
    """It has its connection, however slow the machine is just now."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            await container.row("select 1 as one")
        except Unavailable:
            assert time.monotonic() < ends_at
        else:
            return


async def at_work(connection: OneRoundTrip, known: list[int]) -> int:
    """The process of the backend that runs the slow statement now, other than those known."""
    active = """
    select pid from pg_stat_activity
     where state = 'active' and query = :query and pid <> all(cast(:known as int[]))
    """
    ends_at = time.monotonic() + DEADLINE_SECONDS
    asked = {"query": RUN_SLOWLY, "known": known}
    while not (found := await asyncio.to_thread(connection.run, active, **asked)):
        assert time.monotonic() < ends_at, "nobody is at work"
        await asyncio.sleep(0.01)
    return int(found[0][0])


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("refuse", "ConnectionRefusedError"),
        ("reset", "ConnectionResetError"),
        ("hang", "TimeoutError"),
    ],
)
@pytest.mark.parametrize("repeatable", [True, False])
def test_a_database_that_stays_away_is_unavailable_in_time_and_nothing_runs(
    mode: Mode,
    reason: str,
    repeatable: bool,
    wire: FaultyWire,
    behind: Database,
    runs: Callable[[], int],
) -> None:
    async def story() -> str:
        await opened(behind)
        wire.mode = mode
        with within(BOUND_SECONDS):
            return await refused(behind.row(RUN, repeatable=repeatable))

    assert asyncio.run(story()) == reason
    assert runs() == 0


def test_with_the_limits_of_a_turn_a_hanging_database_costs_three_seconds_and_no_more(
    wire: FaultyWire, database: str
) -> None:
    url = moved(database, wire.port)

    async def story(container: Database) -> None:
        await opened(container)
        wire.mode = "hang"
        with within(3.0 + MARGIN_SECONDS):
            # The second waits for the first one's end, and that counts as well.
            await asyncio.gather(
                *(refused(container.row("select 1 as one", repeatable=True)) for _ in range(2))
            )

    with closing(Database(lambda: url, DatabaseSettings())) as container:
        asyncio.run(story(container))


@pytest.mark.parametrize("mode", ["refuse", "reset"])
def test_a_database_that_is_back_within_the_time_to_connect_costs_nobody_an_error(
    mode: Mode, wire: FaultyWire, patient: Database, runs: Callable[[], int]
) -> None:
    async def story() -> None:
        for _ in range(2):  # with no connection yet, and with one that is cut
            wire.mode = mode
            with soon(lambda: setattr(wire, "mode", "pass")):
                await patient.row(RUN)

    asyncio.run(story())
    assert runs() == 2


def test_a_full_database_is_asked_again_until_it_has_room_or_the_time_is_over(
    wire: FaultyWire,
    behind: Database,
    patient: Database,
    connection: OneRoundTrip,
    runs: Callable[[], int],
) -> None:
    [[name]] = connection.run("select current_database()")

    def room(places: int) -> None:
        connection.run(f"alter database {name} connection limit {places}")

    async def story() -> None:
        room(1)  # which `connection` has
        with within(CONNECT_SECONDS + MARGIN_SECONDS):
            assert await refused(behind.row(RUN)) == "refused 53300"
        assert 2 <= wire.connections <= 10
        with soon(lambda: room(-1)):
            await patient.row(RUN)

    try:
        asyncio.run(story())
    finally:
        room(-1)
    assert runs() == 1


def test_a_password_that_is_refused_is_not_tried_again(wire: FaultyWire, database: str) -> None:
    url = moved(database, wire.port).replace("app:", "app:not-")
    with closing(Database(lambda: url, settings())) as container:
        assert asyncio.run(refused(container.rows("select 1"))) == "refused 28P01"
    assert wire.connections == 1


def test_a_connection_that_was_cut_in_its_sleep_is_found_before_anything_is_sent(
    wire: FaultyWire, patient: Database, connection: OneRoundTrip, runs: Callable[[], int]
) -> None:
    async def backend() -> int:
        return int((await patient.row("select pg_backend_pid() as pid"))["pid"])

    async def story() -> None:
        await backend()
        wire.cut()
        await patient.row(RUN)  # may not be repeated, and need not be
        pid = await backend()
        connection.run("select pg_terminate_backend(:pid, 5000)", pid=pid)
        await patient.row(RUN)
        assert await backend() != pid

    asyncio.run(story())
    assert runs() == 2


@pytest.mark.parametrize("how", ["terminated", "cut"])
def test_what_dies_at_work_is_repeated_once_if_it_may_be_and_never_else(
    how: str, wire: FaultyWire, connection: OneRoundTrip, runs: Callable[[], int], database: str
) -> None:
    struck_before: list[int] = []

    async def struck(container: Database, *, repeatable: bool) -> dict[str, Any] | str:
        asked = asyncio.create_task(container.row(RUN_SLOWLY, repeatable=repeatable))
        pid = await at_work(connection, struck_before)
        struck_before.append(pid)
        if how == "cut":
            wire.cut()
        else:
            connection.run("select pg_terminate_backend(:pid)", pid=pid)
        return (await asked) if repeatable else await refused(asked)

    async def story(container: Database) -> None:
        assert isinstance(await struck(container, repeatable=False), str)
        assert runs() == 1
        # On a connection that is new as well as on one that has been used.
        for number in (3, 5):
            answer = await struck(container, repeatable=True)
            assert isinstance(answer, dict)
            assert answer["run"] == number
        assert runs() == 5

    url = moved(database, wire.port)
    with closing(Database(lambda: url, settings(statement=10))) as container:
        asyncio.run(story(container))


@pytest.mark.parametrize("repeatable", [True, False])
def test_answers_that_come_too_late_are_given_up_in_time_and_the_statement_ran_once(
    repeatable: bool, wire: FaultyWire, behind: Database, runs: Callable[[], int]
) -> None:
    async def story() -> str:
        await opened(behind)
        wire.delay_seconds = 3.0
        wire.mode = "slow"
        with within(BOUND_SECONDS):
            return await refused(behind.row(RUN, repeatable=repeatable))

    assert asyncio.run(story()) == "TimeoutError"
    assert runs() == 1


def test_opening_a_connection_takes_no_longer_than_its_limit_however_many_answers_it_needs(
    wire: FaultyWire, behind: Database
) -> None:
    # Each of the four answers of a login is in time.
    wire.delay_seconds = CONNECT_SECONDS * 0.75
    wire.mode = "slow"
    with within(CONNECT_SECONDS + MARGIN_SECONDS):
        assert asyncio.run(refused(behind.row("select 1 as one"))) == "TimeoutError"


def test_after_a_minute_s_rest_a_connection_that_died_silently_costs_half_a_second(
    wire: FaultyWire, database: str, runs: Callable[[], int]
) -> None:
    now = [0.0]
    url = moved(database, wire.port)

    async def story(container: Database) -> None:
        await opened(container)
        before = wire.connections
        now[0] += 61.0
        wire.mode = "hang"
        with soon(lambda: setattr(wire, "mode", "pass")), within(0.5 + MARGIN_SECONDS):
            await container.row(RUN, repeatable=True)
        now[0] += 61.0
        await container.row(RUN)  # may not be repeated, so it goes on a fresh connection at once
        assert wire.connections == before + 2
        await container.row(RUN)
        assert wire.connections == before + 2

    with closing(Database(lambda: url, DatabaseSettings(), clock=lambda: now[0])) as container:
        asyncio.run(story(container))
    assert runs() == 3


def test_a_restart_costs_nobody_an_answer(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        server.create_database("restarted")
        with (
            FaultyWire(lambda: server.port) as wire,
            closing(
                Database(lambda: moved(server.url("restarted"), wire.port), settings(connect=5.0))
            ) as container,
        ):
            asyncio.run(_ask_all_through_a_restart(server, container))
    finally:
        server.remove()


async def _ask_all_through_a_restart(server: Postgres, container: Database) -> None:
    def restart() -> None:
        server.stop()
        server.start()

    [before] = await container.rows("select pg_postmaster_start_time() as at")
    restarting = asyncio.create_task(asyncio.to_thread(restart))
    asked = 0
    while not restarting.done() or asked < 3:
        [row] = await container.rows("select pg_postmaster_start_time() as at", repeatable=True)
        asked += 1
    await restarting
    assert row["at"] > before["at"]
