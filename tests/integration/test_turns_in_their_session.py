"""Who may open and read turns, how many, and what a turn comes with, against real PostgreSQL."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turn, TurnLimits, Turns
from tandem.errors import Forbidden, NotFound, RateLimited, Unauthenticated
from tests.integration.turn_ledger import GENEROUS, Someone, new_turn

pytestmark = pytest.mark.integration


def test_the_rate_limits_new_turns_only_and_opens_nothing_when_it_does(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)
    three = TurnLimits(turns_per_minute=3, lease_seconds=35.0, recent_turns=3)

    async def story() -> RateLimited:
        await ada.open(turns, new_turn("hello", key="k"), three)
        for _ in range(5):
            assert (await ada.open(turns, new_turn("hello", key="k"), three)).outcome
        for n in range(2):
            await ada.open(turns, new_turn(f"more {n}"), three)
        with pytest.raises(RateLimited) as limited:
            await ada.open(turns, new_turn("too many", key="limited", session="never"), three)
        assert (await ada.open(turns, new_turn("hello", key="k"), three)).outcome == "in_progress"
        return limited.value

    limited = asyncio.run(story())

    assert limited.code == "too_many_turns"
    assert limited.retry_after_seconds is not None
    assert 55 <= limited.retry_after_seconds <= 60
    assert len(ada.turns()) == 3
    assert len(ada.rows("idempotency_keys", "key", "1")) == 3
    assert len(ada.rows("sessions", "id", "1")) == 3

    ada.run(
        "update accounts set turns_since = turns_since - interval '1 minute' where id = :a",
        a=ada.principal.account_id,
    )
    again = asyncio.run(ada.open(turns, new_turn("too many", key="limited"), three))
    assert again.outcome == "opened"


def test_an_ended_login_and_somebody_elses_user_id_open_nothing(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    turns, bob = Turns(container), Someone.sign_up(connection)

    async def story() -> None:
        assert (await ada.open(turns, new_turn("mine"), GENEROUS, ada.user_id)).outcome == "opened"
        with pytest.raises(Forbidden) as forbidden:
            await ada.open(turns, new_turn("not mine"), GENEROUS, bob.user_id)
        assert forbidden.value.code == "forbidden_user"
        ada.run("update logins set revoked_at = now() where id = :l", l=ada.principal.login_id)
        with pytest.raises(Unauthenticated):
            await ada.open(turns, new_turn("after logging out"))

    asyncio.run(story())
    assert [row[3] for row in ada.turns()] == ["mine"]
    assert bob.turns() == []
    counted = ada.connection.run(
        "select turns_counted from accounts where id = :a", a=ada.principal.account_id
    )
    assert counted == [[1]]


def test_a_turn_comes_with_the_sessions_last_turns_and_everything_pending(
    connection: OneRoundTrip, container: Database
) -> None:
    turns, graph = Turns(container), uuid4()
    ada = Someone.sign_up(connection, graph=graph)

    async def story() -> Turn:
        elsewhere = await ada.say(turns, "elsewhere", session="s2")
        told = [await ada.say(turns, f"message {n}") for n in range(4)]
        for done, state in ((elsewhere, "ingested"), (told[0], "cancelled"), (told[1], "sent")):
            ada.run(
                "update deliveries set state = :s where turn_id = :t and role = 'user'",
                s=state,
                t=done.turn_id,
            )
        ada.run(
            "update deliveries set state = 'ingested' where turn_id = :t and store = 'zep'",
            t=told[2].turn_id,
        )
        ada.run(
            "update turns set said_at = said_at - interval '25 hours' where id = :t",
            t=told[3].turn_id,
        )
        unanswered = await ada.open(turns, new_turn("unanswered", session="s1"))
        await turns.release(unanswered)
        return await ada.open(turns, new_turn("now", session="s1"))

    turn = asyncio.run(story())

    assert turn.recent == [
        ("message 2", "reply to message 2"),
        ("message 3", "reply to message 3"),
        ("unanswered", None),
    ]
    # Ingested, cancelled or a day old: no longer pending.
    assert [p.message for p in turn.pending] == ["message 1", "message 2", "unanswered"]
    assert {p.session_id for p in turn.pending} == {"s1"}
    assert turn.zep_graph_uuid == graph


def test_pending_is_the_newest_twenty_oldest_first(container: Database, ada: Someone) -> None:
    turns = Turns(container)

    async def story() -> Turn:
        for n in range(23):
            await ada.open(turns, new_turn(f"message {n:02}", session=f"s{n % 3}"))
        return await ada.open(turns, new_turn("now"))

    turn = asyncio.run(story())
    assert [p.message for p in turn.pending] == [f"message {n:02}" for n in range(3, 23)]


def test_reading_a_turn_shows_its_deliveries_to_its_owner_alone(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    turns, bob = Turns(container), Someone.sign_up(connection)

    async def story() -> None:
        turn = await ada.say(turns, "hello")
        status = await turns.read(ada.principal, turn.turn_id)
        assert (status.state, status.message, status.reply) == (
            "answered",
            "hello",
            "reply to hello",
        )
        assert status.deliveries == [
            ("mem0", "user", "owed"),
            ("zep", "user", "owed"),
            ("zep", "assistant", "owed"),
        ]
        for who, which in ((bob, turn.turn_id), (ada, UUID(int=uuid4().int))):
            with pytest.raises(NotFound) as missing:
                await turns.read(who.principal, which)  # type: ignore[arg-type]
            assert missing.value.code == "turn_not_found"
        ada.run("select delete_session(:a, 's1')", a=ada.principal.account_id)
        with pytest.raises(NotFound):
            await turns.read(ada.principal, turn.turn_id)

    asyncio.run(story())
