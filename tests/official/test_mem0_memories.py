"""mem0ai 2.2.1 on the Mem0 twin: adding, finding, changing and deleting memories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mem0.exceptions import MemoryNotFoundError, ValidationError

from tests.official.called import refused
from tests.official.clients import Play
from tests.official.mem0_story import ME, UNKNOWN, listed, settled, told
from tests.official.twin_process import TwinProcess


def test_what_is_said_is_learned_once_the_event_has_ended(
    mem0: Play, mem0_twin: TwinProcess
) -> None:
    async def scenario(mem0: Any) -> None:
        added = await mem0.add(
            [
                {"role": "user", "content": "I like tea"},
                {"role": "assistant", "content": "Noted"},
            ],
            **ME,
            metadata={"turn": 1},
        )
        assert set(added) == {"event_id", "status"}
        assert added["status"] == "PENDING"
        event = await settled(mem0_twin, added["event_id"])
        assert event["event_type"] == "ADD"
        (result,) = event["results"]
        assert result["event"] == "ADD"
        memory = await mem0.get(result["id"])
        assert memory["memory"] == result["data"]["memory"]
        assert "tea" in memory["memory"]
        assert (memory["user_id"], memory["metadata"]) == ("dev:ada", {"turn": 1})

    mem0(scenario)


def test_what_is_known_already_is_not_learned_twice(mem0: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        await told(mem0, mem0_twin, "I like tea")
        for sentence in ("I like tea.", "Hello there!"):
            added = await mem0.add(sentence, **ME)
            assert (await settled(mem0_twin, added["event_id"]))["results"] == []
        assert len(await listed(mem0)) == 1

    mem0(scenario)


def test_all_forms_of_messages_are_taken(mem0: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        for messages in (
            "I like tea",
            {"role": "user", "content": "I live in Delhi"},
            [{"role": "user", "content": "I play chess", "name": "Ada"}],
        ):
            added = await mem0.add(messages, **ME)
            await settled(mem0_twin, added["event_id"])
        assert len(await listed(mem0)) == 3

    mem0(scenario)


def test_without_inference_every_message_is_kept_as_it_stands(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Tea, please"},
            {"role": "assistant", "content": "Here you are"},
        ]
        added = await mem0.add(messages, **ME, infer=False)
        assert added["status"] == "SUCCEEDED"
        assert [result["data"]["memory"] for result in added["results"]] == [
            "Tea, please",
            "Here you are",
        ]
        assert {result["event"] for result in added["results"]} == {"ADD"}
        assert await listed(mem0) == ["Here you are", "Tea, please"]
        again = await mem0.add(messages[1:2], **ME, infer=False)
        assert again["results"] == []

    mem0(scenario)


def test_the_memory_that_fits_comes_first(mem0: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        await told(mem0, mem0_twin, "I like tea", "I live in Delhi", "I play chess")
        found = (await mem0.search("  where do I live? ", filters=ME))["results"]
        assert "Delhi" in found[0]["memory"]
        scores = [memory["score"] for memory in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        everything = await mem0.search("tea", filters=ME, threshold=0.0, top_k=2, rerank=True)
        assert len(everything["results"]) == 2
        for text in ("Tea is hot", "Green tea is hot"):
            await mem0.add(text, user_id="dev:bea", infer=False)
        both = (await mem0.search("green tea", filters={"user_id": "dev:bea"}))["results"]
        assert [memory["memory"] for memory in both] == ["Green tea is hot", "Tea is hot"]
        assert both[0]["score"] > both[1]["score"]
        nobody = await mem0.search("tea", filters={"user_id": "dev:cy"})
        assert nobody["results"] == []

    mem0(scenario)


def test_memories_are_listed_page_by_page(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        texts = [f"Fact number {number}" for number in range(5)]
        messages = [{"role": "user", "content": text} for text in texts]
        await mem0.add(messages, **ME, infer=False)
        pages = [await mem0.get_all(filters=ME, page=page, page_size=2) for page in (1, 2, 3)]
        assert [len(page["results"]) for page in pages] == [2, 2, 1]
        assert {page["count"] for page in pages} == {5}
        assert sorted(m["memory"] for page in pages for m in page["results"]) == texts
        assert pages[0]["previous"] is None
        assert "page=2" in pages[0]["next"]
        assert pages[2]["next"] is None
        assert "page=2" in pages[2]["previous"]
        first = (await mem0.get_all(filters=ME, page=1))["results"]
        assert len(first) == 5
        gone = await refused(mem0.get_all(filters=ME, page=4, page_size=2), MemoryNotFoundError)
        assert str(gone) == "Invalid page."

    mem0(scenario)


def test_a_memory_changes_in_what_is_given_and_its_history_tells(
    mem0: Play, mem0_twin: TwinProcess
) -> None:
    async def scenario(mem0: Any) -> None:
        (memory,) = await told(mem0, mem0_twin, "I like tea", metadata={"turn": 1})
        changed = await mem0.update(memory["id"], text="Likes green tea", metadata={"turn": 2})
        assert changed["memory"] == "Likes green tea"
        assert changed["metadata"] == {"turn": 2}
        assert await mem0.get(memory["id"]) == changed
        moved = await mem0.update(memory["id"], timestamp=1_767_225_600)
        assert datetime.fromisoformat(moved["created_at"]) == datetime(2026, 1, 1, tzinfo=UTC)
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        ending = await mem0.update(memory["id"], expiration_date=tomorrow)
        assert ending["expiration_date"] == tomorrow
        lasting = await mem0.update(memory["id"], expiration_date=None)
        assert lasting["expiration_date"] is None
        rows = await mem0.history(memory["id"])
        assert [row["event"] for row in rows][:2] == ["ADD", "UPDATE"]
        assert (rows[1]["old_memory"], rows[1]["new_memory"]) == (
            memory["memory"],
            "Likes green tea",
        )
        assert {row["memory_id"] for row in rows} == {memory["id"]}

    mem0(scenario)


def test_an_expired_memory_hides_from_search_and_list_but_not_from_get(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        added = await mem0.add("Tea is hot", **ME, infer=False, expiration_date="2026-01-01")
        memory = added["results"][0]["id"]
        assert (await mem0.get(memory))["expiration_date"] == "2026-01-01"
        assert await listed(mem0) == []
        assert await listed(mem0, show_expired=True) == ["Tea is hot"]
        assert (await mem0.search("tea", filters=ME))["results"] == []

    mem0(scenario)


def test_a_deleted_memory_is_gone_and_its_history_says_so(
    mem0: Play, mem0_twin: TwinProcess
) -> None:
    async def scenario(mem0: Any) -> None:
        tea, chess = await told(mem0, mem0_twin, "I like tea", "I play chess")
        assert (await mem0.delete(tea["id"]))["message"]
        await refused(mem0.get(tea["id"]), MemoryNotFoundError)
        await refused(mem0.delete(tea["id"]), MemoryNotFoundError)
        assert await listed(mem0) == [chess["memory"]]
        assert [row["event"] for row in await mem0.history(tea["id"])] == ["ADD", "DELETE"]
        linked = await mem0.delete(chess["id"], delete_linked=True)
        assert linked["message"]

    mem0(scenario)


def test_a_batch_changes_and_deletes_many_at_once(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        messages = [{"role": "user", "content": f"Fact {number}"} for number in range(3)]
        ids = [each["id"] for each in (await mem0.add(messages, **ME, infer=False))["results"]]
        changed = await mem0.batch_update(
            [
                {"memory_id": each, "text": f"Was {n}", "metadata": {"n": n}}
                for n, each in enumerate(ids)
            ]
        )
        assert "3" in changed["message"]
        assert await listed(mem0) == ["Was 0", "Was 1", "Was 2"]
        gone = await mem0.batch_delete([{"memory_id": each} for each in ids[:2]])
        assert "2" in gone["message"]
        assert await listed(mem0) == ["Was 2"]
        many = [{"memory_id": ids[2], "text": "x"}] * 1001
        await refused(mem0.batch_update(many), ValidationError)
        await refused(mem0.batch_delete(many), ValidationError)
        assert await listed(mem0) == ["Was 2"]

    mem0(scenario)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"AND": [{"user_id": "dev:ada"}, {"metadata": {"kind": "food"}}]}, ["Tea"]),
        ({"AND": [ME, {"NOT": {"metadata": {"kind": "food"}}}]}, ["Chess"]),
        ({"OR": [{"user_id": "dev:ada"}, {"user_id": "dev:bea"}]}, ["Chess", "Jazz", "Tea"]),
        ({"user_id": {"in": ["dev:bea"]}}, ["Jazz"]),
        ({"user_id": "*"}, ["Chess", "Jazz", "Tea"]),
        ({"user_id": "dev:ada", "created_at": {"gte": "2026-01-01"}}, ["Chess", "Tea"]),
        ({"user_id": "dev:ada", "created_at": {"lt": "2020-01-01"}}, []),
        ({"AND": [ME, {"keywords": {"icontains": "CHE"}}]}, ["Chess"]),
    ],
    ids=str,
)
def test_filters_narrow_what_is_listed(mem0: Play, filters: dict[str, Any], wanted: Any) -> None:
    async def scenario(mem0: Any) -> None:
        for text, user, kind in (
            ("Tea", "dev:ada", "food"),
            ("Chess", "dev:ada", "game"),
            ("Jazz", "dev:bea", "music"),
        ):
            await mem0.add(text, user_id=user, metadata={"kind": kind}, infer=False)
        assert await listed(mem0, filters=filters) == wanted

    mem0(scenario)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"metadata.kind": "food", **ME},
        {"AND": [ME, {"metadata": {"kind": {"gt": 1}}}]},
        {"AND": [ME, {"created_at": {"eq": "2026-01-01"}}]},
        {"AND": [ME, {"categories": {"eq": "food"}}]},
        {"AND": [{"metadata": {"kind": "food"}}]},
    ],
    ids=str,
)
def test_filters_that_mem0_refuses_are_refused(mem0: Play, filters: dict[str, Any]) -> None:
    async def scenario(mem0: Any) -> None:
        await refused(mem0.get_all(filters=filters), ValidationError)
        await refused(mem0.search("tea", filters=filters), ValidationError)

    mem0(scenario)


def test_bad_calls_are_refused_by_class(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        await refused(mem0.add("I like tea"), ValidationError)
        await refused(mem0.add("I like tea", filters=ME), ValidationError)
        await refused(mem0.get_all(filters=ME, page_size=201), ValidationError)
        await refused(mem0.search("tea", filters=ME, top_k=1001), ValidationError)
        for method in (mem0.get, mem0.delete):
            await refused(method("not-a-uuid"), ValidationError)
            await refused(method(UNKNOWN), MemoryNotFoundError)
        await refused(mem0.update(UNKNOWN, text="x"), MemoryNotFoundError)
        error = await refused(mem0.get(UNKNOWN), MemoryNotFoundError)
        assert error.error_code == "HTTP_404"
        assert error.details["error"] == "Memory not found!"

    mem0(scenario)
