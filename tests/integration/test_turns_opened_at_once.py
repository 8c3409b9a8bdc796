"""Opening turns against real PostgreSQL: at once, again, in order, in one round trip."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turn, Turns
from tandem.errors import Conflict
from tests.integration.conftest import CountingProxy
from tests.integration.lock_waits import until_somebody_waits
from tests.integration.turn_ledger import Someone, database_at, new_turn

pytestmark = pytest.mark.integration


@pytest.fixture
def another(database: str) -> Iterator[Database]:
    """Another container's connection."""
    opened = database_at(database)
    yield opened
    opened.close()


async def second_while_first_is_open(
    connection: OneRoundTrip,
    container: Database,
    another: Database,
    first: Any,
    second: Any,
    *,
    end: str,
) -> tuple[Turn, Any]:
    """Runs `first` in a transaction that stays open until `second` waits for it."""
    await container.rows("begin")
    opened = await first(Turns(container))
    other = asyncio.create_task(second(Turns(another)))
    await until_somebody_waits(connection)
    await container.rows(end)
    return opened, (await asyncio.gather(other, return_exceptions=True))[0]


def test_one_key_opens_one_turn_though_the_first_transaction_is_still_open(
    connection: OneRoundTrip, container: Database, another: Database, ada: Someone
) -> None:
    first, second = (new_turn("hello", key="k", session="s1") for _ in range(2))

    opened, other = asyncio.run(
        second_while_first_is_open(
            connection,
            container,
            another,
            lambda turns: ada.open(turns, first),
            lambda turns: ada.open(turns, second),
            end="commit",
        )
    )

    assert (opened.outcome, opened.turn_id) == ("opened", first.turn_id)
    assert (other.outcome, other.turn_id) == ("in_progress", first.turn_id)
    assert ada.turns() == [[1, "open", 1, "hello"]]
    assert ada.rows("sessions", "session_id, next_seq", "1") == [["s1", 2]]


def test_the_same_key_for_another_message_is_a_conflict_even_while_the_first_is_being_opened(
    connection: OneRoundTrip, container: Database, another: Database, ada: Someone
) -> None:
    _, other = asyncio.run(
        second_while_first_is_open(
            connection,
            container,
            another,
            lambda turns: ada.open(turns, new_turn("hello", key="k")),
            lambda turns: ada.open(turns, new_turn("goodbye", key="k")),
            end="commit",
        )
    )

    assert isinstance(other, Conflict)
    assert other.code == "idempotency_conflict"
    assert len(ada.turns()) == 1


@pytest.mark.parametrize(("end", "attempt"), [("commit", 2), ("rollback", 1)])
def test_an_opening_that_is_repeated_while_the_first_still_runs_gets_the_turn(
    connection: OneRoundTrip,
    container: Database,
    another: Database,
    ada: Someone,
    end: str,
    attempt: int,
) -> None:
    new = new_turn("hello", session="s1")

    _, repeated = asyncio.run(
        second_while_first_is_open(
            connection,
            container,
            another,
            lambda turns: ada.open(turns, new),
            lambda turns: ada.open(turns, new),
            end=end,
        )
    )

    assert (repeated.outcome, repeated.turn_id, repeated.attempt) == (
        "opened",
        new.turn_id,
        attempt,
    )
    assert ada.turns() == [[1, "open", attempt, "hello"]]
    assert ada.rows("sessions", "next_seq", "1") == [[2]]


def test_an_opening_whose_answer_was_lost_is_repeated_without_a_gap_and_without_a_second_turn(
    counting_proxy: CountingProxy, ada: Someone
) -> None:
    container = database_at(counting_proxy.url)
    turns = Turns(container)

    async def story() -> tuple[Turn, Turn, Turn]:
        new = new_turn("hello", session="s1")
        first = await ada.open(turns, new)
        counting_proxy.cut()
        again = await ada.open(turns, new)
        counting_proxy.cut()
        return first, again, await ada.open(turns, new_turn("next", session="s1"))

    first, again, following = asyncio.run(story())
    container.close()

    assert (first.turn_id, first.session_row) == (again.turn_id, again.session_row)
    assert (first.attempt, again.attempt, again.outcome) == (1, 2, "opened")
    assert following.recent == [("hello", None)]
    assert [row[0] for row in ada.turns()] == [1, 2]


def test_twenty_parallel_turns_of_one_session_get_seqs_without_gaps_in_the_order_of_time(
    database: str, ada: Someone
) -> None:
    containers = [database_at(database) for _ in range(20)]

    async def story() -> list[Turn]:
        opening = (
            ada.open(Turns(container), new_turn(f"message {n}", session="s1"))
            for n, container in enumerate(containers)
        )
        return await asyncio.gather(*opening)

    opened = asyncio.run(story())
    for container in containers:
        container.close()

    assert {turn.outcome for turn in opened} == {"opened"}
    rows = ada.rows("turns", "seq, said_at, session_row", "seq")
    assert [row[0] for row in rows] == list(range(1, 21))
    moments = [row[1] for row in rows]
    assert moments == sorted(set(moments))
    assert len({row[2] for row in rows}) == 1


def test_round_trips_are_one_to_open_one_to_commit_one_to_read(
    counting_proxy: CountingProxy, ada: Someone
) -> None:
    container = database_at(counting_proxy.url)
    turns, counted = Turns(container), []

    async def story() -> None:
        await ada.open(turns, new_turn("connects", session="s1"))
        counting_proxy.reset()
        turn = await ada.open(turns, new_turn("hello", session="s1"))
        counted.append(counting_proxy.round_trips)
        await ada.commit(turns, turn)
        counted.append(counting_proxy.round_trips)
        await turns.read(ada.principal, turn.turn_id)
        counted.append(counting_proxy.round_trips)

    asyncio.run(story())
    container.close()
    assert counted == [1, 2, 3]
