"""What scenarios on the Zep twin have in common."""

from __future__ import annotations

import asyncio
import time
from typing import Any

UNKNOWN = "11111111-2222-4333-8444-555555555555"
_PATIENCE_SECONDS = 10


async def settled(zep: Any, task: Any, wanted: str = "succeeded") -> Any:
    """The task, once it has come to its end in the way that was wanted."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now = await zep.task.get(task.uuid_)
        if now.status in {"succeeded", "partial", "failed"}:
            assert now.status == wanted, now
            return now
        await asyncio.sleep(0.02)
    raise AssertionError(f"{task} has not ended")


async def ada(zep: Any) -> tuple[Any, Any]:
    """A person and an empty thread of hers."""
    user = await zep.user.create(user_id="dev:ada", first_name="Ada", last_name="Byron")
    return user, await zep.thread.create(user_uuid=user.uuid_)


async def told(zep: Any, thread: Any, *sentences: str, **more: Any) -> list[Any]:
    """The messages that were added, after Zep has taken in what they say."""
    messages = [
        {"role": "user", "content": sentence, "name": "Ada", **more} for sentence in sentences
    ]
    added = await zep.thread.add_messages(thread.uuid_, messages=messages)
    await settled(zep, added.task)
    return list(added.messages)
