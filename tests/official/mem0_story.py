"""What scenarios on the Mem0 twin have in common."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from tests.official.twin_process import TwinProcess

UNKNOWN = "11111111-2222-4333-8444-555555555555"
ME = {"user_id": "dev:ada"}
_PATIENCE_SECONDS = 10


async def settled(twin: TwinProcess, event_id: str, wanted: str = "SUCCEEDED") -> dict[str, Any]:
    """The event, once it has come to the end that was wanted; no SDK can ask for it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    headers = {"authorization": "Token test-key"}
    async with httpx.AsyncClient(base_url=twin.url, headers=headers, trust_env=False) as client:
        while time.monotonic() < deadline:
            event: dict[str, Any] = (await client.get(f"/v1/event/{event_id}/")).json()
            if event["status"] in {"SUCCEEDED", "FAILED"}:
                assert event["status"] == wanted, event
                return event
            await asyncio.sleep(0.02)
    raise AssertionError(f"event {event_id} has not ended")


async def told(mem0: Any, twin: TwinProcess, *sentences: str, **more: Any) -> list[dict[str, Any]]:
    """The memories that were made of these sentences, oldest first."""
    made = []
    for sentence in sentences:
        added = await mem0.add(sentence, **{**ME, **more})
        event = await settled(twin, added["event_id"])
        made += [await mem0.get(result["id"]) for result in event["results"]]
    return made


async def listed(mem0: Any, **more: Any) -> list[str]:
    """The texts of all memories of the person, sorted."""
    page = await mem0.get_all(**{"filters": ME, **more})
    return sorted(memory["memory"] for memory in page["results"])


def check_memory(memory: dict[str, Any]) -> None:
    """Raises AssertionError unless it has what every memory has, in its form."""
    assert str(UUID(memory["id"])) == memory["id"]
    assert isinstance(memory["memory"], str)
    for name in ("created_at", "updated_at"):
        assert datetime.fromisoformat(memory[name]).utcoffset() is not None, memory
