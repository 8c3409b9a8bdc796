"""The dog: said in a chat, forgotten, and gone from everywhere but the history."""

import json
from uuid import UUID

import httpx
import pytest

from tandem.ids import ZepUuid
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.delivery.stores_and_queue import MEM0_KEY, ZEP_KEY

pytestmark = pytest.mark.integration


def forget(memory: MemoryWorld, query: str) -> dict[str, int]:
    """Asks what would go, and says yes."""
    status, shown = memory.call("POST", "/api/memory/forget", {"query": query})
    assert status == 200, shown
    status, done = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})
    assert status == 200, done
    counts: dict[str, int] = done["forgotten"]
    return counts


def test_what_is_forgotten_is_nowhere_but_in_the_history(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    assert memory.mentions("dog")
    status, shown = memory.call("POST", "/api/memory/forget", {"query": "forget my dog"})
    assert status == 200
    assert [item["text"] for item in shown["items"]] == ["Has a dog"]
    assert not shown["more"]
    assert memory.mentions("dog"), "asking changes nothing"

    status, done = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})
    assert (status, done) == (200, {"forgotten": {"memories": 1, "facts": 1, "episodes": 1}})
    memory.until_gone("dog")
    assert memory.history() == ["I have a dog"]
    again = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})
    assert again == (status, done), "the same token gives the same answer"
    status, shown = memory.call("POST", "/api/memory/forget", {"query": "dog"})
    assert (status, shown["items"], shown["token"]) == (200, [], None)


def test_of_a_message_with_two_facts_only_the_dog_goes(memory: MemoryWorld) -> None:
    memory.tell("I have a dog. I live in Delhi.")
    before = memory.items()
    ids = [name for name, text in before if text == "Has a dog"]
    counts = forget(memory, "dog")
    assert (counts["memories"], counts["facts"], counts["episodes"]) == (1, 1, 0)
    memory.until_facts(["Lives in Delhi"])
    assert memory.memories() == ["Lives in Delhi"]
    assert [text for text in memory.mentions("dog") if "Delhi" not in text] == []
    assert memory.history() == ["I have a dog. I live in Delhi."]
    memory.clean()
    memory.until_facts(["Lives in Delhi"])
    assert memory.memories() == ["Lives in Delhi"]
    journal = memory.journal()
    assert all(name.partition("_")[2] not in journal for name in ids)


