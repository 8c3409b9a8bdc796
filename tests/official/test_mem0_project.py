"""mem0ai 2.2.1 on the Mem0 twin: people, exports, summaries, feedback, errors."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from typing import Any
from uuid import UUID

import pytest
from mem0 import exceptions
from mem0.exceptions import MemoryNotFoundError, NetworkError, ValidationError

from tests.official.called import refused
from tests.official.clients import Play
from tests.official.mem0_story import ME, UNKNOWN, listed, settled, told
from tests.official.twin_process import TwinProcess

SCHEMA = {
    "type": "object",
    "properties": {
        "likes": {"type": "array", "items": {"type": "string"}},
        "city": {"type": "string"},
    },
    "required": ["likes"],
}


def test_everybody_with_memories_is_listed_and_can_be_erased(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        for scope in ({"user_id": "dev:ada"}, {"user_id": "dev:bea"}, {"agent_id": "bot"}):
            await mem0.add("Tea", **scope, infer=False)
        page = await mem0.users()
        assert page["count"] == 3
        assert {(each["type"], each["name"]) for each in page["results"]} == {
            ("user", "dev:ada"),
            ("user", "dev:bea"),
            ("agent", "bot"),
        }
        assert (page["total_users"], page["total_agents"]) == (2, 1)
        assert (await mem0.delete_users(user_id="dev:ada"))["message"]
        await _until(lambda: _names(mem0), {"dev:bea", "bot"})
        assert (await mem0.delete_users())["message"]
        await _until(lambda: _names(mem0), set())

    mem0(scenario)


def test_a_reset_leaves_nobody(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        for number in range(3):
            await mem0.add("Tea", user_id=f"dev:{number}", infer=False)
        assert "reset" in (await mem0.reset())["message"]
        await _until(lambda: _names(mem0), set())

    mem0(scenario)


async def _names(mem0: Any) -> set[str]:
    return {each["name"] for each in (await mem0.users())["results"]}


async def _until(look: Any, wanted: Any) -> None:
    for _ in range(200):
        found = await look()
        if found == wanted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{found} did not become {wanted}")


def test_one_persons_memories_are_erased_and_only_with_a_filter(
    mem0: Play, mem0_twin: TwinProcess
) -> None:
    async def scenario(mem0: Any) -> None:
        await told(mem0, mem0_twin, "I like tea", "I play chess")
        await mem0.add("Jazz", user_id="dev:bea", infer=False)
        await refused(mem0.delete_all(), ValidationError)
        deletion = await mem0.delete_all(**ME)
        assert deletion["message"]
        event = await settled(mem0_twin, deletion["event_id"])
        assert event["event_type"] == "DELETE_ALL"
        assert await listed(mem0) == []
        assert await listed(mem0, filters={"user_id": "dev:bea"}) == ["Jazz"]

    mem0(scenario)


@pytest.mark.parametrize("schema", [SCHEMA, json.dumps(SCHEMA)], ids=["object", "text"])
def test_an_export_has_the_shape_of_its_schema(
    mem0: Play, mem0_twin: TwinProcess, schema: Any
) -> None:
    async def scenario(mem0: Any) -> None:
        await told(mem0, mem0_twin, "I like tea", "I live in Delhi")
        filters = {"AND": [ME]}
        made = await mem0.create_memory_export(schema, filters=filters)
        assert str(UUID(made["id"])) == made["id"]
        assert made["message"]

        for _ in range(200):
            exported = await mem0.get_memory_export(memory_export_id=made["id"])
            # While it is made there is a status, which the schema doesn't have.
            if "status" not in exported:
                break
            await asyncio.sleep(0.02)
        assert isinstance(exported["likes"], list)
        assert all(isinstance(each, str) for each in exported["likes"])
        assert set(exported) <= {"likes", "city"}
        assert await mem0.get_memory_export(filters=filters) == exported

    mem0(scenario)


def test_an_export_that_cannot_be_is_refused(mem0: Play) -> None:
    async def scenario(mem0: Any) -> None:
        await refused(
            mem0.create_memory_export("no schema", filters={"AND": [ME]}), ValidationError
        )
        error = await refused(mem0.get_memory_export(memory_export_id=UNKNOWN), MemoryNotFoundError)
        assert error.details["error"] == "No memory export request found"

    mem0(scenario)


def test_a_summary_and_feedback_can_be_had(mem0: Play, mem0_twin: TwinProcess) -> None:
    async def scenario(mem0: Any) -> None:
        (tea,) = await told(mem0, mem0_twin, "I like tea")
        summary = await mem0.get_summary(filters=ME)
        assert "tea" in json.dumps(summary)
        given = await mem0.feedback(tea["id"], "positive", "just right")
        assert given["feedback"] == "POSITIVE"
        assert given["feedback_reason"] == "just right"
        cleared = await mem0.feedback(tea["id"])
        assert cleared["feedback"] is None
        await refused(mem0.feedback("not-a-uuid", "POSITIVE"), ValidationError)

    mem0(scenario)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "ValidationError"),
        (401, "AuthenticationError"),
        (402, "MemoryError"),
        (403, "AuthenticationError"),
        (404, "MemoryNotFoundError"),
        (408, "NetworkError"),
        (409, "ValidationError"),
        (413, "MemoryQuotaExceededError"),
        (422, "ValidationError"),
        (429, "RateLimitError"),
        (500, "MemoryError"),
        (502, "NetworkError"),
        (503, "NetworkError"),
        (504, "NetworkError"),
        (307, "MemoryError"),
    ],
)
def test_a_status_is_a_class_and_no_call_is_made_twice(
    mem0: Play, mem0_twin: TwinProcess, status: int, kind: str
) -> None:
    mem0_twin.fault(
        "/v1/memories/*", "status", status=status, body={"detail": "some detail"}, retry_after=7
    )

    async def scenario(mem0: Any) -> None:
        wanted = getattr(exceptions, kind)
        error = await refused(mem0.get(UNKNOWN), wanted)
        assert error.error_code == f"HTTP_{status}"
        assert str(error) == "some detail"
        if status == 429:
            assert error.debug_info["retry_after"] == 7

    mem0(scenario)
    got = [record for record in mem0_twin.records() if UNKNOWN in record["path"]]
    assert len(got) == 1


def test_a_cut_connection_is_a_network_error(mem0: Play, mem0_twin: TwinProcess) -> None:
    mem0_twin.fault("/v1/memories/*", "reset")

    async def scenario(mem0: Any) -> None:
        await refused(mem0.get(UNKNOWN), NetworkError)

    mem0(scenario)


@pytest.mark.parametrize("status", [401, 500])
def test_a_client_whose_key_is_not_taken_is_not_made(
    mem0: Play, mem0_twin: TwinProcess, status: int
) -> None:
    mem0_twin.fault("/v1/ping/", "status", status=status, body={"detail": "Invalid API key."})

    async def scenario(_: Any) -> None:
        raise AssertionError("the client was made")

    with pytest.raises(ValueError, match=r"^Error: Invalid API key\.$"):
        mem0(scenario)
    with warnings.catch_warnings():
        # What was half made has left a connection open, which nobody can close any more.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
