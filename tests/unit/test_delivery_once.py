"""Words arrive once, only while their session lives, and one wake-up never becomes many."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.unit.delivery_fakes import World

ADD_TO_THREAD = r"POST /api/v4/threads/.+/messages$"


@pytest.mark.parametrize("remembers_keys", [True, False])
def test_a_message_that_arrived_unnoticed_is_not_sent_again_with_its_later_reply(
    remembers_keys: bool,
) -> None:
    world = World()
    world.zep.remembers_keys = remembers_keys
    world.ledger.owe("I live in Delhi")
    lost = httpx.ReadTimeout("")
    world.zep.fail(ADD_TO_THREAD, lost, after=True)
    world.run()
    assert world.ledger.states("zep") == ["owed"]

    # Abandoned, its turn was sent alone; resumed by its key, it has a reply now.
    world.ledger.owe_reply("Noted")
    world.time.now += 600
    world.run()

    said = [(message["role"], message["content"]) for message in world.zep.messages]
    assert said == [("user", "I live in Delhi"), ("assistant", "Noted")]
    assert world.ledger.states("zep") == ["sent", "sent"]
    for message in world.zep.messages:
        message["processed"] = True
    assert world.run() == []
    assert world.ledger.states("zep") == ["ingested", "ingested"]


def test_once_a_session_is_deleted_no_further_words_of_it_are_sent() -> None:
    world = World()
    for number in range(3):
        world.ledger.owe(f"message {number}", f"reply {number}")

    def delete_while_the_first_is_sent() -> None:
        if world.mem0.added:
            world.ledger.delete()

    world.mem0.watch = delete_while_the_first_is_sent
    world.run(stores=[world.mem0_store])

    assert len(world.mem0.added) == 1
    assert world.ledger.states("mem0") == ["cancelled"] * 3


def test_one_wake_up_leads_to_one_more_however_long_each_store_takes_to_ingest() -> None:
    world = World()
    world.zep.ingestion, world.mem0.ingestion = ["processing"], ["RUNNING"]
    world.ledger.owe("I live in Delhi")
    world.run()
    for row, age in zip(world.ledger.rows, (20, 40), strict=True):
        row.words = replace(row.words, sent_at=datetime.now(UTC) - timedelta(seconds=age))

    world.time.now += 6  # the wake-up that the first run ordered has come
    [wait] = world.run()
    assert 20 <= wait <= 22


def test_however_many_wake_ups_come_one_look_is_ordered_at_a_time() -> None:
    world = World()
    world.mem0.ingestion = ["RUNNING"]
    world.ledger.owe("I live in Delhi")

    for begun in (0.0, 15.0):
        ordered: list[int] = []
        world.time.now = begun
        for _ in range(5):  # one right after the other
            ordered += world.run(stores=[world.mem0_store])
        assert len(ordered) == 1


def test_the_wake_ups_of_a_store_that_fails_do_not_multiply_the_looks_at_the_other() -> None:
    world = World()
    world.zep.fail("POST /api/v4/users/lookup$", *[401] * 40)
    world.mem0.ingestion = ["RUNNING"]
    world.ledger.owe("I live in Delhi")
    coming, most = [0.0], 0
    for _ in range(40):
        began = world.time.now = min(coming)
        coming.remove(began)
        coming += [world.time.now + delay for delay in world.run()]
        most = max(most, len(coming))

    assert coming
    assert most <= 3


def test_a_store_that_is_done_with_orders_its_wake_up_before_the_other_one_is() -> None:
    world = World()
    world.ledger.owe("I live in Delhi")
    world.zep.fail("POST /api/v4/users/lookup$", 401)
    ordered: list[list[int]] = []
    world.mem0.watch = lambda: ordered.append(list(world.wakes.delays))

    world.run()

    assert ordered[-1] == [2]


@pytest.mark.parametrize("outcome", [429, 401, 404, httpx.ConnectError(""), httpx.PoolTimeout("")])
def test_a_call_that_had_no_effect_leaves_no_doubt_and_is_made_again_after_its_rest(
    outcome: int | Exception,
) -> None:
    world = World()
    world.ledger.owe("I live in Delhi")
    world.zep.fail(ADD_TO_THREAD, outcome)
    world.run(stores=[world.zep_store])
    assert not world.ledger.leases["zep"].unclear

    world.time.now += 2
    world.run(stores=[world.zep_store])
    assert [message["content"] for message in world.zep.messages] == ["I live in Delhi"]
    assert world.zep.calls("GET .*/messages$") == []


@pytest.mark.parametrize("outcome", [500, 502, 503, 504, 408, 307, httpx.ReadError("")])
def test_a_call_that_may_have_had_an_effect_is_made_once_until_it_can_have_none(
    outcome: int | Exception,
) -> None:
    world = World()
    world.ledger.owe("I live in Delhi")
    world.zep.fail(ADD_TO_THREAD, outcome)
    world.run(stores=[world.zep_store])

    world.time.now += 20
    assert world.run(stores=[world.zep_store]) == [40]
    assert len(world.zep.calls(ADD_TO_THREAD)) == 1
    world.time.now += 40
    assert world.run(stores=[world.zep_store]) == []
    assert len(world.zep.calls(ADD_TO_THREAD)) == 2


def test_words_that_arrive_while_they_are_waited_for_are_found_and_not_sent_again() -> None:
    world = World()
    world.zep.remembers_keys = False
    world.ledger.owe("I live in Delhi", "Noted")
    world.zep.fail(ADD_TO_THREAD, httpx.ReadTimeout(""))
    world.run(stores=[world.zep_store])
    world.time.now += 2
    assert world.run(stores=[world.zep_store]) == [58]

    world.zep.act(world.zep.calls(ADD_TO_THREAD)[0])  # inside Zep it went on all the while
    world.time.now += 58
    world.run(stores=[world.zep_store])

    assert [message["content"] for message in world.zep.messages] == ["I live in Delhi", "Noted"]