def test_the_journal_keeps_neither_words_nor_ids_of_what_is_forgotten(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    memory_id = memory.item("Has a dog").removeprefix("mem_")
    said = memory.person.run(
        "select provider_id from sources where account_id = :account and role = 'user'"
    )
    assert [memory_id] in said
    forget(memory, "dog")
    journal = memory.journal()
    for name in (*(name for (name,) in said), "dog", "Has a"):
        assert name not in journal.replace("forget", "")
    assert memory.person.rows("changes", "kind", "seq") == []
    [[answers]] = memory.person.run(
        "select coalesce(jsonb_agg(answer), '[]') from turns where account_id = :account"
    )
    assert memory_id not in json.dumps(answers)


def test_words_that_are_given_again_after_forgetting_are_cleaned(memory: MemoryWorld) -> None:
    memory.tell("I have a dog. I live in Delhi.")
    forget(memory, "dog")
    account = str(memory.person.principal.account_id)
    assert memory.to_tidy() == []

    _give_again(memory)

    assert "Has a dog" in memory.memories()
    assert "Has a dog" in memory.facts()
    assert memory.to_tidy() == [account, account]
    memory.clean()
    memory.until_facts(["Lives in Delhi"])
    assert memory.memories() == ["Lives in Delhi"]
    assert memory.history() == ["I have a dog. I live in Delhi."]


def _give_again(memory: MemoryWorld) -> None:
    """Both stores ingest the words of the one turn anew, as after a failure."""
    [[turn, said_at]] = memory.person.rows("turns", "id, said_at", "said_at")
    memory.person.run(
        "update deliveries set state = 'sent', finished_at = null, check_id = null,"
        " ingestions = 1, sent_at = now() where account_id = :account and role = 'user'"
    )
    [[graph]] = memory.person.run("select zep_graph_uuid from accounts where id = :account")
    text = memory.history()[0] or ""
    added = memory.run(
        memory.parts.zep.add_episode(
            ZepUuid(UUID(str(graph))),
            text,
            reference_time=said_at,
            metadata={"turn_id": str(turn)},
            idempotency_key=f"again-{turn}",
            timeout_seconds=5,
        )
    )
    memory.person.run(
        "insert into sources (provider_id, account_id, turn_id, role)"
        " values (:episode, :account, :turn, 'user')",
        episode=str(added.episode_uuid),
        turn=turn,
    )
    memory.person.run(
        "update deliveries set check_id = :task where account_id = :account and store = 'zep'"
        " and role = 'user'",
        task=str(added.task_uuid),
    )
    event = memory.run(
        memory.parts.mem0.add(
            text,
            user_id=f"test:{memory.person.principal.account_id}",
            metadata={"turn_id": str(turn)},
            timestamp=said_at,
            timeout_seconds=5,
        )
    )
    memory.person.run(
        "update deliveries set check_id = :event where account_id = :account and store = 'mem0'",
        event=event.event_id,
    )
    memory.deliver_all()


def test_words_that_are_delivered_as_if_they_never_had_been_are_cleaned_day_after_day(
    memory: MemoryWorld,
) -> None:
    memory.tell("I have a dog")
    memory.tell("I live in Delhi")
    forget(memory, "dog")
    for _ in range(3):
        memory.person.run(
            "update deliveries set state = 'owed', finished_at = null, check_id = null"
            " where account_id = :account and role = 'user' and seq = 1"
        )
        # Mem0 isn't looked at, which would say that it has had these words.
        memory.person.run("update delivery_leases set unclear = true where store = 'zep'")
        memory.deliver_all()
        assert "Has a dog" in memory.memories()
        memory.clean()
        memory.until_gone("dog")
        assert memory.person.rows("changes", "id", "seq") == []
    memory.until_facts(["Lives in Delhi"])
    assert memory.memories() == ["Lives in Delhi"]
    assert memory.history() == ["I have a dog", "I live in Delhi"]


def test_what_zep_has_written_about_those_who_stay_tells_it_no_more(memory: MemoryWorld) -> None:
    memory.tell("I have a dog. I live in Delhi.")
    [[graph]] = memory.person.run("select zep_graph_uuid from accounts where id = :account")
    [person] = [name for name, text in memory.items() if text.startswith("User")]
    url = f"{memory.zep.url}/api/v4/graphs/{graph}/nodes/{person.removeprefix('entity_')}"
    body = {"summary": "Lives in Delhi with a dog, and likes to talk about it."}
    httpx.patch(url, headers=ZEP_KEY, json=body).raise_for_status()
    assert any("with a dog" in text for _, text in memory.items())
    forget(memory, "dog")
    assert not any("with a dog" in text for _, text in memory.items())
    assert memory.person.rows("changes", "id", "seq") == []


def test_what_is_said_again_counts_again(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    forget(memory, "dog")
    memory.until_gone("dog")
    memory.tell("I have a dog")
    memory.clean()
    assert memory.memories() == memory.facts() == ["Has a dog"]


def test_what_no_store_has_yet_is_forgotten_before_it_is_learned(memory: MemoryWorld) -> None:
    memory.say("I have a dog", "How nice")
    status, shown = memory.call("POST", "/api/memory/forget", {"query": "dog"})
    assert [item["store"] for item in shown["items"]] == ["pending"]
    status, _ = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})
    assert status == 200
    assert memory.items() == []
    memory.deliver_all()
    assert memory.to_tidy()
    memory.clean()
    memory.until_gone("dog")
    assert memory.history() == ["I have a dog"]


def test_what_is_learned_between_the_question_and_the_yes_goes_too(memory: MemoryWorld) -> None:
    memory.tell("I live in Delhi")
    memory.say("I have a dog", "How nice")
    _, shown = memory.call("POST", "/api/memory/forget", {"query": "dog"})
    assert [item["store"] for item in shown["items"]] == ["pending"]
    memory.deliver_all()
    assert "Has a dog" in memory.memories()
    status, done = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})
    assert (status, done["forgotten"]) == (200, {"memories": 1, "facts": 1, "episodes": 1})
    memory.until_gone("dog")
    memory.until_facts(["Lives in Delhi"])


