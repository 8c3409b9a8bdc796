"""Many turns of one session at once: all answered, numbered without gaps, in order at Zep."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from local.person import Person
from local.stack import Stack
from tests.e2e.harness import claims_of, database_of, thread_of, thread_uuid_of, token_of

pytestmark = pytest.mark.e2e

TURNS = 20
_TRIES = 10


def test_twenty_parallel_turns_of_one_session_are_answered_and_stand_in_zep_in_order(
    stack: Stack, person: Person
) -> None:
    person.call("POST", "/api/session/start", status=201, json={"session_id": "crowd"})
    with ThreadPoolExecutor(TURNS) as crowd:
        answers = list(crowd.map(lambda number: _say(person, number), range(TURNS)))
    assert len({answer["turn_id"] for answer in answers}) == TURNS
    person.until_learned([answer["turn_id"] for answer in answers])

    with database_of(stack) as connection:
        rows = connection.run(
            "select t.seq, t.id, t.state, t.said_at from turns t"
            " join sessions s on s.id = t.session_row"
            " where s.account_id = cast(:sub as uuid) and s.session_id = 'crowd' order by t.seq",
            sub=claims_of(token_of(person))["sub"],
        )
    assert [seq for seq, *_ in rows] == list(range(1, TURNS + 1))
    assert {state for _, _, state, _ in rows} == {"answered"}
    said_at = [at for *_, at in rows]
    assert said_at == sorted(said_at)

    by_turn = {answer["turn_id"]: (answer["said"], answer["reply"]) for answer in answers}
    in_order = [
        utterance
        for _, turn_id, *_ in rows
        for utterance in zip(("user", "assistant"), by_turn[str(turn_id)], strict=True)
    ]
    history = person.history("crowd", limit=7)
    assert [(item["role"], item["content"]) for item in history] == in_order
    assert thread_of(stack, thread_uuid_of(stack, person, "crowd")) == in_order


def test_one_key_sent_by_many_at_once_is_one_turn(stack: Stack, person: Person) -> None:
    key = uuid4().hex
    body = {"session_id": "same", "message": "I like fencing."}
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: _insist(person, body, key), range(8)))
    assert {(answer["turn_id"], answer["reply"]) for answer in answers} == {
        (answers[0]["turn_id"], answers[0]["reply"])
    }
    person.until_learned([answers[0]["turn_id"]])
    assert len(thread_of(stack, thread_uuid_of(stack, person, "same"))) == 2


def _say(person: Person, number: int) -> dict[str, Any]:
    message = f"I like hobby-{number}."
    answer = _insist(person, {"session_id": "crowd", "message": message}, f"key-{number}")
    assert re.search(rf"hobby-{number}\b", answer["reply"])
    return answer | {"said": message}


def _insist(person: Person, body: dict[str, str], key: str) -> dict[str, Any]:
    """Sends a turn as a client does: again by its key when it was told to come again."""
    for _ in range(_TRIES):
        answer = person.http.post("/api/chat", json=body, headers={"idempotency-key": key})
        if answer.status_code == 200:
            answered: dict[str, Any] = answer.json()
            return answered
        # The gateway's own 503 when no instance is free, or "somebody is at it": come again.
        assert answer.status_code in {409, 503}, answer.text
        assert answer.json().get("code", "turn_in_progress") == "turn_in_progress", answer.text
    raise AssertionError(f"{key} was not answered in {_TRIES} tries")
