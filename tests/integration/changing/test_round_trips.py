"""How often a change of memory asks the database: as often as was promised."""

import pytest

from tandem.db.connection import OneRoundTrip
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.conftest import CountingProxy

pytestmark = pytest.mark.integration


def test_requests_that_change_memory_take_two_round_trips_a_change_and_a_few_around(
    counting_proxy: CountingProxy,
    connection: OneRoundTrip,
    memory: MemoryWorld,
    figures: list[str],
) -> None:
    counted = MemoryWorld(counting_proxy.url, connection, memory.zep, memory.mem0, memory.queue)
    counted.make_event, counted.person = memory.make_event, memory.person
    memory.tell("I have a dog")
    dog = memory.item("Has a dog")
    counted.call("GET", "/api/memory")
    told = {}

    def count(name: str, method: str, path: str, body: object = None) -> None:
        counting_proxy.reset()
        status, answer = counted.call(method, path, body)
        assert status < 300, answer
        told[name] = counting_proxy.round_trips

    count("remember", "POST", "/api/memory", {"statement": "Likes tea"})
    count("look before forgetting", "POST", "/api/memory/forget", {"query": "dog"})
    count("history", "GET", f"/api/memory/{dog}/history")
    count("correct", "PATCH", f"/api/memory/{dog}", {"text": "Has a brown dog"})
    count("forget", "DELETE", f"/api/memory/{dog}")
    counted.close()
    figures.append(f"round trips: {told}")
    assert (told["remember"], told["look before forgetting"], told["history"]) == (1, 2, 1)
    # Two changes: the memory and its fact.
    assert told["correct"] <= 7 + 2 * 2
    # One change: the fact that was corrected said something else.
    assert told["forget"] <= 7 + 2