def test_a_request_that_tells_something_else_loses_nothing_of_it(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    item = memory.item("Has a dog")
    asked = memory.say("Forget my dog. I live in Pune.", "Shall I?")
    agreed = memory.say("Yes, please. I have a dog.", "Done")

    done = memory.forget([item], turn=agreed.turn_id, about=[asked.turn_id, agreed.turn_id])

    assert (done.memories, done.facts) == (1, 1)
    memory.deliver_all()
    memory.clean()
    memory.until_facts(["Lives in Pune"])
    assert memory.memories() == ["Lives in Pune"]


def test_deleting_one_item_forgets_what_says_the_same_in_both_stores(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    item = memory.item("Has a dog")
    assert memory.call("DELETE", f"/api/memory/{item}") == (204, None)
    assert memory.facts() == memory.memories() == [], "nobody may copy it back meanwhile"
    memory.until_gone("dog")
    assert memory.call("DELETE", f"/api/memory/{item}")[0] == 204, "its answer may be lost"


def test_a_fact_takes_the_memory_with_it_that_says_the_same(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    [[graph]] = memory.person.run("select zep_graph_uuid from accounts where id = :account")
    page = memory.run(memory.parts.zep.list_edges(ZepUuid(UUID(str(graph))), timeout_seconds=5))
    assert memory.call("DELETE", f"/api/memory/fact_{page.items[0].uuid}") == (204, None)
    memory.until_gone("dog")


@pytest.mark.parametrize(
    ("item", "status"),
    [
        ("mem_unknown", 404),
        ("mem_.", 404),
        ("mem_..", 404),
        ("fact_00000000-0000-4000-8000-000000000000", 404),
        ("said_00000000-0000-4000-8000-000000000000", 404),
        ("entity_00000000-0000-4000-8000-000000000000", 404),
        ("fact_unknown", 422),
        ("dog", 422),
    ],
)
def test_nobody_forgets_what_is_not_there(memory: MemoryWorld, item: str, status: int) -> None:
    memory.tell("I live in Delhi")
    assert memory.call("DELETE", f"/api/memory/{item}")[0] == status


def test_nobody_forgets_what_is_somebody_elses(memory: MemoryWorld) -> None:
    added = httpx.post(
        f"{memory.mem0.url}/v3/memories/add/",
        headers=MEM0_KEY,
        json={
            "messages": [{"role": "user", "content": "Has a dog"}],
            "user_id": "test:somebody",
            "infer": False,
        },
    ).json()
    [theirs] = [one["id"] for one in added["results"]]
    status, problem = memory.call("DELETE", f"/api/memory/mem_{theirs}")
    assert (status, problem["code"]) == (404, "memory_not_found")
    kept = httpx.get(f"{memory.mem0.url}/v1/memories/{theirs}/", headers=MEM0_KEY)
    assert kept.json()["memory"] == "Has a dog"


def test_a_token_that_is_none_forgets_nothing(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    _, shown = memory.call("POST", "/api/memory/forget", {"query": "dog"})
    token = shown["token"]
    for forged in ("x", token[:-4] + "AAAA", token + "AAAA", "é", token.swapcase()):
        status, problem = memory.call("POST", "/api/memory/forget", {"token": forged})
        assert (status, problem["code"]) == (422, "invalid_token")
    assert memory.mentions("dog")
    assert memory.call("POST", "/api/memory/forget", {})[0] == 422
    both = {"token": token, "query": "dog"}
    assert memory.call("POST", "/api/memory/forget", both)[0] == 422


def test_what_is_only_near_in_meaning_is_not_offered(memory: MemoryWorld) -> None:
    memory.tell("I live in Mumbai. I like tea.")
    for query in ("I live in Delhi", "everything", "coffee"):
        _, shown = memory.call("POST", "/api/memory/forget", {"query": query})
        assert shown["items"] == [], query
