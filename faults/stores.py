"""What the stores really have of a turn, counted at the twins themselves."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from faults.world import World

_ZEP_KEY: Final = {"authorization": "Api-Key test-key"}
_PAGE: Final = "100"


def zep_messages(world: World, turn_ids: Iterable[str]) -> Counter[tuple[str, str]]:
    """How often Zep's threads have each (turn, role) of these turns' sessions."""
    found: Counter[tuple[str, str]] = Counter()
    for thread in _threads(world, list(turn_ids)):
        for message in _thread(world, thread):
            metadata = message.get("metadata") or {}
            if metadata.get("part", 0) == 0:
                found[str(metadata.get("turn_id")), str(message["role"])] += 1
    return found


def mem0_additions(world: World) -> Counter[str]:
    """How often each turn's words were given to Mem0 and taken; its calls have to be recorded
    whole."""
    taken = Counter[str]()
    for call in world.calls("mem0"):
        if call["path"].startswith("/v3/memories/add") and call["status"] in {200, 201, 202}:
            metadata = (call.get("body") or {}).get("metadata") or {}
            taken[str(metadata.get("turn_id"))] += 1
    return taken


def _threads(world: World, turn_ids: list[str]) -> list[str]:
    with world.database() as connection:
        rows = connection.run(
            "select distinct s.zep_thread_uuid from sessions s join turns t on t.session_row = s.id"
            " where t.id = any(cast(:turns as uuid[])) and s.zep_thread_uuid is not null",
            turns=turn_ids,
        )
    return [str(uuid) for (uuid,) in rows]


def _thread(world: World, uuid: str) -> list[Any]:
    messages: list[Any] = []
    cursor: str | None = None
    while True:
        query = {"page_size": _PAGE} | ({"cursor": cursor} if cursor else {})
        url = f"{world.stack.zep_url}/api/v4/threads/{uuid}/messages"
        page = world.http.get(url, params=query, headers=_ZEP_KEY).raise_for_status().json()
        messages += page["items"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return messages
