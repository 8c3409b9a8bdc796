import asyncio
from typing import Any, cast
from uuid import uuid4

from tandem.clients.mem0 import Mem0Client
from tandem.clients.models import Mem0Memory
from tandem.clients.zep import ZepClient
from tandem.ids import AccountId, Mem0Id
from tandem.recall.gather import Gather, Person
from tandem.recall.hiding import depth, without_hidden


class Mem0:
    """Finds memories 0, 1, 2, … as many as are asked for."""

    async def search(self, query: str, *, limit: int, **_: Any) -> list[Mem0Memory]:
        return [Mem0Memory(id=Mem0Id(f"{n}"), text=f"{query} {n}") for n in range(limit)]


def test_hidden_memories_are_left_out_and_the_others_keep_their_order() -> None:
    memories = [Mem0Memory(id=Mem0Id(name), text=name) for name in "cab"]
    assert [one.id for one in without_hidden(memories, {Mem0Id("a")})] == ["c", "b"]


def test_more_is_asked_for_by_as_much_as_is_hidden_up_to_a_bound() -> None:
    assert depth(10, ()) == 10
    assert depth(10, [Mem0Id("a")]) == 11
    assert depth(10, [Mem0Id(f"{n}") for n in range(9_999)]) == 60


def test_what_is_hidden_is_neither_gathered_for_a_turn_nor_found_by_its_tools() -> None:
    gather = Gather(cast(ZepClient, None), cast(Mem0Client, Mem0()), stage="test")
    person = Person(AccountId(uuid4()), None, frozenset({Mem0Id("0"), Mem0Id("2")}))
    found = asyncio.run(gather.memories(person, "tea", limit=3, seconds=1))
    assert [draft.item.id for draft in found] == ["mem_1", "mem_3", "mem_4"]
    gathered = asyncio.run(gather.for_message(person, "tea", limit=3, seconds=1))
    assert {draft.item.id for draft in gathered.drafts} == {"mem_1", "mem_3", "mem_4"}
