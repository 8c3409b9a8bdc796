"""What a session owes, against real PostgreSQL: turns that nobody answers, and their order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.deliveries import Deliveries, LeaseLost
from tandem.ids import ZepUuid
from tests.integration.delivery.talk import PATIENCE_SECONDS, Talk
from tests.integration.lock_waits import commit_once_waited_for
from tests.integration.turn_ledger import database_at

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("lease_out", "later", "minutes", "state"),
    [
        (True, True, 0, "abandoned"),
        (True, False, 11, "abandoned"),
        (True, False, 9, "open"),
        (False, True, 0, "open"),
        (False, False, 11, "open"),
    ],
)
def test_a_turn_is_abandoned_when_its_lease_ran_out_and_a_later_one_opened_or_time_has_passed(
    lease_out: bool, later: bool, minutes: int, state: str, talk: Talk
) -> None:
    turn = talk.open("left alone")
    if later:
        talk.open("later")
    talk.lease_out(turn, minutes)
    if not lease_out:
        talk.person.run(
            "update turns set lease_until = now() + interval '9 s' where id = :t", t=turn.turn_id
        )

    assert talk.settle()

    assert talk.person.turns()[0] == [1, state, 1, "left alone"]
    owed = [(1, "mem0", "user", "owed"), (1, "zep", "user", "owed")]
    assert talk.states() == (owed if state == "abandoned" else [])


@pytest.mark.parametrize(("abandoned", "state"), [(59.0, "abandoned"), (61.0, "open")])
def test_how_long_a_turn_may_stay_open_is_a_setting_of_the_job_and_of_the_sweep(
    abandoned: float, state: str, talk: Talk, container: Database
) -> None:
    turn = talk.open("left alone")
    talk.lease_out(turn, minutes=1)
    found = talk.sweeping.sessions_with_work(
        patience_seconds=PATIENCE_SECONDS, abandoned_seconds=abandoned
    )
    assert (talk.row in asyncio.run(found)) == (state == "abandoned")

    asyncio.run(Deliveries(container, abandoned_seconds=abandoned).settle(talk.row))

    assert talk.person.turns()[0] == [1, state, 1, "left alone"]


def test_a_session_that_is_unknown_is_not_settled(talk: Talk) -> None:
    assert not talk.settle()


def test_an_abandoned_message_is_owed_once_however_often_and_by_whom_it_is_settled(
    talk: Talk, database: str
) -> None:
    turn = talk.open("left alone")
    talk.open("later")
    talk.lease_out(turn)
    containers = [database_at(database) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: asyncio.run(Deliveries(one).settle(talk.row)), containers))
    for container in containers:
        container.close()
    talk.settle()

    assert talk.states() == [(1, "mem0", "user", "owed"), (1, "zep", "user", "owed")]


def test_a_turn_that_is_answered_while_it_is_being_settled_stays_answered(
    talk: Talk, connection: OneRoundTrip
) -> None:
    turn = talk.open("just in time")
    talk.open("later")
    talk.lease_out(turn)
    connection.run("begin")
    connection.run(
        "update turns set state = 'answered', reply = 'r', replied_at = now() where id = :t",
        t=turn.turn_id,
    )
    commit_once_waited_for(connection, talk.settle)

    assert talk.person.turns()[0][1] == "answered"
    assert talk.states() == []


def test_an_abandoned_turn_that_is_resumed_and_answered_owes_its_reply_and_not_its_message_again(
    talk: Talk,
) -> None:
    turn = talk.open("left alone", key="k1")
    talk.open("later")
    talk.lease_out(turn)
    talk.settle()
    for store in ("zep", "mem0"):
        lease = talk.held(store)
        talk.sent(lease, turn)
        talk.finished(lease, turn)
        talk.release(lease)

    again = talk.open("left alone", key="k1")
    assert (again.outcome, again.turn_id, again.attempt) == ("opened", turn.turn_id, 2)
    assert talk.due().words == []
    talk.answer(again)

    assert [(words.role, words.text) for words in talk.due().words] == [("assistant", "a reply")]
    assert talk.states() == [
        (1, "mem0", "user", "ingested"),
        (1, "zep", "assistant", "owed"),
        (1, "zep", "user", "ingested"),
    ]


def test_delivery_waits_at_the_lowest_open_turn_and_goes_by_seq(talk: Talk) -> None:
    talk.say("m1")
    slow = talk.open("m2")
    talk.say("m3")

    assert [(w.seq, w.role, w.text) for w in talk.due().words] == [
        (1, "user", "m1"),
        (1, "assistant", "a reply"),
    ]
    talk.answer(slow)
    assert [(w.seq, w.role) for w in talk.due().words] == [
        (seq, role) for seq in (1, 2, 3) for role in ("user", "assistant")
    ]
    assert [(w.seq, w.role, w.text) for w in talk.due("mem0").words] == [
        (1, "user", "m1"),
        (2, "user", "m2"),
        (3, "user", "m3"),
    ]


def test_words_come_with_the_time_at_which_they_were_said(talk: Talk) -> None:
    talk.say()
    [[said_at, replied_at]] = talk.person.rows("turns", "said_at, replied_at", "seq")

    assert [words.at for words in talk.due().words] == [said_at, replied_at]
    assert {words.at.utcoffset() for words in talk.due().words} == {said_at.utcoffset()}


def test_many_words_in_ingestion_do_not_hide_those_that_are_owed_and_no_turn_is_cut(
    talk: Talk,
) -> None:
    for number in range(55):
        talk.say(f"m{number + 1}")
    talk.age("deliveries", "state = 'sent', sent_at = now()")
    for number in range(55):
        talk.say(f"m{number + 56}")

    words = talk.due().words
    sent = [w.seq for w in words if w.state == "sent"]
    owed = [w.seq for w in words if w.state == "owed"]
    assert sent == [seq for seq in range(1, 51) for _ in range(2)]
    assert owed == [seq for seq in range(56, 106) for _ in range(2)]


def test_what_zep_calls_a_person_and_a_session_is_remembered(talk: Talk) -> None:
    talk.say()
    user, graph, thread = ZepUuid(uuid4()), ZepUuid(uuid4()), ZepUuid(uuid4())
    asyncio.run(talk.deliveries.set_zep_user(talk.person.principal.account_id, user, graph))
    for _ in range(2):  # its answer may be lost
        asyncio.run(talk.deliveries.set_thread(talk.row, thread, instead_of=None))

    due = talk.due()
    assert (due.zep_user_uuid, due.zep_graph_uuid, due.zep_thread_uuid) == (user, graph, thread)


def test_who_comes_too_late_puts_no_thread_in_the_place_of_the_one_that_has_the_words(
    talk: Talk,
) -> None:
    talk.say()
    theirs, late = ZepUuid(uuid4()), ZepUuid(uuid4())
    asyncio.run(talk.deliveries.set_thread(talk.row, theirs, instead_of=None))

    with pytest.raises(LeaseLost):
        asyncio.run(talk.deliveries.set_thread(talk.row, late, instead_of=None))

    assert talk.due().zep_thread_uuid == theirs
