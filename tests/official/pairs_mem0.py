"""Every method of our Mem0 client beside the call of mem0ai 2.2.1 that asks for the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mem0 import AsyncMemoryClient

from tandem.clients.mem0_models import MemoryUpdate
from tandem.ids import Mem0Id
from tests.official.mem0_story import ME
from tests.official.requests_compared import Pair

SAID_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
UNIX = int(SAID_AT.timestamp())
ADA = "dev:ada"
TIMED: dict[str, Any] = {"timeout_seconds": 5.0}
TALK = [{"role": "user", "content": "I like tea"}, {"role": "assistant", "content": "Noted"}]
SCHEMA = {"type": "object", "properties": {"likes": {"type": "string"}}}


@dataclass(frozen=True)
class Mem0World:
    """Ids of things that are there."""

    memories: list[Mem0Id]
    export: Mem0Id
    event: Mem0Id


async def mem0_world(client: AsyncMemoryClient) -> Mem0World:
    """A person with more memories than a page has."""
    facts = [{"role": "user", "content": f"Fact {number}"} for number in range(201)]
    added = await client.add(facts, **ME, infer=False)
    made = await client.create_memory_export(SCHEMA, filters={"AND": [ME]})
    return Mem0World(
        memories=[Mem0Id(each["id"]) for each in added["results"]],
        export=Mem0Id(made["id"]),
        event=Mem0Id(added["event_id"]),
    )


async def _all_pages(mem0: Any, _: Mem0World) -> None:
    for page in (1, 2):
        await mem0.get_all(filters=ME, page=page, page_size=200)


PAIRS: dict[str, Pair] = {
    "add": Pair(
        lambda ours, _: ours.add(
            TALK, user_id=ADA, metadata={"turn": 1}, timestamp=SAID_AT, **TIMED
        ),
        lambda mem0, _: mem0.add(TALK, **ME, metadata={"turn": 1}, timestamp=UNIX),
    ),
    "search": Pair(
        lambda ours, _: ours.search(" tea? ", user_id=ADA, limit=5, threshold=0.2, **TIMED),
        lambda mem0, _: mem0.search(" tea? ", filters=ME, top_k=5, threshold=0.2),
    ),
    "list_memories": Pair(
        lambda ours, w: ours.list_memories(
            user_id=ADA,
            metadata={"turn": 1},
            memory_ids=w.memories[:2],
            show_expired=True,
            page=1,
            page_size=50,
            **TIMED,
        ),
        lambda mem0, w: mem0.get_all(
            filters={"AND": [ME, {"metadata": {"turn": 1}}, {"memory_ids": w.memories[:2]}]},
            show_expired=True,
            page=1,
            page_size=50,
        ),
    ),
    "list_all": Pair(lambda ours, _: ours.list_all(user_id=ADA, **TIMED), _all_pages),
    "get": Pair(
        lambda ours, w: ours.get(w.memories[0], **TIMED), lambda mem0, w: mem0.get(w.memories[0])
    ),
    "update": Pair(
        lambda ours, w: ours.update(
            w.memories[0],
            text="Likes tea",
            metadata={"turn": 2},
            timestamp=SAID_AT,
            expiration_date=date(2030, 1, 1),
            **TIMED,
        ),
        lambda mem0, w: mem0.update(
            w.memories[0],
            text="Likes tea",
            metadata={"turn": 2},
            timestamp=UNIX,
            expiration_date="2030-01-01",
        ),
    ),
    "delete": Pair(
        lambda ours, w: ours.delete(w.memories[0], **TIMED),
        lambda mem0, w: mem0.delete(w.memories[0]),
    ),
    "history": Pair(
        lambda ours, w: ours.history(w.memories[0], **TIMED),
        lambda mem0, w: mem0.history(w.memories[0]),
    ),
    "batch_update": Pair(
        lambda ours, w: ours.batch_update(
            [
                MemoryUpdate(w.memories[0], text="A", metadata={"k": 1}),
                MemoryUpdate(w.memories[1], text="B"),
            ],
            **TIMED,
        ),
        lambda mem0, w: mem0.batch_update(
            [
                {"memory_id": w.memories[0], "text": "A", "metadata": {"k": 1}},
                {"memory_id": w.memories[1], "text": "B"},
            ]
        ),
    ),
    "batch_delete": Pair(
        lambda ours, w: ours.batch_delete(w.memories[:2], **TIMED),
        lambda mem0, w: mem0.batch_delete([{"memory_id": each} for each in w.memories[:2]]),
        gone=True,
    ),
    "create_export": Pair(
        lambda ours, _: ours.create_export(SCHEMA, user_id=ADA, instructions="Be brief", **TIMED),
        lambda mem0, _: mem0.create_memory_export(
            SCHEMA, filters={"AND": [ME]}, export_instructions="Be brief"
        ),
    ),
    "get_export": Pair(
        lambda ours, w: ours.get_export(w.export, **TIMED),
        lambda mem0, w: mem0.get_memory_export(memory_export_id=w.export),
    ),
    "users": Pair(lambda ours, _: ours.users(**TIMED), lambda mem0, _: mem0.users()),
    "delete_user": Pair(
        lambda ours, _: ours.delete_user(ADA, **TIMED),
        lambda mem0, _: mem0.delete_users(user_id=ADA),
    ),
}
ALONE: dict[str, Any] = {
    "get_event": lambda ours, w: ours.get_event(w.event, **TIMED),
    "list_events": lambda ours, _: ours.list_events(**TIMED),
    "wait_for_event": lambda ours, w: ours.wait_for_event(w.event, **TIMED),
}
"""Methods that no official client has."""
