"""A memory is corrected: rewritten in Mem0, ended in Zep, and said anew."""

import time
from typing import Any

import pytest

from tandem.changes.path import Carried, ChangePath
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.delivery.stores_and_queue import WITHIN_SECONDS

pytestmark = pytest.mark.integration


def correct(memory: MemoryWorld, item: str, text: str) -> Any:
    status, body = memory.call("PATCH", f"/api/memory/{item}", {"text": text})
    assert status == 200, body
    return body


def current(memory: MemoryWorld) -> list[str]:
    return sorted(text for name, text in memory.items() if not name.startswith("entity_"))


def test_a_corrected_memory_reads_as_the_person_says_and_the_old_fact_is_ended(
    memory: MemoryWorld,
) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    corrected = correct(memory, item, "Lives in Pune")
    assert (corrected["id"], corrected["text"]) == (item, "Lives in Pune")
    [source] = corrected["source"]
    assert source["session_id"] == "memory"
    assert memory.memories() == ["Lives in Pune"]
    memory.deliver_all()
    assert current(memory) == ["Lives in Pune"]
    assert memory.history() == ["I live in Delhi"]
    assert memory.history("memory") == ["Lives in Pune"]
    _, view = memory.call("GET", "/api/memory")
    assert view["facts"][0]["source"][-1]["turn_id"] == source["turn_id"]
    [run] = memory.person.rows("runs", "kind, state, turn_id", "started_at")
    assert [*run[:2], str(run[2])] == ["correct", "done", source["turn_id"]]


def test_only_zep_is_told_what_mem0_has_been_rewritten_to(memory: MemoryWorld) -> None:
    memory.tell("I live in Delhi")
    adds = memory.mem0.calls("POST", "/add/")
    correct(memory, memory.item("Lives in Delhi"), "Lives in Pune")
    memory.deliver_all()
    assert memory.mem0.calls("POST", "/add/") == adds
    assert "Lives in Pune" in memory.episodes()


def test_a_fact_that_no_memory_says_becomes_a_statement_in_both_stores(
    memory: MemoryWorld,
) -> None:
    memory.tell("I live in Delhi")
    memory_id = memory.item("Lives in Delhi").removeprefix("mem_")
    memory.mem0_delete(memory_id)
    fact = memory.item("Lives in Delhi")
    assert fact.startswith("fact_")
    pending = correct(memory, fact, "Lives in Pune")
    assert pending["store"] == "pending"
    memory.deliver_all()
    assert memory.memories() == ["Lives in Pune"]
    assert current(memory) == ["Lives in Pune"]


