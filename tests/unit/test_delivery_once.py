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

    [wait] = world.run()
    assert 20 <= wait <= 22
