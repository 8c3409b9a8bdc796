"""How words travel to Zep: one call a turn, keys, parts, and threads and people that are gone."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tandem.db.deliveries import Due
from tandem.delivery.stores import Utterances
from tandem.errors import UpstreamUnavailable
from tests.unit.delivery_fakes import World
from tests.unit.delivery_ledger import ACCOUNT, SAID_AT, SESSION

ADD = "POST /api/v4/threads/.*/messages$"


def due_of(world: World) -> Due:
    return asyncio.run(world.ledger.due(SESSION, "zep"))


def turn_of(due: Due, *, seq: int = 1) -> Utterances:
    words = [each for each in due.words if each.seq == seq]
    return Utterances(words[0].turn_id, words)


def keys(world: World, pattern: str = ".") -> list[str | None]:
    return [request.headers.get("idempotency-key") for request in world.zep.calls(pattern)]


def test_a_turn_is_one_call_with_the_person_s_words_first_and_the_reply_in_its_parts() -> None:
    world = World()
    reply = "é" * 4096 + "b" * 4096 + "c" * 808
    turn = world.ledger.owe("m" * 4000, reply)

    assert world.run(stores=[world.zep_store]) == []

    [call] = world.zep.calls(ADD)
    body = json.loads(call.content)
    assert body["ignore_roles"] == ["assistant"]
    assert [len(message["content"]) for message in body["messages"]] == [4000, 4096, 4096, 808]
    assert "".join(message["content"] for message in body["messages"][1:]) == reply
    assert [message["role"] for message in body["messages"]] == ["user"] + ["assistant"] * 3
    assert [message["metadata"] for message in body["messages"]] == [
        {"turn_id": str(turn), "seq": 1, "part": part} for part in (0, 0, 1, 2)
    ]
    said = (SAID_AT + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    replied = (SAID_AT + timedelta(minutes=1, seconds=2)).isoformat().replace("+00:00", "Z")
    assert [m["reference_time"] for m in body["messages"]] == [said] + [replied] * 3


def test_a_person_is_known_by_stage_and_account_and_made_once() -> None:
    world = World()
    world.ledger.owe("m")
    world.run(stores=[world.zep_store])
    world.ledger.owe("n")
    world.run(stores=[world.zep_store])

    [call] = world.zep.calls("POST /api/v4/users$")
    assert json.loads(call.content) == {"user_id": f"test:{ACCOUNT}", "first_name": "Asha"}
    assert len(world.zep.calls("POST /api/v4/users/lookup$")) == 1
    assert len(world.zep.calls("POST /api/v4/threads$")) == 1


def test_a_repeated_call_has_the_same_key_and_every_other_call_another() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.ingestion = ["failed", "failed"]
    world.zep.fail("POST /api/v4/users$", 503)
    world.zep.fail("POST /api/v4/threads$", 503)
    world.zep.fail(ADD, 503)
    world.zep.fail("POST .*/episodes$", 503)
    world.run(stores=[world.zep_store])
    world.time.now += 60
    world.run(stores=[world.zep_store])
    world.ledger.owe("n", "s")
    world.run(stores=[world.zep_store])
    world.ledger.deletion = "owed"
    world.run(stores=[world.zep_store])

    writes = ["users$", "threads$", "messages$", "episodes$", "threads/[^/]*$"]
    assert [len(keys(world, f"(POST|DELETE) .*{write}")) for write in writes] == [2, 2, 3, 3, 1]
    used = [key for write in writes for key in keys(world, f"(POST|DELETE) .*{write}")]
    # A user, a thread, two turns, two episodes and a deletion.
    assert None not in used
    assert len(set(used)) == 7


def test_the_keys_of_two_sessions_and_of_a_turn_s_roles_differ() -> None:
    world, other = World(), World()
    for each in (world, other):
        each.ledger.owe("m", "r")
        each.run(stores=[each.zep_store])
    assert set(keys(world, "POST /api/v4/threads$")).isdisjoint(keys(other, "POST .*threads$"))

    alone = turn_of(due_of(world_with("m", "r")))
    message = replace(alone, words=alone.words[:1])
    fresh = world_with("m", "r")
    fresh.run(stores=[fresh.zep_store])
    due = replace(due_of(fresh), words=alone.words)
    asyncio.run(fresh.zep_store.send(due, message))
    assert len(set(keys(fresh, ADD))) == 2


def world_with(message: str, reply: str | None = None) -> World:
    world = World()
    world.ledger.owe(message, reply)
    return world


@pytest.mark.parametrize("remembers_keys", [True, False])
def test_a_thread_that_is_gone_is_made_anew(remembers_keys: bool) -> None:
    world = world_with("m", "r")
    world.zep.remembers_keys = remembers_keys
    world.run(stores=[world.zep_store])
    world.zep.threads.clear()
    world.ledger.owe("n", "s")

    assert world.run(stores=[world.zep_store]) == [2]
    world.time.now += 2
    assert world.run(stores=[world.zep_store]) == []

    assert [m["content"] for m in world.zep.messages] == ["n", "s"]
    assert list(world.zep.threads) == [str(world.ledger.thread)]
    assert set(world.ledger.states("zep")) == {"ingested"}


def test_a_thread_that_is_gone_while_an_outcome_is_unknown_is_made_anew_too() -> None:
    world = world_with("m", "r")
    world.zep.remembers_keys = False
    world.zep.fail(ADD, httpx.ReadTimeout("slow"), after=True)
    world.run(stores=[world.zep_store])
    world.zep.threads.clear()

    for _ in range(2):
        world.time.now += 60
        waits = world.run(stores=[world.zep_store])

    assert waits == []
    assert [m["content"] for m in world.zep.messages] == ["m", "r"]


def test_a_look_that_fails_leaves_the_outcome_unknown_and_sends_nothing() -> None:
    world = world_with("m", "r")
    world.zep.fail(ADD, httpx.ReadTimeout("slow"), after=True)
    world.run(stores=[world.zep_store])
    world.zep.fail("GET .*/messages$", 409)
    world.time.now += 2

    assert world.run(stores=[world.zep_store]) == [4]
    assert world.ledger.leases["zep"].unclear
    assert len(world.zep.calls(ADD)) == 1


def test_a_person_who_is_gone_with_everything_is_made_anew() -> None:
    world = world_with("m", "r")
    world.run(stores=[world.zep_store])
    gone = world.ledger.user
    world.zep.threads.clear()
    world.zep.users.clear()
    world.ledger.owe("n", "s")

    for _ in range(3):
        waits = world.run(stores=[world.zep_store])
        world.time.now += 10

    assert waits == []
    assert [m["content"] for m in world.zep.messages] == ["n", "s"]
    assert world.ledger.user != gone


@pytest.mark.parametrize("status", [400, 503])
def test_a_person_or_thread_that_can_not_be_made_is_not_held_against_the_words(status: int) -> None:
    world = world_with("m", "r")
    world.zep.fail("POST /api/v4/threads$", *[status] * 3)

    assert world.run(stores=[world.zep_store]) == [2]
    assert world.ledger.states("zep") == ["owed", "owed"]


def test_a_long_message_fits_an_episode_which_has_the_time_of_the_words_and_not_the_reply() -> None:
    world = world_with("x" * 10_500, "r")
    world.zep.ingestion = ["failed"]

    assert world.run(stores=[world.zep_store]) == []

    [episode] = world.zep.episodes
    assert episode["data"] == "x" * 10_000
    assert episode["type"] == "text"
    assert episode["reference_time"] == "2026-11-20T09:01:00Z"
    turn = "00000000-0000-0000-0000-000000000001"
    assert episode["metadata"] == {"turn_id": turn, "ingestion": 1}


def test_a_reply_alone_is_not_for_the_graph() -> None:
    world = world_with("m", "r")
    world.ledger.rows = [row for row in world.ledger.rows if row.words.role == "assistant"]
    world.zep.ingestion = ["failed"]

    assert world.run(stores=[world.zep_store]) == []

    assert world.zep.episodes == []
    assert world.ledger.states("zep") == ["ingested"]


def test_an_episode_without_a_task_needs_no_further_look() -> None:
    world = world_with("m")
    world.zep.ingestion = ["failed"]
    world.zep.fail("POST .*/episodes$", 200)
    answer: Any = {"episode": {"uuid": "7f1b2b1e-9df7-4a53-8f5c-1c2d3e4f5a6b"}}
    world.zep.faults[0].outcome = httpx.Response(202, json=answer)

    assert world.run(stores=[world.zep_store]) == []

    assert world.ledger.states("zep") == ["ingested"]
    assert answer["episode"]["uuid"] in world.ledger.rows[0].provider_ids


def test_words_that_are_in_the_thread_no_more_have_failed() -> None:
    world = world_with("m", "r")
    world.zep.fail(ADD, httpx.ReadTimeout("slow"), after=True)
    world.run(stores=[world.zep_store])
    world.time.now += 2
    assert world.run(stores=[world.zep_store]) == [5]
    world.zep.messages.clear()
    for thread in world.zep.threads.values():
        thread.clear()

    assert world.run(stores=[world.zep_store]) == []
    assert [episode["data"] for episode in world.zep.episodes] == ["m"]


def test_an_answer_that_counts_the_messages_wrong_leaves_the_outcome_unknown() -> None:
    world = world_with("m", "r")
    world.zep.fail(ADD, 202, after=True)
    world.zep.faults[0].outcome = httpx.Response(202, json={"messages": []})

    assert world.run(stores=[world.zep_store]) == [2]
    assert world.ledger.leases["zep"].unclear

    world.time.now += 2
    world.run(stores=[world.zep_store])
    assert len(world.zep.messages) == 2


def test_nothing_is_sent_before_it_is_prepared() -> None:
    world = world_with("m")
    due = due_of(world)
    with pytest.raises(UpstreamUnavailable):
        asyncio.run(world.zep_store.send(due, turn_of(due)))
    assert world.zep.requests == []
