"""The ledger of turns against real PostgreSQL: opening, keys, leases and the rate."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turn, TurnLimits, Turns
from tandem.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthenticated
from tests.integration.conftest import CountingProxy, open_connection
from tests.integration.turn_ledger import GENEROUS, Someone, database_at, new_turn, sign_up

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def admin(database: str) -> Iterator[OneRoundTrip]:
    connection = open_connection(database)
    yield connection
    connection.close()


@pytest.fixture
def ada(admin: OneRoundTrip) -> Someone:
    return sign_up(admin)


@pytest.fixture
def one(database: str) -> Iterator[Database]:
    """The first container's connection."""
    own = database_at(database)
    yield own
    own.close()


@pytest.fixture
def two(database: str) -> Iterator[Database]:
    """Another container's connection."""
    own = database_at(database)
    yield own
    own.close()


async def until_somebody_waits(admin: OneRoundTrip) -> None:
    """Until a connection to this database waits for another one's lock."""
    deadline = time.monotonic() + 10
    while True:
        [[waiting]] = await asyncio.to_thread(
            admin.run,
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'",
        )
        if waiting:
            return
        assert time.monotonic() < deadline, "nobody ever waited"
        await asyncio.sleep(0.01)


async def second_while_first_is_open(  # one story, told once
    admin: OneRoundTrip, one: Database, two: Database, first: Any, second: Any, *, end: str
) -> tuple[Turn, Any]:
    """Runs `first` in a transaction that stays open until `second` waits for it."""
    await one.rows("begin")
    opened = await first(Turns(one))
    other = asyncio.create_task(second(Turns(two)))
    await until_somebody_waits(admin)
    await one.rows(end)
    return opened, (await asyncio.gather(other, return_exceptions=True))[0]


def test_one_key_opens_one_turn_though_the_first_transaction_is_still_open(
    admin: OneRoundTrip, one: Database, two: Database, ada: Someone
) -> None:
    first, second = (new_turn("hello", key="k", session="s1") for _ in range(2))

    opened, other = asyncio.run(
        second_while_first_is_open(
            admin,
            one,
            two,
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
    admin: OneRoundTrip, one: Database, two: Database, ada: Someone
) -> None:
    _, other = asyncio.run(
        second_while_first_is_open(
            admin,
            one,
            two,
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
    admin: OneRoundTrip, one: Database, two: Database, ada: Someone, end: str, attempt: int
) -> None:
    new = new_turn("hello", session="s1")

    _, repeated = asyncio.run(
        second_while_first_is_open(
            admin,
            one,
            two,
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


def test_a_key_belongs_to_one_message_and_one_session_of_one_account(
    admin: OneRoundTrip, one: Database, ada: Someone
) -> None:
    turns, bob = Turns(one), sign_up(admin)

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
    one: Database, ada: Someone, message: str, session: str
) -> None:
    turns = Turns(one)

    async def story() -> Turn:
        turn = await ada.open(turns, new_turn("hello", key="k", session="s1"))
        await turns.release(turn)
        with pytest.raises(Conflict):
            await ada.open(turns, new_turn(message, key="k", session=session))
        return await ada.open(turns, new_turn("hello", key="k", session="s1"))

    again = asyncio.run(story())
    assert (again.outcome, again.attempt) == ("opened", 2)


def test_a_repeat_is_given_what_was_answered_and_a_turn_id_works_as_the_key(
    one: Database, ada: Someone
) -> None:
    turns = Turns(one)

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


def test_a_key_is_forgotten_after_a_day(one: Database, ada: Someone) -> None:
    turns = Turns(one)

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
        outcomes = [(await ada.open(turns, new_turn("hello", key="k", session="s1"))).outcome]
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
    one: Database, ada: Someone, ended: str
) -> None:
    turns = Turns(one)

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


def test_the_rate_limits_new_turns_only_and_opens_nothing_when_it_does(
    one: Database, ada: Someone
) -> None:
    turns = Turns(one)
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
    admin: OneRoundTrip, one: Database, ada: Someone
) -> None:
    turns, bob = Turns(one), sign_up(admin)

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
    one: Database, ada: Someone
) -> None:
    turns = Turns(one)

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
    assert turn.zep_graph_uuid == ada.principal.account_id


def test_pending_is_the_newest_twenty_oldest_first(one: Database, ada: Someone) -> None:
    turns = Turns(one)

    async def story() -> Turn:
        for n in range(23):
            await ada.open(turns, new_turn(f"message {n:02}", session=f"s{n % 3}"))
        return await ada.open(turns, new_turn("now"))

    turn = asyncio.run(story())
    assert [p.message for p in turn.pending] == [f"message {n:02}" for n in range(3, 23)]


def test_reading_a_turn_shows_its_deliveries_to_its_owner_alone(
    admin: OneRoundTrip, one: Database, ada: Someone
) -> None:
    turns, bob = Turns(one), sign_up(admin)

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
