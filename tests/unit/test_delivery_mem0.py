"""How words travel to Mem0: the person's alone, with their time, and never twice without a look."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tandem.delivery.stores import Utterances
from tests.unit.delivery_fakes import World
from tests.unit.delivery_ledger import ACCOUNT, SESSION


def world_with(message: str, reply: str | None = None) -> World:
    world = World()
    world.ledger.owe(message, reply)
    return world


def test_the_person_s_words_are_added_with_the_time_at_which_they_were_said() -> None:
    world = world_with("I live in Delhi", "How nice")

    assert world.run(stores=[world.mem0_store]) == []

    assert world.mem0.added == [
        {
            "messages": [{"role": "user", "content": "I live in Delhi"}],
            "user_id": f"test:{ACCOUNT}",
            "metadata": {"turn_id": "00000000-0000-0000-0000-000000000001"},
            "timestamp": 1795165260,
        }
    ]
    [row] = [row for row in world.ledger.rows if row.store == "mem0"]
    assert row.provider_ids == [world.mem0.memories[0]["id"]]


def test_a_statement_is_kept_as_it_stands() -> None:
    world = world_with("Has a dog")
    for row in world.ledger.rows:
        row.words = replace(row.words, kind="statement")

    assert world.run(stores=[world.mem0_store]) == []

    [added] = world.mem0.added
    assert (added["infer"], added["messages"][0]["content"]) == (False, "Has a dog")


def test_an_answer_without_a_job_has_ingested_the_words_already() -> None:
    world = world_with("m")
    world.mem0.fail("add/$", 200)
    answer = {"status": "SUCCEEDED", "results": [{"id": "a-memory", "event": "ADD"}]}
    world.mem0.faults[0].outcome = httpx.Response(200, json=answer)

    assert world.run(stores=[world.mem0_store]) == []

    assert world.ledger.states("mem0") == ["ingested"]
    assert world.ledger.rows[1].provider_ids == ["a-memory"]
    assert world.mem0.calls("GET ") == []


def test_that_nothing_was_worth_keeping_is_a_normal_end() -> None:
    world = world_with("hm")
    world.mem0.fail("GET /v1/event", 200)
    done = {"id": str(uuid4()), "status": "SUCCEEDED", "results": []}
    world.mem0.faults[0].outcome = httpx.Response(200, json=done)

    assert world.run(stores=[world.mem0_store]) == []
    assert world.ledger.states("mem0") == ["ingested"]
    assert len(world.mem0.added) == 1


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "a new word"])
def test_a_job_that_is_not_finished_is_waited_for(status: str) -> None:
    world = world_with("m")
    world.mem0.ingestion = [status]

    assert world.run(stores=[world.mem0_store]) == [5]
    assert world.ledger.states("mem0") == ["sent"]


def test_a_job_that_failed_after_an_unknown_second_attempt_adds_no_third_time() -> None:
    world = world_with("m")
    world.mem0.ingestion = ["FAILED"]
    watched = iter([None])

    def second_add_gets_lost() -> None:
        if len(world.mem0.added) == 2 and next(watched, 1) is None:
            world.mem0.fail("add/$", httpx.ReadTimeout("slow"), after=True)

    world.mem0.watch = second_add_gets_lost
    assert world.run(stores=[world.mem0_store]) == [2]
    assert len(world.mem0.added) == 2

    world.time.now += 2
    assert world.run(stores=[world.mem0_store]) == []
    assert len(world.mem0.added) == 2
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUCCEEDED"])
def test_a_job_whose_answer_was_lost_is_found_and_no_second_one_is_begun(status: str) -> None:
    world = world_with("m")
    world.mem0.ingestion = [status]
    world.mem0.fail("add/$", httpx.ReadTimeout("slow"), after=True)
    world.run(stores=[world.mem0_store])
    world.mem0.memories.clear()  # found nothing worth keeping, or hasn't yet
    world.time.now += 60

    world.run(stores=[world.mem0_store])

    assert len(world.mem0.added) == 1
    state = "ingested" if status == "SUCCEEDED" else "sent"
    assert world.ledger.states("mem0") == [state]


@pytest.mark.parametrize("jobs", [404, 501, "FAILED"])
def test_without_a_job_that_lives_the_words_are_added_again_in_the_end(jobs: Any) -> None:
    world = world_with("m")
    world.mem0.ingestion = [jobs] if isinstance(jobs, str) else []
    world.mem0.fail("add/$", httpx.ReadTimeout("slow"), after=isinstance(jobs, str))
    world.run(stores=[world.mem0_store])
    world.time.now += 60
    if isinstance(jobs, int):
        world.mem0.fail("GET /v1/events/$", jobs)

    world.run(stores=[world.mem0_store])

    again = len(world.mem0.added) == 2
    assert again == (jobs != 501)


def test_a_memory_of_another_turn_is_not_taken_for_this_one_s() -> None:
    world = world_with("m")
    world.run(stores=[world.mem0_store])
    world.ledger.owe("n")
    world.mem0.fail("add/$", httpx.ReadTimeout("slow"))
    world.run(stores=[world.mem0_store])
    world.time.now += 60

    assert world.run(stores=[world.mem0_store]) == []
    assert [memory["memory"] for memory in world.mem0.memories] == ["n", "m"]


def test_without_a_job_s_id_there_is_nothing_to_ask_and_the_words_are_given_again() -> None:
    world = world_with("m")
    due = asyncio.run(world.ledger.due(SESSION, "mem0"))
    words = [replace(each, state="sent", check_id=None) for each in due.words]
    checked = asyncio.run(world.mem0_store.check(due, Utterances(words[0].turn_id, words)))

    assert checked.state == "failed"
    assert world.mem0.requests == []


def test_looking_for_nothing_makes_no_call() -> None:
    world = world_with("m")
    due = asyncio.run(world.ledger.due(SESSION, "mem0"))

    assert asyncio.run(world.mem0_store.find(due, [])) == {}
    assert world.mem0.requests == []


def test_what_one_turn_left_doesn_t_hide_that_another_turn_s_job_is_on_its_way() -> None:
    world = world_with("m")
    world.ledger.owe("n")
    due = asyncio.run(world.ledger.due(SESSION, "mem0"))
    turns = [Utterances(words.turn_id, [words]) for words in due.words]
    world.mem0.ingestion = ["SUCCEEDED", "PENDING"]
    for turn in turns:
        asyncio.run(world.mem0_store.send(due, turn))
    world.mem0.memories = [memory for memory in world.mem0.memories if memory["memory"] == "m"]

    found = asyncio.run(world.mem0_store.find(due, turns))

    assert {turn_id: sent.ingested for turn_id, sent in found.items()} == {
        turns[0].turn_id: True,
        turns[1].turn_id: False,
    }
