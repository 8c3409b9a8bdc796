"""The delivery job's rules: how long ingestion is waited for, and what follows when it fails."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tandem.delivery.service import LONGEST_INGESTION_SECONDS, MAX_INGESTIONS
from tests.unit.delivery_fakes import World
from tests.unit.delivery_ledger import ACCOUNT


def test_words_in_ingestion_are_waited_for_a_little_and_then_left_for_a_wake_up() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.ingestion = ["processing"]

    assert world.run(stores=[world.zep_store]) == [5]

    assert world.time.slept == [0.25, 1.0]
    assert len(world.zep.calls("GET /api/v4/tasks")) == 2
    assert world.ledger.leases["zep"].owner is None


@pytest.mark.parametrize(("age", "patience"), [(1, 5), (60, 60), (3600, 300)])
def test_the_longer_ingestion_takes_the_longer_is_the_wait(age: int, patience: int) -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["RUNNING"]
    world.run(stores=[world.mem0_store])
    row = world.ledger.rows[1]
    row.words = replace(row.words, sent_at=datetime.now(UTC) - timedelta(seconds=age))

    world.time.now += 6  # the wake-up that the first run ordered has come
    [wait] = world.run(stores=[world.mem0_store])
    assert patience <= wait <= patience + 2


def test_ingestion_that_takes_a_day_has_failed() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["RUNNING"]
    world.run(stores=[world.mem0_store])
    row = world.ledger.rows[1]
    long_ago = datetime.now(UTC) - timedelta(seconds=LONGEST_INGESTION_SECONDS + 1)
    row.words = replace(row.words, sent_at=long_ago)

    assert world.run(stores=[world.mem0_store]) == []
    assert len(world.mem0.added) == 2
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize("ending", ["failed", "partial"])
def test_words_that_zep_failed_to_ingest_are_given_to_the_graph_and_stay_in_the_thread_once(
    ending: str,
) -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.ingestion = [ending]

    assert world.run() == []

    assert [m["content"] for m in world.zep.messages] == ["m", "r"]
    assert [episode["data"] for episode in world.zep.episodes] == ["m"]
    assert world.ledger.states("zep") == ["ingested", "ingested"]


def test_an_episode_whose_answer_was_lost_is_found_and_not_given_twice() -> None:
    world = World()
    world.zep.remembers_keys = False
    world.ledger.owe("m", "r")
    world.zep.ingestion = ["failed"]
    world.zep.fail("POST .*/episodes$", httpx.ReadTimeout(""), after=True)
    assert world.run(stores=[world.zep_store]) == [2]

    world.time.now += 2
    assert world.run(stores=[world.zep_store]) == [5]
    world.zep.episodes[0]["processed"] = True
    assert world.run(stores=[world.zep_store]) == []

    assert [episode["data"] for episode in world.zep.episodes] == ["m"]
    assert world.ledger.states("zep") == ["ingested", "ingested"]


def test_however_many_answers_are_lost_no_more_episodes_are_given_than_may_be() -> None:
    world = World()
    world.zep.remembers_keys = False
    world.ledger.owe("m", "r")
    world.zep.ingestion = ["failed"] * 99
    world.zep.fail("POST .*/episodes$", *[httpx.ReadTimeout("")] * 99, after=True)
    for _ in range(40):
        world.run(stores=[world.zep_store])
        world.time.now += 400
        for row in world.ledger.rows:
            if row.words.sent_at is not None:
                row.words = replace(row.words, sent_at=row.words.sent_at - timedelta(seconds=400))

    assert world.ledger.states("zep") == ["refused", "refused"]
    assert len(world.zep.episodes) == MAX_INGESTIONS - 1
    assert [message["content"] for message in world.zep.messages] == ["m", "r"]


@pytest.mark.parametrize("remaining", ["messages", "nothing"])
def test_what_a_look_has_found_is_given_to_the_graph_when_nothing_tells_of_its_ingestion(
    remaining: str,
) -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail("POST .*/messages$", httpx.ReadTimeout(""), after=True)
    world.run(stores=[world.zep_store])
    world.time.now += 2
    assert world.run(stores=[world.zep_store]) == [5]
    if remaining == "nothing":
        for thread in world.zep.threads.values():
            thread.clear()
    for row in world.ledger.rows:
        if row.store == "zep":
            row.words = replace(row.words, sent_at=datetime.now(UTC) - timedelta(seconds=121))

    assert world.run(stores=[world.zep_store]) == []
    assert [episode["data"] for episode in world.zep.episodes] == ["m"]


def test_words_that_mem0_failed_to_ingest_are_added_again() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["FAILED"]

    assert world.run() == []

    assert world.mem0.added[0] == world.mem0.added[1]
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize(("store", "failed"), [("zep", "failed"), ("mem0", "FAILED")])
def test_after_five_failed_ingestions_words_are_refused(store: Any, failed: str) -> None:
    world = World()
    world.ledger.owe("m", "r")
    getattr(world, store).ingestion = [failed] * 99

    assert world.run() == []

    given = {"zep": 1 + len(world.zep.episodes), "mem0": len(world.mem0.added)}
    assert given[store] == MAX_INGESTIONS
    assert set(world.ledger.states(store)) == {"refused"}


def test_a_job_that_the_store_no_longer_knows_has_failed() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail("GET /api/v4/tasks", 404)
    world.mem0.fail("GET /v1/event", 404)

    assert world.run() == []

    assert len(world.zep.episodes) == 1
    assert world.ledger.states("zep") == ["ingested", "ingested"]
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_words_that_may_not_be_given_again_are_refused_and_block_nothing(status: int) -> None:
    world = World()
    world.ledger.owe("bad")
    world.ledger.owe("good")
    world.zep.ingestion = ["failed"]
    world.zep.fail("POST /api/v4/graphs/.*/episodes$", status)

    assert world.run() == []
    assert world.ledger.states("zep") == ["refused", "ingested"]


@pytest.mark.parametrize("pattern", ["GET /api/v4/tasks", "POST /api/v4/graphs"])
@pytest.mark.parametrize("status", [409, 500])
def test_a_store_that_can_not_say_now_is_given_a_rest(pattern: str, status: int) -> None:
    world = World()
    world.ledger.owe("m")
    world.zep.ingestion = ["failed"]
    world.zep.fail(pattern, status)

    assert world.run(stores=[world.zep_store]) == [2]
    assert world.ledger.states("zep") == ["sent"]


def test_memory_is_to_be_tidied_when_words_that_were_forgotten_in_part_are_ingested() -> None:
    world = World()
    forgotten = world.ledger.owe("I have a dog")
    world.ledger.owe("I live in Delhi")
    world.ledger.forgotten.add(forgotten)

    world.run()

    assert world.tidying.people == [ACCOUNT, ACCOUNT]  # once for each store


def test_words_of_earlier_runs_are_looked_for_once_in_a_run_and_new_ones_as_they_get_older() -> (
    None
):
    world = World()
    world.zep.ingestion = ["processing"] * 2
    world.ledger.owe("first")
    world.run(stores=[world.zep_store])
    world.zep.requests.clear()
    world.ledger.owe("second")
    world.time.now += 6
    world.run(stores=[world.zep_store])

    assert len(world.zep.calls("GET /api/v4/tasks")) == 1 + 2

    world.zep.requests.clear()
    world.time.now += 6
    world.run(stores=[world.zep_store])
    assert len(world.zep.calls("GET /api/v4/tasks")) == 2
    assert world.time.slept == [0.25, 1.0] * 2
