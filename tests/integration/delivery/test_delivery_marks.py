"""What is written down of words on their way, and of deleted ones, against real PostgreSQL."""

import asyncio
import threading
from typing import Any

import pytest

from tandem.db.connection import OneRoundTrip
from tandem.db.deliveries import Deliveries, ProviderId
from tandem.db.sweeping import Sweeping
from tandem.db.turns import Turns
from tests.integration.delivery.talk import Talk
from tests.integration.lock_waits import until_somebody_waits
from tests.integration.turn_ledger import database_at

pytestmark = pytest.mark.integration


def test_what_was_sent_is_recorded_with_the_store_s_ids_as_sources(talk: Talk) -> None:
    turn = talk.say()
    lease = talk.held()
    ids = [
        ProviderId("z1", "user"),
        ProviderId("z2", "assistant"),
        ProviderId("z3", "assistant"),
    ]
    talk.sent(lease, turn, *ids, check="task-1")
    talk.sent(lease, turn, *ids, check="task-2")

    sent = [(w.role, w.state, w.check_id, w.ingestions) for w in talk.due().words]
    assert sent == [("user", "sent", "task-2", 2), ("assistant", "sent", "task-2", 2)]
    rows = talk.person.rows("deliveries", "role, provider_ids", "store desc, role desc")
    assert rows[:2] == [["user", ["z1"]], ["assistant", ["z2", "z3"]]]
    known = talk.person.rows("sources", "provider_id, turn_id, role", "provider_id")
    assert known == [
        ["z1", turn.turn_id, "user"],
        ["z2", turn.turn_id, "assistant"],
        ["z3", turn.turn_id, "assistant"],
    ]


def test_a_memory_may_rest_on_several_turns_and_an_episode_does_not_replace_a_message(
    talk: Talk,
) -> None:
    first, second = talk.say(), talk.say()
    mem0 = talk.held("mem0")
    for turn in (first, second):
        talk.sent(mem0, turn)
        talk.finished(mem0, turn, ProviderId("memory", "user"))
    zep = talk.held("zep")
    talk.sent(zep, first, ProviderId("message", "user"))
    talk.sent(zep, first, ProviderId("episode", "user"))

    known = talk.person.rows("sources", "provider_id, turn_id", "provider_id, turn_id")
    turns = sorted([first.turn_id, second.turn_id])
    assert known == [
        ["episode", first.turn_id],
        *(["memory", turn] for turn in turns),
        ["message", first.turn_id],
    ]
    rows = talk.person.rows("deliveries", "provider_ids", "store desc, seq, role desc")
    assert rows[0] == [["message"]]


def test_what_is_finished_stays_as_it_is(talk: Talk) -> None:
    turn = talk.say()
    lease = talk.held()
    talk.finished(lease, turn, state="refused")
    talk.sent(lease, turn, ProviderId("late", "user"))
    talk.finished(lease, turn)

    assert talk.due().words == []
    assert {state for _, store, _, state in talk.states() if store == "zep"} == {"refused"}
    assert talk.person.rows("sources", "provider_id", "provider_id") == []


def test_every_statement_of_a_delivery_is_one_round_trip(talk: Talk, counting_proxy: Any) -> None:
    turn = talk.say()
    container = database_at(counting_proxy.url)
    asyncio.run(container.rows("select 1"))
    talk.deliveries, talk.sweeping = Deliveries(container), Sweeping(container)
    counting_proxy.reset()

    talk.settle()
    lease = talk.held()
    talk.due()
    asyncio.run(talk.deliveries.prolong(lease))
    talk.sent(lease, turn)
    talk.finished(lease, turn)
    talk.release(lease)
    talk.is_late()
    container.close()

    assert counting_proxy.round_trips == 8


def test_deleting_cancels_what_is_owed_and_owes_the_thread_s_deletion(talk: Talk) -> None:
    turn = talk.say("secret")
    lease = talk.held()
    talk.delete()

    talk.settle()
    talk.sent(lease, turn, ProviderId("late", "user"))  # it was on its way
    due = talk.due()

    assert (due.words, due.deletion_owed) == ([], True)
    assert {state for *_, state in talk.states()} == {"cancelled"}
    asyncio.run(talk.deliveries.thread_deleted(talk.row))
    assert not talk.due().deletion_owed


def test_a_deletion_that_waits_for_a_commit_cancels_what_it_owes(
    talk: Talk, database: str, connection: OneRoundTrip
) -> None:
    turn = talk.open("secret")
    committing = database_at(database)
    asyncio.run(committing.rows("begin"))
    asyncio.run(talk.person.commit(Turns(committing), turn, "a reply"))
    deleting = threading.Thread(target=talk.delete)
    deleting.start()
    asyncio.run(until_somebody_waits(connection))
    asyncio.run(committing.rows("commit"))
    deleting.join(10)
    committing.close()

    assert len(talk.states()) == 3
    assert {state for *_, state in talk.states()} == {"cancelled"}
    assert talk.person.turns() == [[1, "answered", 1, None]]


def test_a_deleted_session_s_open_turns_are_not_settled(talk: Talk) -> None:
    turn = talk.open("secret")
    talk.delete()
    talk.lease_out(turn, minutes=11)

    assert talk.settle()
    assert talk.states() == []
