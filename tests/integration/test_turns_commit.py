"""The commit point of a turn against real PostgreSQL, and where what it recalled comes from."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turn, Turns
from tandem.errors import NotFound, Unavailable
from tandem.ids import TurnId
from tandem.recall.items import Draft, RecalledItem
from tests.integration.conftest import CountingProxy, open_connection
from tests.integration.lock_waits import until_somebody_waits
from tests.integration.turn_ledger import Someone, database_at, new_turn

pytestmark = pytest.mark.integration


def recalled(*provider_ids: str, turns: tuple[TurnId, ...] = ()) -> Draft:
    return Draft(
        RecalledItem(id="mem_1", store="mem0", kind="memory", text="x"), provider_ids, turns
    )


def rest_on(person: Someone, turn: Turn, provider_id: str, role: str = "user") -> None:
    person.run(
        "insert into sources (provider_id, account_id, turn_id, role) values (:p, :a, :t, :r)",
        p=provider_id,
        a=person.principal.account_id,
        t=turn.turn_id,
        r=role,
    )


def test_a_commit_stores_the_reply_and_owes_three_deliveries_once(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> list[Any]:
        turn = await ada.open(turns, new_turn("hello", session="s1"))
        return [await ada.commit(turns, turn, "the reply") for _ in range(2)]

    assert asyncio.run(story()) == [[], []]
    assert ada.rows("turns", "state, reply, replied_at >= said_at", "seq") == [
        ["answered", "the reply", True]
    ]
    assert ada.owed() == [
        [1, "mem0", "user", "owed"],
        [1, "zep", "assistant", "owed"],
        [1, "zep", "user", "owed"],
    ]


def test_a_commit_repeated_after_delivery_began_owes_nothing_again(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> None:
        turn = await ada.open(turns, new_turn("hello", session="s1"))
        await ada.commit(turns, turn)
        ada.run("update deliveries set state = 'sent' where turn_id = :t", t=turn.turn_id)
        await ada.commit(turns, turn)

    asyncio.run(story())
    assert {row[3] for row in ada.owed()} == {"sent"}


def test_a_stale_attempt_commits_nothing(container: Database, ada: Someone) -> None:
    turns = Turns(container)

    async def story() -> list[Any]:
        first = await ada.open(turns, new_turn("hello", key="k"))
        await turns.release(first)
        second = await ada.open(turns, new_turn("hello", key="k"))
        await turns.release(first)  # too late as well: the lease is the second's
        third = await ada.open(turns, new_turn("hello", key="k"))
        return [
            third.outcome,
            await ada.commit(turns, first, "stale"),
            ada.owed(),
            await ada.commit(turns, second, "fresh"),
            await ada.commit(turns, first, "stale again"),
        ]

    assert asyncio.run(story()) == ["in_progress", None, [], [], None]
    assert ada.rows("turns", "reply", "seq") == [["fresh"]]


def test_a_commit_into_a_deleted_session_is_not_found_and_stores_nothing(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> None:
        turn = await ada.open(turns, new_turn("hello", session="s1"))
        ada.run("select delete_session(:a, 's1')", a=ada.principal.account_id)
        again = await ada.open(turns, new_turn("a new one", session="s1"))
        assert again.session_row != turn.session_row
        with pytest.raises(NotFound) as missing:
            await ada.commit(turns, turn, "the reply")
        assert missing.value.code == "session_not_found"

    asyncio.run(story())
    assert ada.rows("turns", "state, message, reply", "said_at") == [
        ["abandoned", None, None],
        ["open", "a new one", None],
    ]
    assert ada.owed() == []


def test_a_commit_that_waits_for_a_deletion_sees_it(
    connection: OneRoundTrip, container: Database, database: str, ada: Someone
) -> None:
    turns, deleting = Turns(container), open_connection(database)

    async def story() -> BaseException:
        turn = await ada.open(turns, new_turn("hello", session="s1"))
        deleting.run("begin")
        deleting.run("select delete_session(:a, 's1')", a=ada.principal.account_id)
        commit = asyncio.create_task(ada.commit(turns, turn))
        await until_somebody_waits(connection)
        deleting.run("commit")
        [refused] = await asyncio.gather(commit, return_exceptions=True)
        assert isinstance(refused, BaseException)
        return refused

    refused = asyncio.run(story())
    deleting.close()
    assert isinstance(refused, NotFound)
    assert ada.owed() == []


def test_a_commit_whose_connection_died_is_sent_again_and_counts_once(
    counting_proxy: CountingProxy, ada: Someone
) -> None:
    container = database_at(counting_proxy.url)
    turns = Turns(container)

    async def story() -> Turn:
        turn = await ada.open(turns, new_turn("hello", session="s1"))
        counting_proxy.cut()
        assert await ada.commit(turns, turn, "the reply") == []
        counting_proxy.cut()
        assert await ada.commit(turns, turn, "the reply") == []
        counting_proxy.refusing = True
        counting_proxy.cut()
        with pytest.raises(Unavailable) as away:
            await turns.read(ada.principal, turn.turn_id)
        assert away.value.code == "database_unavailable"
        counting_proxy.refusing = False
        assert (await turns.read(ada.principal, turn.turn_id)).reply == "the reply"
        return turn

    asyncio.run(story())
    container.close()
    assert len(ada.owed()) == 3


def test_sources_are_found_by_a_stores_id_and_by_turn_and_stored_with_the_answer(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> tuple[Turn, Turn, list[Any], Turn]:
        said = await ada.say(turns, "I live in Delhi", session="s1")
        named = await ada.say(turns, "I like chess", session="s2")
        rest_on(ada, said, "zep-message")
        rest_on(ada, said, "zep-answer", role="assistant")
        asking = await ada.open(turns, new_turn("Where do I live?", key="k"))
        found = await ada.commit(
            turns,
            asking,
            "Delhi",
            recalled("zep-message", "zep-answer", "unknown"),
            recalled(turns=(named.turn_id,)),
        )
        again = await ada.open(turns, new_turn("Where do I live?", key="k"))
        return said, named, found, again

    said, named, found, again = asyncio.run(story())

    messages = dict(ada.rows("turns", "id, user_message_id", "1"))
    answers = dict(ada.rows("turns", "id, assistant_message_id", "1"))
    assert sorted(
        (r.provider_id or "", r.source.session_id, r.source.message_id) for r in found
    ) == [
        ("", "s2", messages[named.turn_id]),
        ("zep-answer", "s1", answers[said.turn_id]),
        ("zep-message", "s1", messages[said.turn_id]),
    ]
    assert {row.said_at for row in found} == {said.said_at, named.said_at}
    assert len(again.answer["sources"]) == 3


def test_nothing_rests_on_somebody_elses_words_or_on_a_deleted_session(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    turns, bob = Turns(container), Someone.sign_up(connection)

    async def story() -> list[Any]:
        bobs = await bob.say(turns, "my secret")
        rest_on(bob, bobs, "bobs-message")
        gone = await ada.say(turns, "gone", session="gone")
        rest_on(ada, gone, "gone-message")
        ada.run("select delete_session(:a, 'gone')", a=ada.principal.account_id)
        turn = await ada.open(turns, new_turn("What do I know?"))
        return list(
            await ada.commit(
                turns,
                turn,
                "Nothing",
                recalled("bobs-message", "gone-message", turns=(bobs.turn_id, gone.turn_id)),
                recalled(turns=(TurnId(uuid4()),)),
            )
        )

    assert asyncio.run(story()) == []


def test_somebody_else_can_not_commit_a_turn(
    connection: OneRoundTrip, container: Database, ada: Someone
) -> None:
    turns, bob = Turns(container), Someone.sign_up(connection)

    async def story() -> None:
        turn = await ada.open(turns, new_turn("hello"))
        assert await bob.commit(turns, turn, "not mine") is None

    asyncio.run(story())
    assert ada.rows("turns", "state, reply", "seq") == [["open", None]]
