"""The ledger as the index of messages, against real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tandem.db.connection import Database
from tandem.db.history import START, MessageIndex, Place
from tandem.errors import Forbidden, NotFound, Unauthenticated
from tandem.settings import DatabaseSettings
from tests.integration.history.session_ledger import Ledger
from tests.integration.people import Person

pytestmark = pytest.mark.integration


def read(database: Database, person: Person, label: str = "s1", **options: Any) -> Any:
    asked = {"user_id": None, "after": START, "limit": 50} | options
    return asyncio.run(MessageIndex(database).page(person.principal, session_id=label, **asked))


def test_messages_come_in_order_and_a_reply_only_once_it_was_given(
    ledger: Ledger, container: Database
) -> None:
    person = ledger.person()
    thread = uuid4()
    row = person.session("s1", thread=thread)
    first = ledger.turn(person, row, message="m1", reply="r1")
    second = ledger.turn(person, row, message="m2", reply=None)
    third = ledger.turn(person, row, message="m3", reply=None)
    ledger.run("update turns set state = 'abandoned' where id = :id", id=third)
    ledger.delivery(first, role="user", state="ingested", parts=["z1"])
    ledger.delivery(first, role="assistant", state="sent", parts=["z2", "z3"])
    ledger.delivery(first, store="mem0", state="ingested", parts=["m"])
    ledger.delivery(third, role="user", state="refused")

    page = read(container, person, user_id=person.user_id)

    assert (page.session_row, page.zep_thread_uuid, page.more) == (row, thread, False)
    assert [
        (m.turn_id, m.role, m.content, m.delivered, sorted(m.part_ids)) for m in page.messages
    ] == [
        (first, "user", "m1", True, ["z1"]),
        (first, "assistant", "r1", True, ["z2", "z3"]),
        (second, "user", "m2", False, []),
        (third, "user", "m3", False, []),
    ]
    assert [m.place for m in page.messages] == [(1, 0), (1, 1), (2, 0), (3, 0)]
    ids = ledger.run(
        "select user_message_id, assistant_message_id from turns where id = :id", id=first
    )
    assert [m.message_id for m in page.messages[:2]] == ids[0]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_of_any_size_hold_every_message_once(
    ledger: Ledger, container: Database, limit: int
) -> None:
    person = ledger.person()
    row = person.session("s1")
    expected = []
    for number in range(6):
        answered = number % 3 != 1
        ledger.turn(person, row, message=f"m{number}", reply=f"r{number}" if answered else None)
        expected += [f"m{number}"] + ([f"r{number}"] if answered else [])
    seen: list[str] = []
    after, more = START, True
    while more:
        page = read(container, person, after=after, limit=limit)
        assert 1 <= len(page.messages) <= limit
        seen += [message.content for message in page.messages]
        after, more = page.messages[-1].place, page.more
    assert seen == expected


def test_wiped_messages_keep_their_place_and_ids(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    row = person.session("s1")
    turn = ledger.turn(person, row)
    ledger.run("update turns set message = null, reply = null where id = :id", id=turn)
    page = read(container, person)
    assert [(m.role, m.content) for m in page.messages] == [("user", None), ("assistant", None)]


def test_an_empty_session_has_no_messages(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    row = person.session("s1")
    page = read(container, person)
    assert (page.session_row, list(page.messages), page.more) == (row, [], False)


def test_a_place_beyond_all_bounds_of_seq_is_merely_past_the_end(
    ledger: Ledger, container: Database
) -> None:
    person = ledger.person()
    ledger.turn(person, person.session("s1"))
    assert list(read(container, person, after=Place(2**62, 1)).messages) == []


def test_sessions_that_are_not_the_callers_are_not_found(
    ledger: Ledger, container: Database
) -> None:
    person, other = ledger.person(), ledger.person()
    ledger.turn(other, other.session("theirs"))
    person.session("gone")
    ledger.run("update sessions set deleted_at = now() where session_id = 'gone'")
    for label in ("theirs", "gone", "never-was"):
        with pytest.raises(NotFound) as caught:
            read(container, person, label)
        assert caught.value.code == "session_not_found"
    with pytest.raises(Forbidden):
        read(container, person, "theirs", user_id=other.user_id)


def test_an_ended_login_reads_nothing(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    ledger.turn(person, person.session("s1"))
    ledger.run("update logins set expires_at = now() where id = :id", id=person.principal.login_id)
    with pytest.raises(Unauthenticated):
        read(container, person)


def test_a_page_of_history_is_one_round_trip(ledger: Ledger, counting_proxy: Any) -> None:
    person = ledger.person()
    ledger.turn(person, person.session("s1"))
    client = Database(lambda: counting_proxy.url, DatabaseSettings())
    read(client, person)
    counting_proxy.reset()
    read(client, person)
    client.close()
    assert counting_proxy.round_trips == 1
