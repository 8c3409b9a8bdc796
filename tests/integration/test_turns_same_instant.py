"""One key opens one turn, also when two statements begin in the same microsecond."""

import asyncio
from collections.abc import Iterator

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turn, Turns
from tests.integration.lock_waits import until_somebody_waits
from tests.integration.turn_ledger import Someone, database_at, new_turn

pytestmark = pytest.mark.integration

# Found before PostgreSQL's own `now()`, so that two transactions begin at one moment.
FROZEN = """
create schema frozen;
create function frozen.now() returns timestamptz language sql stable
    as $$ select date_trunc('hour', pg_catalog.now()) $$
"""


@pytest.fixture
def frozen(connection: OneRoundTrip) -> Iterator[None]:
    connection.run(FROZEN)
    yield
    connection.run("drop schema frozen cascade")


async def stopped_clock(database: str) -> Database:
    container = database_at(database)
    await container.rows("set search_path = frozen, pg_catalog, public")
    return container


@pytest.mark.usefixtures("frozen")
def test_two_that_begin_in_the_same_microsecond_open_one_turn(
    database: str, ada: Someone, connection: OneRoundTrip
) -> None:
    async def both() -> tuple[Turn, Turn]:
        first, second = await stopped_clock(database), await stopped_clock(database)
        await first.rows("begin")
        opened = await ada.open(Turns(first), new_turn("m", key="k", session="s"))
        late = asyncio.create_task(ada.open(Turns(second), new_turn("m", key="k", session="s")))
        await until_somebody_waits(connection)
        await first.rows("commit")
        answers = opened, await late
        first.close()
        second.close()
        return answers

    opened, late = asyncio.run(both())

    assert (opened.outcome, late.outcome) == ("opened", "in_progress")
    assert late.turn_id == opened.turn_id
    assert [seq for seq, *_ in ada.turns()] == [1]
