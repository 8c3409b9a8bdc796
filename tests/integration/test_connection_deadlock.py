"""What becomes of a statement that PostgreSQL ends because two wait for each other."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from tandem.db.connection import OneRoundTrip
from tandem.errors import Unavailable
from tests.integration.lock_waits import until_somebody_waits
from tests.integration.turn_ledger import database_at

pytestmark = pytest.mark.integration

BOTH = """
with one as (update pair set n = n + cast(:by as int) where id = 1 returning n)
update pair set n = pair.n + :by from one where id = 2 returning pair.n
"""


@pytest.fixture
def pair(connection: OneRoundTrip) -> Iterator[None]:
    connection.run("create table pair (id int primary key, n int)")
    connection.run("insert into pair values (1, 0), (2, 0)")
    yield
    connection.run("drop table pair")


@pytest.mark.usefixtures("pair")
def test_a_statement_that_a_deadlock_undid_is_unavailable_for_now_and_works_again(
    database: str, connection: OneRoundTrip
) -> None:
    async def caught_in_a_ring() -> bool:
        """Whether it was the container that PostgreSQL chose to end."""
        with closing(database_at(database)) as other, closing(database_at(database)) as container:
            await other.rows("begin")
            await other.rows("update pair set n = n + 10 where id = 2")
            both = asyncio.create_task(container.rows(BOTH, by=1))
            await until_somebody_waits(connection)
            try:
                await other.rows("update pair set n = n + 10 where id = 1")
            except Unavailable:
                await asyncio.gather(both, return_exceptions=True)
                return False
            await other.rows("rollback")
            with pytest.raises(Unavailable) as undone:
                await both
            assert undone.value.code == "database_unavailable"
            before = (await container.rows("select n from pair where id = 2"))[0]["n"]
            assert (await container.row(BOTH, by=1))["n"] == before + 1
            return True

    # PostgreSQL looks for a ring a second after a wait began. On a busy machine the ring may close
    # later than that; then it is the other one who notices, and is ended.
    assert any(asyncio.run(caught_in_a_ring()) for _ in range(5))