def test_repeating_a_correction_that_broke_off_goes_on_with_it(
    memory: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    whole = ChangePath.carry_out

    async def only_the_first(self: Any, person: Any, run: Any, changes: Any, **more: Any) -> Any:
        await whole(self, person, run, changes[:1], **more)
        return Carried(confirmed=1, left=len(changes) - 1)

    monkeypatch.setattr(ChangePath, "carry_out", only_the_first)
    status, problem = memory.call("PATCH", f"/api/memory/{item}", {"text": "Lives in Pune"})
    assert (status, problem["code"]) == (503, "unfinished")
    monkeypatch.undo()
    assert memory.memories() == ["Lives in Pune"]
    assert "Lives in Delhi" in current(memory)

    again = correct(memory, item, "Lives in Pune")
    assert again["text"] == "Lives in Pune"
    assert "Lives in Delhi" not in current(memory)
    assert memory.history("memory") == ["Lives in Pune"], "said once"
    assert [row[0] for row in memory.person.rows("runs", "state", "started_at")] == ["done"]


def test_a_correction_can_be_corrected_back_and_forth(memory: MemoryWorld) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    for text in ("Lives in Pune", "Lives in Delhi", "Lives in Pune"):
        correct(memory, item, text)
        memory.deliver_all()
        _until_current(memory, [text])
    said = ["Lives in Pune", "Lives in Delhi", "Lives in Pune"]
    assert memory.history("memory") == said


def _until_current(memory: MemoryWorld, expected: list[str]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while current(memory) != expected:
        assert time.monotonic() < deadline, current(memory)


@pytest.mark.parametrize(
    "item",
    [
        "mem_unknown",
        "mem_00000000-0000-4000-8000-000000000000",
        "fact_00000000-0000-4000-8000-000000000000",
        "said_00000000-0000-4000-8000-000000000000",
        "entity_00000000-0000-4000-8000-000000000000",
    ],
)
def test_what_is_not_there_cannot_be_corrected(memory: MemoryWorld, item: str) -> None:
    memory.tell("I live in Delhi")
    status, problem = memory.call("PATCH", f"/api/memory/{item}", {"text": "Lives in Pune"})
    assert (status, problem["code"]) == (404, "memory_not_found")
    assert memory.history("talk") == ["I live in Delhi"]


def test_what_no_store_has_yet_cannot_be_corrected_yet(memory: MemoryWorld) -> None:
    memory.say("I live in Delhi", "How nice")
    [(item, _)] = memory.items()
    status, problem = memory.call("PATCH", f"/api/memory/{item}", {"text": "Lives in Pune"})
    assert (status, problem["code"]) == (409, "still_pending")


def test_the_history_of_a_memory_tells_what_both_stores_and_we_have_done(
    memory: MemoryWorld,
) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    correct(memory, item, "Lives in Pune")
    status, story = memory.call("GET", f"/api/memory/{item}/history")
    assert (status, story["degraded"]) == (200, [])
    told = [(one["store"], one["event"], one["text"]) for one in story["items"]]
    assert ("mem0", "added", "Lives in Delhi") in told
    assert ("mem0", "changed", "Lives in Pune") in told
    assert ("zep", "learned", "Lives in Delhi") in told
    assert ("zep", "ended", "Lives in Delhi") in told
    assert ("tandem", "rewrite", None) in told
    [ours] = [one for one in story["items"] if one["store"] == "tandem"]
    assert ours["reason"] == "corrected"
    times = [one["at"] for one in story["items"]]
    assert times == sorted(times)
    status, problem = memory.call("GET", "/api/memory/mem_unknown/history")
    assert (status, problem["code"]) == (404, "memory_not_found")


def test_what_a_memory_said_once_is_not_told_when_it_is_forgotten(memory: MemoryWorld) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    correct(memory, item, "Lives in Pune")
    memory.deliver_all()
    _, shown = memory.call("POST", "/api/memory/forget", {"query": "Delhi"})
    assert [one["text"] for one in shown["items"]] == ["Lives in Delhi"]
    assert memory.call("POST", "/api/memory/forget", {"token": shown["token"]})[0] == 200

    status, story = memory.call("GET", f"/api/memory/{item}/history")

    told = [(one["store"], one["event"], one["text"]) for one in story["items"]]
    assert status == 200
    assert ("mem0", "added", None) in told
    assert ("mem0", "changed", "Lives in Pune") in told
    assert "Delhi" not in str(story)


def test_what_a_correction_has_replaced_is_forgotten_alone(memory: MemoryWorld) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    correct(memory, item, "Lives in Pune")
    memory.deliver_all()
    [[fact]] = memory.person.run("select edge_uuid from links where mem0_id = :m", m=item[4:])

    assert memory.call("DELETE", f"/api/memory/fact_{fact}")[0] == 204

    assert memory.memories() == ["Lives in Pune"]
    assert current(memory) == ["Lives in Pune"]
    assert "Lives in Delhi" not in memory.facts()


def test_correcting_what_was_replaced_leaves_what_took_its_place(memory: MemoryWorld) -> None:
    memory.tell("I live in Delhi")
    item = memory.item("Lives in Delhi")
    correct(memory, item, "Lives in Pune")
    memory.deliver_all()
    [[fact]] = memory.person.run("select edge_uuid from links where mem0_id = :m", m=item[4:])
    correct(memory, f"fact_{fact}", "Lived in Agra")
    memory.deliver_all()
    assert "Lives in Pune" in memory.memories()
