"""What a key stands for, against real PostgreSQL: one message, for a day, resumed after a fault."""

import asyncio
from typing import Any

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turn, Turns
from tandem.errors import Conflict
from tests.integration.turn_ledger import Someone, new_turn

pytestmark = pytest.mark.integration


def test_a_key_belongs_to_one_message_and_one_session_of_one_account(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    turns, bob = Turns(container), Someone.sign_up(connection)

    async def story() -> None:
        turn = await ada.open(turns, new_turn("hello", key="k", session="s1"))
        for again in (new_turn("hello", key="k"), new_turn("hello", key="k", session="s1")):
            assert (await ada.open(turns, again)).outcome == "in_progress"
        for other in (
            new_turn("Hello", key="k"),
            new_turn("hello", key="k", session="s2"),
            new_turn("other", key=str(turn.turn_id)),
        ):
            with pytest.raises(Conflict) as refused:
                await ada.open(turns, other)
            assert refused.value.code == "idempotency_conflict"
        assert (await bob.open(turns, new_turn("anything", key="k"))).outcome == "opened"
        assert (await bob.open(turns, new_turn("mine", key=str(turn.turn_id)))).outcome == "opened"

    asyncio.run(story())
    assert len(ada.turns()) == 1
    assert len(bob.turns()) == 2


@pytest.mark.parametrize(("message", "session"), [("other", "s1"), ("hello", "s2")])
def test_a_misused_key_does_not_take_a_released_turn_from_its_owner(
    container: Database, ada: Someone, message: str, session: str
) -> None:
    turns = Turns(container)

    async def story() -> Turn:
        turn = await ada.open(turns, new_turn("hello", key="k", session="s1"))
        await turns.release(turn)
        with pytest.raises(Conflict):
            await ada.open(turns, new_turn(message, key="k", session=session))
        return await ada.open(turns, new_turn("hello", key="k", session="s1"))

    again = asyncio.run(story())
    assert (again.outcome, again.attempt) == ("opened", 2)


def test_a_repeat_is_given_what_was_answered_and_a_turn_id_works_as_the_key(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> tuple[Turn, list[Turn]]:
        first = new_turn("hello")
        turn = await ada.open(turns, first)
        await ada.commit(turns, turn, "the reply")
        keyed = await ada.open(turns, new_turn("keyed", key="k"))
        await ada.commit(turns, keyed, "another")
        return turn, [
            await ada.open(turns, new_turn("hello", key=str(turn.turn_id))),
            await ada.open(turns, new_turn("keyed", key=str(keyed.turn_id))),
        ]

    turn, [by_id, keyed] = asyncio.run(story())

    assert (by_id.outcome, by_id.turn_id, by_id.session_id, by_id.reply) == (
        "answered",
        turn.turn_id,
        turn.session_id,
        "the reply",
    )
    assert by_id.answer["usage"] == {"input_tokens": 7}
    assert by_id.answer["sources"] == []
    assert (keyed.outcome, keyed.reply) == ("answered", "another")
    assert len(ada.turns()) == 2


def test_a_key_is_forgotten_after_a_day(container: Database, ada: Someone) -> None:
    turns = Turns(container)

    def age(minutes: int) -> None:
        ada.run(
            "update idempotency_keys set created_at = created_at - make_interval(mins => :m)"
            " where account_id = :a",
            m=minutes,
            a=ada.principal.account_id,
        )

    async def story() -> list[str]:
        await ada.open(turns, new_turn("hello", key="k", session="s1"))
        age(24 * 60 - 5)
        outcomes: list[str] = [
            (await ada.open(turns, new_turn("hello", key="k", session="s1"))).outcome
        ]
        age(10)
        for message in ("something else", "something else"):
            new = new_turn(message, key="k", session="s1")
            outcomes.append((await ada.open(turns, new)).outcome)
        return outcomes

    assert asyncio.run(story()) == ["in_progress", "opened", "in_progress"]
    assert [row[3] for row in ada.turns()] == ["hello", "something else"]
    assert ada.rows("idempotency_keys", "key, created_at > now() - interval '1 hour'", "1") == [
        ["k", True]
    ]


@pytest.mark.parametrize("ended", ["released", "lease_over", "abandoned"])
def test_a_turn_that_failed_is_resumed_by_its_key_and_its_message_owed_once(
    container: Database, ada: Someone, ended: str
) -> None:
    turns = Turns(container)

    async def story() -> tuple[Turn, Turn]:
        first = await ada.open(turns, new_turn("I like tea", key="k", session="s1"))
        if ended == "released":
            await turns.release(first)
        else:
            ada.run("update turns set lease_until = now() where id = :t", t=first.turn_id)
        if ended == "abandoned":  # as delivery does it: the message is owed alone
            ada.run("update turns set state = 'abandoned' where id = :t", t=first.turn_id)
            ada.run(
                "insert into deliveries (turn_id, store, role, session_row, account_id, seq)"
                " select id, s, 'user', session_row, account_id, seq"
                "   from turns, unnest(array['zep', 'mem0']) s where id = :t",
                t=first.turn_id,
            )
        return first, await ada.open(turns, new_turn("I like tea", key="k"))

    async def close(first: Turn, again: Turn) -> list[Any]:
        return [await ada.commit(turns, first, "late"), await ada.commit(turns, again, "in time")]

    first, again = asyncio.run(story())
    late, in_time = asyncio.run(close(first, again))

    assert (again.outcome, again.turn_id, again.attempt) == ("opened", first.turn_id, 2)
    assert again.said_at == first.said_at
    assert (again.recent, again.pending) == ([], [])  # its own words are no memory of it
    assert (late, in_time) == (None, [])
    assert ada.rows("turns", "state, reply", "seq") == [["answered", "in time"]]
    assert [row[1:] for row in ada.owed()] == [
        ["mem0", "user", "owed"],
        ["zep", "assistant", "owed"],
        ["zep", "user", "owed"],
    ]
