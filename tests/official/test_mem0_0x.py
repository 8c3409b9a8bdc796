"""mem0ai 0.1.118, the last of its line, on the Mem0 twin's older paths."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest

from tests.official.called import refused
from tests.official.clients import Play
from tests.official.mem0_0x import OldClient, Raised
from tests.official.mem0_story import ME, UNKNOWN, settled
from tests.official.twin_process import TwinProcess


async def _told(mem0: Any, twin: TwinProcess, *sentences: str) -> list[dict[str, Any]]:
    """All memories of the person, after these sentences."""
    for sentence in sentences:
        added = await mem0.add([{"role": "user", "content": sentence}], **ME)
        assert added["relations"] == []
        (queued,) = added["results"]
        assert queued["status"] == "PENDING"
        assert queued["message"]
        await settled(twin, queued["event_id"])
    return await _all(mem0)


async def _all(mem0: Any, **scope: Any) -> list[dict[str, Any]]:
    """The person's memories as version 1 lists them: a bare array."""
    found: list[dict[str, Any]] = await mem0.get_all(**(scope or ME))
    assert isinstance(found, list)
    return sorted(found, key=lambda memory: str(memory["memory"]))


async def _refused(call: Awaitable[Any], kind: str, client: str) -> Raised:
    """The error; the blocking client names the case, the other lets httpx's own through."""
    error = await refused(call, Raised)
    assert error.kind == (kind if client == "sync" else "HTTPStatusError")
    return error


def test_what_is_said_is_learned_found_and_listed(mem0_0x: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        chess, delhi, tea = sorted(
            await _told(mem0, mem0_twin, "I like tea", "I live in Delhi", "I play chess"),
            key=lambda memory: next(
                n for n, word in enumerate(("chess", "Delhi", "tea")) if word in memory["memory"]
            ),
        )
        assert await mem0.get(tea["id"])
        for version, how in (("v1", ME), ("v2", {"filters": {"AND": [ME]}})):
            found = await mem0.search("where do I live?", version=version, **how)
            found = found["results"] if isinstance(found, dict) else found
            assert found[0]["id"] == delhi["id"]
            assert found[0]["score"] > 0
        listed = await mem0.get_all(version="v2", filters={"AND": [ME]})
        assert {memory["id"] for memory in listed} == {chess["id"], delhi["id"], tea["id"]}

    mem0_0x(scenario)


def test_lists_are_paged_when_both_numbers_are_given(mem0_0x: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        known = await _told(mem0, mem0_twin, "I like tea", "I live in Delhi", "I play chess")
        pages = [await mem0.get_all(**ME, page=page, page_size=2) for page in (1, 2)]
        assert [page["count"] for page in pages] == [3, 3]
        ids = [memory["id"] for page in pages for memory in page["results"]]
        assert sorted(ids) == sorted(memory["id"] for memory in known)
        assert await mem0.get_all(user_id="dev:bea") == []
        assert len(await mem0.get_all(**ME, limit=1)) == 1

    mem0_0x(scenario)


def test_a_memory_changes_and_goes(mem0_0x: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        (memory,) = await _told(mem0, mem0_twin, "I like tea")
        changed = await mem0.update(memory["id"], text="Likes green tea", metadata={"turn": 2})
        assert changed["memory"] == "Likes green tea"
        assert [row["event"] for row in await mem0.history(memory["id"])] == ["ADD", "UPDATE"]
        assert (await mem0.delete(memory["id"]))["message"]
        assert await _all(mem0) == []

    mem0_0x(scenario)


def test_many_change_and_go_at_once(mem0_0x: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        known = await _told(mem0, mem0_twin, "I like tea", "I play chess")
        await mem0.batch_update([{"memory_id": memory["id"], "text": "x"} for memory in known[:1]])
        assert "x" in [memory["memory"] for memory in await _all(mem0)]
        assert "2" in (await mem0.batch_delete([{"memory_id": m["id"]} for m in known]))["message"]
        assert await _all(mem0) == []

    mem0_0x(scenario)


def test_people_are_listed_and_erased(mem0_0x: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        await _told(mem0, mem0_twin, "I like tea")
        assert [each["name"] for each in (await mem0.users())["results"]] == ["dev:ada"]
        deletion = await mem0.delete_all(**ME)
        await settled(mem0_twin, deletion["event_id"])
        assert await _all(mem0) == []
        for erase in (mem0.delete_users, mem0.reset):
            await _told(mem0, mem0_twin, "I like tea")
            assert (await erase(**(ME if erase == mem0.delete_users else {})))["message"]
            for _ in range(200):
                if not await _all(mem0):
                    break
                await asyncio.sleep(0.02)
            assert await _all(mem0) == []

    mem0_0x(scenario)


def test_exports_and_summaries_can_be_had(mem0_0x: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        await _told(mem0, mem0_twin, "I like tea")
        schema = {"type": "object", "properties": {"likes": {"type": "string"}}}
        made = await mem0.create_memory_export(json.dumps(schema), filters={"AND": [ME]})
        assert str(UUID(made["id"])) == made["id"]
        for _ in range(200):
            exported = await mem0.get_memory_export(memory_export_id=made["id"])
            if "status" not in exported:
                break
            await asyncio.sleep(0.02)
        assert set(exported) <= {"likes"}
        assert "tea" in json.dumps(await mem0.get_summary(filters=ME))

    mem0_0x(scenario)


def test_feedback_arrives_although_the_client_stumbles_afterwards(
    mem0_0x: Play, mem0_twin: TwinProcess
) -> None:
    async def scenario(mem0: Any) -> None:
        (memory,) = await _told(mem0, mem0_twin, "I like tea")
        error = await refused(mem0.feedback(memory["id"], "POSITIVE"), Raised)
        assert error.kind == "TypeError"

    mem0_0x(scenario)
    (posted,) = [each for each in mem0_twin.records() if each["path"] == "/v1/feedback/"]
    assert posted["status"] == 200


def test_what_is_refused_has_its_class(mem0_0x: Play, old_mem0: tuple[str, OldClient]) -> None:
    kind, _ = old_mem0

    async def scenario(mem0: Any) -> None:
        await _refused(mem0.get(UNKNOWN), "MemoryNotFoundError", kind)
        await _refused(mem0.get("not-a-uuid"), "ValidationError", kind)
        await _refused(mem0.delete_all(), "ValidationError", kind)
        await _refused(mem0.search("tea"), "ValidationError", kind)
        await _refused(mem0.add([{"role": "user", "content": "tea"}]), "ValidationError", kind)

    mem0_0x(scenario)


@pytest.mark.parametrize("status", [401, 429, 503])
def test_no_call_is_made_twice(
    mem0_0x: Play, mem0_twin: TwinProcess, old_mem0: tuple[str, OldClient], status: int
) -> None:
    mem0_twin.fault("/v1/memories/*", "status", status=status, body={"detail": "some detail"})
    kinds = {401: "AuthenticationError", 429: "RateLimitError", 503: "NetworkError"}

    async def scenario(mem0: Any) -> None:
        await _refused(mem0.get(UNKNOWN), kinds[status], old_mem0[0])

    mem0_0x(scenario)
    assert len([each for each in mem0_twin.records() if UNKNOWN in each["path"]]) == 1
