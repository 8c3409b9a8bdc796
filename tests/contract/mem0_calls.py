"""Calls of our Mem0 client that mem0ai was recorded with, and a way to make them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tandem.clients.mem0 import Mem0Client
from tandem.clients.mem0_models import MemoryUpdate
from tandem.errors import UpstreamError
from tandem.ids import Mem0Id
from tests.contract.wire import Recorder, recorded_calls

MEMORY = Mem0Id("11111111-1111-4111-8111-111111111111")
EVENT = Mem0Id("22222222-2222-4222-8222-222222222222")
OTHER = Mem0Id("22222222-2222-4222-8222-222222222222")
EXPORT = Mem0Id("22222222-2222-4222-8222-222222222222")
SAID_AT = datetime(2026, 1, 1, tzinfo=UTC)

QUEUED = {"event_id": str(EVENT), "status": "PENDING"}
A_MEMORY = {"id": str(MEMORY), "memory": "Likes tea", "created_at": "2026-11-20T09:00:00Z"}
A_PAGE = {"count": 1, "next": None, "previous": None, "results": [A_MEMORY]}

A_CHANGE = {"id": "h1", "memory_id": str(MEMORY), "event": "ADD", "new_memory": "Likes tea"}
AN_ENTITY = {"id": "7", "name": "alice", "type": "user", "created_at": "2026-11-20T09:00:00Z"}
ENTITIES = {"count": 1, "next": None, "previous": None, "results": [AN_ENTITY], "total_users": 1}
SUCCEEDED = {"id": str(EVENT), "event_type": "ADD", "status": "SUCCEEDED", "results": []}
DONE = {"message": "done"}

Call = Callable[[Mem0Client], Awaitable[Any]]
# Recorded call → ours that sends exactly as much, and an answer.
SAME: dict[str, tuple[Call, Any]] = {
    "add_string": (
        lambda mem0: mem0.add("I like tea", user_id="alice", timeout_seconds=5),
        QUEUED,
    ),
    "add_infer_false": (
        lambda mem0: mem0.add(
            [{"role": "user", "content": "verbatim"}],
            user_id="alice",
            infer=False,
            timeout_seconds=5,
        ),
        QUEUED,
    ),
    "get_all_paged": (
        lambda mem0: mem0.list_memories(user_id="alice", page=2, page_size=50, timeout_seconds=5),
        A_PAGE,
    ),
    "get": (lambda mem0: mem0.get(MEMORY, timeout_seconds=5), A_MEMORY),
    "get_odd_id": (lambda mem0: mem0.get(Mem0Id("a/b c?d"), timeout_seconds=5), A_MEMORY),
    "delete": (lambda mem0: mem0.delete(MEMORY, timeout_seconds=5), {"message": "gone"}),
    "delete_users_one": (
        lambda mem0: mem0.delete_user("alice", timeout_seconds=5),
        {"message": "soon", "event_id": str(EVENT)},
    ),
    "update_text_metadata": (
        lambda mem0: mem0.update(
            MEMORY, text="Likes green tea", metadata={"src": "edit"}, timeout_seconds=5
        ),
        A_MEMORY,
    ),
    "update_timestamp": (
        lambda mem0: mem0.update(
            # The recorded second, told in India.
            MEMORY,
            timestamp=SAID_AT.astimezone(timezone(timedelta(hours=5.5))),
            timeout_seconds=5,
        ),
        A_MEMORY,
    ),
    "update_expiration": (
        lambda mem0: mem0.update(MEMORY, expiration_date=date(2026, 11, 19), timeout_seconds=5),
        A_MEMORY,
    ),
    "update_clear_expiration": (
        lambda mem0: mem0.update(MEMORY, expiration_date="never", timeout_seconds=5),
        A_MEMORY,
    ),
    "history": (lambda mem0: mem0.history(MEMORY, timeout_seconds=5), [A_CHANGE]),
    "batch_update": (
        lambda mem0: mem0.batch_update(
            [
                MemoryUpdate(MEMORY, text="A", metadata={"k": 1}),
                MemoryUpdate(OTHER, metadata={"k": 2}),
            ],
            timeout_seconds=5,
        ),
        DONE,
    ),
    "batch_delete": (
        lambda mem0: mem0.batch_delete([MEMORY, OTHER], timeout_seconds=5),
        DONE,
    ),
    "create_memory_export": (
        lambda mem0: mem0.create_export(
            {"type": "object", "properties": {"full_name": {"type": "string"}}},
            user_id="alice",
            instructions="short",
            timeout_seconds=5,
        ),
        {"message": "soon", "id": str(EXPORT)},
    ),
    "get_memory_export": (
        lambda mem0: mem0.get_export(EXPORT, timeout_seconds=5),
        {"full_name": "Alice", "nickname": None},
    ),
    "users": (lambda mem0: mem0.users(timeout_seconds=5), ENTITIES),
}
# Recorded call → ours that sends the same with some fields fewer, and an answer.
FEWER: dict[str, tuple[Call, Any]] = {
    "add": (
        lambda mem0: mem0.add(
            [{"role": "user", "content": "I like tea"}, {"role": "assistant", "content": "Noted"}],
            user_id="alice",
            metadata={"src": "test"},
            timeout_seconds=5,
        ),
        QUEUED,
    ),
    "add_all_options": (
        lambda mem0: mem0.add(
            [{"role": "user", "content": "I like tea"}, {"role": "assistant", "content": "Noted"}],
            user_id="alice",
            metadata={"k": 1},
            # The recorded second, told in India.
            timestamp=SAID_AT.astimezone(timezone(timedelta(hours=5.5))),
            timeout_seconds=5,
        ),
        QUEUED,
    ),
    "search_extra": (
        lambda mem0: mem0.search(" tea? ", user_id="alice", timeout_seconds=5),
        A_PAGE,
    ),
}
RECORDED = {call["call"]: call for call in recorded_calls("mem0ai-2.2.1.json")}
EVENT_CALL: Call = lambda mem0: mem0.get_event(EVENT, timeout_seconds=5)  # noqa: E731
SEARCH: Call = FEWER["search_extra"][0]
ADD: Call = SAME["add_string"][0]
# Each public method, and an answer that ends it.
METHODS: dict[str, tuple[Call, Any]] = {
    "add": SAME["add_string"],
    "search": FEWER["search_extra"],
    "list_memories": SAME["get_all_paged"],
    "list_all": (lambda mem0: mem0.list_all(user_id="alice", timeout_seconds=5), A_PAGE),
    "get": SAME["get"],
    "update": SAME["update_text_metadata"],
    "delete": SAME["delete"],
    "history": SAME["history"],
    "batch_update": SAME["batch_update"],
    "batch_delete": SAME["batch_delete"],
    "create_export": SAME["create_memory_export"],
    "get_export": SAME["get_memory_export"],
    "get_event": (EVENT_CALL, SUCCEEDED),
    "list_events": (
        lambda mem0: mem0.list_events(timeout_seconds=5),
        {"count": 1, "results": [SUCCEEDED]},
    ),
    "wait_for_event": (
        lambda mem0: mem0.wait_for_event(EVENT, timeout_seconds=5),
        SUCCEEDED,
    ),
    "users": SAME["users"],
    "delete_user": SAME["delete_users_one"],
}


def run(recorder: Recorder, call: Call) -> Any:
    """What `call` gives when the recorder answers."""

    async def scenario() -> Any:
        return await call(Mem0Client(recorder.http("mem0"), api_key=lambda: "test-key\n"))

    return asyncio.run(scenario())


def failure(recorder: Recorder, call: Call) -> UpstreamError:
    """The error that `call` ends with."""
    with pytest.raises(UpstreamError) as caught:
        run(recorder, call)
    return caught.value


def answered(answer: Any, call: Call) -> Any:
    """What `call` makes of this JSON."""
    return run(Recorder([httpx.Response(200, json=answer)]), call)
