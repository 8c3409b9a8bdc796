"""A statement, from the request until both stores have it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.changing.memory_world import MemoryWorld

pytestmark = pytest.mark.integration


def remember(memory: MemoryWorld, **body: Any) -> Any:
    status, answer = memory.call("POST", "/api/memory", body)
    assert status == 201, answer
    return answer


def test_a_statement_is_pending_at_once_and_then_in_both_stores_as_it_stands(
    memory: MemoryWorld,
) -> None:
    item = remember(memory, statement="Prefers window seats")
    assert (item["store"], item["text"]) == ("pending", "Prefers window seats")
    assert memory.items() == [(item["id"], "Prefers window seats")]
    memory.deliver_all()
    assert memory.memories() == ["Prefers window seats"]
    assert memory.episodes() == ["Prefers window seats"]
    assert memory.states() == {"ingested"}
    assert memory.history("memory") == ["Prefers window seats"]
    [(_, text)] = [one for one in memory.items() if one[0].startswith("mem_")]
    assert text == "Prefers window seats"


def test_a_statement_stands_in_the_session_that_it_names_and_at_its_time(
    memory: MemoryWorld,
) -> None:
    memory.tell("I live in Delhi")
    item = remember(
        memory, statement="Has a dog", session_id="talk", said_at="2024-05-01T10:00:00+02:00"
    )
    assert item["source"][0]["session_id"] == "talk"
    assert item["last_confirmed_at"] == "2024-05-01T08:00:00Z"
    assert memory.history() == ["I live in Delhi", "Has a dog"]


def test_the_same_key_remembers_once(memory: MemoryWorld) -> None:
    body = {"statement": "Has a dog"}
    answers = [
        memory.call("POST", "/api/memory", body, **{"idempotency-key": "k"}) for _ in range(2)
    ]
    assert [status for status, _ in answers] == [201, 201]
    assert answers[0][1] == answers[1][1]
    status, problem = memory.call(
        "POST", "/api/memory", {"statement": "Has a cat"}, **{"idempotency-key": "k"}
    )
    assert (status, problem["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"statement": " "},
        {"statement": "x" * 4_001},
        {"statement": "x", "said_at": "2024-05-01T10:00:00"},
        {"statement": "x", "said_at": "1066-10-14T09:00:00Z"},
        {"statement": "x", "said_at": "0001-01-01T00:00:00+14:00"},
        {"statement": "x", "session_id": "no spaces"},
        {"statement": "x", "kind": "fact"},
        {"statement": "x", "said_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    ],
)
def test_what_cannot_be_a_statement_is_refused(memory: MemoryWorld, body: Any) -> None:
    status, _ = memory.call("POST", "/api/memory", body)
    assert status == 422
    assert memory.person.turns() == []
