import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from memory_api.paging import Place
from memory_api.reading import Found, Linked, Reading, Scope, StoreReader, Wanted
from tandem.clients.models import Mem0Memory, Mem0Page, Page, ZepEdge, ZepNode
from tandem.deadline import Deadline
from tandem.errors import (
    Unavailable,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.gather import Gathered, Person
from tandem.recall.merge import Link

ME = AccountId(UUID("0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"))
GRAPH = ZepUuid(UUID("77777777-7777-4777-8777-777777777777"))
KNOWN = Person(ME, GRAPH)


@dataclass
class FakeZep:
    """Lists `edges` a hundred at a time; its cursor is the place where the next page begins."""

    edges: int = 0
    fails_at: int | None = None
    failure: Exception = field(
        default_factory=lambda: UpstreamTimeout("zep", operation="graph.edge.list")
    )
    graphs: list[ZepUuid] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    named: list[list[ZepUuid]] = field(default_factory=list)
    label: str = "Entity"
    narrowed_seconds: list[float] = field(default_factory=list)

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        edge_uuids: Sequence[ZepUuid] | None = None,
        node_uuids: Sequence[ZepUuid] | None = None,
        timeout_seconds: float,
    ) -> Page[ZepEdge]:
        self.graphs.append(graph_uuid)
        if edge_uuids is not None or node_uuids is not None:
            self.narrowed_seconds.append(timeout_seconds)
            return self._narrowed(edge_uuids, node_uuids)
        self.seconds.append(timeout_seconds)
        first = int(cursor or 0)
        if self.fails_at is not None and first >= self.fails_at:
            raise self.failure
        last = min(first + page_size, self.edges)
        items = tuple(ZepEdge(uuid=ZepUuid(uuid4()), fact=f"{n}") for n in range(first, last))
        return Page[ZepEdge](items=items, next_cursor=str(last) if last < self.edges else None)

    def _narrowed(
        self, edge_uuids: Sequence[ZepUuid] | None, node_uuids: Sequence[ZepUuid] | None
    ) -> Page[ZepEdge]:
        if self.fails_at is not None:
            raise self.failure
        self.named.append([*(edge_uuids or ()), *(node_uuids or ())])
        ids = edge_uuids if edge_uuids is not None else [ZepUuid(uuid4())]
        return Page[ZepEdge](items=tuple(ZepEdge(uuid=uuid, fact="named") for uuid in ids))

    async def list_nodes(self, graph_uuid: ZepUuid, *, timeout_seconds: float) -> Page[ZepNode]:
        self.graphs.append(graph_uuid)
        self.seconds.append(timeout_seconds)
        if self.fails_at is not None:
            raise self.failure
        node = ZepNode(uuid=ZepUuid(uuid4()), name="Bruno", labels=(self.label,))
        return Page[ZepNode](items=(node,))

    async def search_edges(
        self, graph_uuid: ZepUuid, query: str, *, limit: int = 10, timeout_seconds: float
    ) -> list[ZepEdge]:
        assert query
        page = await self.list_edges(graph_uuid, page_size=limit, timeout_seconds=timeout_seconds)
        return list(page.items)


@dataclass
class FakeMem0:
    """Has so many `memories`, or fails."""

    memories: int = 0
    failure: Exception | None = None
    asked: list[tuple[str, int, int]] = field(default_factory=list)

    async def list_memories(
        self,
        *,
        user_id: str,
        memory_ids: Sequence[Mem0Id] | None = None,
        page: int = 1,
        page_size: int = 100,
        timeout_seconds: float,
    ) -> Mem0Page:
        assert timeout_seconds > 0
        self.asked.append((user_id, page, page_size))
        if self.failure is not None:
            raise self.failure
        if memory_ids is not None:
            named = tuple(Mem0Memory(id=name, text=name) for name in memory_ids)
            return Mem0Page(items=named, total=len(named))
        found = [
            Mem0Memory(id=Mem0Id(f"{n}"), text=f"{n}")
            for n in range((page - 1) * page_size, min(page * page_size, self.memories))
        ]
        return Mem0Page(
            items=tuple(found), total=self.memories, has_next=page * page_size < self.memories
        )

    async def search(
        self, query: str, *, user_id: str, limit: int = 10, timeout_seconds: float
    ) -> list[Mem0Memory]:
        assert timeout_seconds > 0
        self.asked.append((user_id, 0, limit))
        if self.failure is not None:
            raise self.failure
        return [Mem0Memory(id=Mem0Id("1"), text=query, score=0.5)]


@dataclass
class FakeGather:
    degraded: frozenset[str] = frozenset()
    asked: list[tuple[Person, str]] = field(default_factory=list)

    async def for_message(
        self, person: Person, message: str, *, limit: int, seconds: float
    ) -> Gathered:
        assert limit > 0 < seconds
        self.asked.append((person, message))
        return Gathered([], self.degraded)


def reader(
    zep: FakeZep | None = None, mem0: FakeMem0 | None = None, gather: FakeGather | None = None
) -> StoreReader:
    return StoreReader(
        zep or FakeZep(),
        mem0 or FakeMem0(),
        gather or FakeGather(),
        stage="test",
        timeout_seconds=2.5,
    )


def search(made: StoreReader, *, scope: Scope, limit: int = 7) -> Found:
    return asyncio.run(made.search(KNOWN, "Where?", scope=scope, limit=limit))


def view(made: StoreReader, **wanted: Any) -> Reading:
    everything: dict[str, Any] = {"person": KNOWN, "place": Place(size=50)} | wanted
    return asyncio.run(made.view(Wanted(**everything)))


def test_a_first_page_reads_facts_entities_and_a_page_of_memories() -> None:
    mem0 = FakeMem0(memories=120)
    reading = view(reader(FakeZep(edges=150), mem0))
    assert len(reading.edges) == 150
    assert len(reading.nodes) == 1
    assert len(reading.memories) == 50
    assert reading.more_memories
    assert reading.next_edges is None
    assert reading.context is None
    assert not reading.degraded
    assert mem0.asked == [(f"test:{ME}", 1, 50)]


def test_a_page_asks_zep_for_at_most_three_pages_of_facts_and_says_where_it_stopped() -> None:
    zep = FakeZep(edges=1_000)
    reading = view(reader(zep), place=Place(size=50, page=2))
    assert len(reading.edges) == 300
    assert reading.next_edges == "300"
    assert len(zep.graphs) == 3


def test_later_pages_bring_no_entities() -> None:
    zep = FakeZep(edges=1)
    assert view(reader(zep), place=Place(size=50, page=2)).nodes == ()
    assert view(reader(zep), place=Place(size=50, part="facts")).nodes == ()
    assert len(zep.graphs) == 2


def test_entities_apart_from_the_person_are_asked_for_their_relations_once() -> None:
    zep = FakeZep()
    reading = view(reader(zep))
    assert [node.uuid for node in reading.nodes] == zep.named[0]
    assert len(reading.relations) == len(zep.named) == 1
    assert view(reader(FakeZep(label="User"))).relations == []


def links(count: int) -> list[Link]:
    return [Link(Mem0Id(f"{n}"), ZepUuid(UUID(int=n)), b"") for n in range(count)]


def linked(made: StoreReader, reading: Reading, count: int, **place: Any) -> Linked:
    wanted = Wanted(KNOWN, Place(size=100, **place))
    return asyncio.run(made.linked(wanted, reading, links(count)))


def test_a_page_of_memories_asks_for_the_linked_facts_that_it_has_not_read() -> None:
    zep = FakeZep()
    reading = Reading(
        memories=[Mem0Memory(id=Mem0Id(f"{n}"), text="x") for n in range(3)],
        edges=[ZepEdge(uuid=ZepUuid(UUID(int=1)), fact="x")],
    )
    more = linked(reader(zep), reading, 5)
    assert [edge.uuid.int for edge in more.edges] == [0, 2]
    assert (len(zep.graphs), more.memories) == (1, ())
    assert linked(reader(zep), Reading(), 5) == Linked(edges=[])
    assert len(zep.graphs) == 1


def test_a_page_of_facts_asks_for_the_linked_memories_in_bounded_calls() -> None:
    mem0 = FakeMem0()
    reading = Reading(edges=[ZepEdge(uuid=ZepUuid(UUID(int=n)), fact="x") for n in range(900)])
    more = linked(reader(mem0=mem0), reading, 250, part="facts")
    assert len(more.memories) == 250
    assert mem0.asked == [(f"test:{ME}", 1, 200)] * 2
    assert len(linked(reader(mem0=mem0), reading, 900, part="facts").memories) == 600


def test_a_store_that_fails_at_the_second_time_of_asking_is_named_too() -> None:
    reading = Reading(edges=[ZepEdge(uuid=ZepUuid(UUID(int=0)), fact="x")])
    failing = FakeMem0(failure=UpstreamTimeout("mem0", operation="list"))
    assert linked(reader(mem0=failing), reading, 1, part="facts").memories == []
    assert reading.degraded == {"mem0"}
    reading = Reading(memories=[Mem0Memory(id=Mem0Id("0"), text="x")])
    assert linked(reader(FakeZep(fails_at=0)), reading, 1).edges == []
    assert reading.degraded == {"zep"}


def test_a_store_that_has_failed_is_not_asked_again_for_the_other_ends_of_links() -> None:
    zep, mem0 = FakeZep(fails_at=0), FakeMem0(failure=UpstreamTimeout("mem0", operation="list"))
    reading = Reading(memories=[Mem0Memory(id=Mem0Id("0"), text="x")], degraded={"zep"})
    assert linked(reader(zep), reading, 1) == Linked(edges=[])
    reading = Reading(edges=[ZepEdge(uuid=ZepUuid(UUID(int=0)), fact="x")], degraded={"mem0"})
    assert linked(reader(mem0=mem0), reading, 1, part="facts") == Linked(memories=[])
    assert (zep.graphs, mem0.asked) == ([], [])


def test_memories_are_not_asked_for_again_once_a_call_for_them_has_failed() -> None:
    mem0 = FakeMem0(failure=UpstreamTimeout("mem0", operation="list"))
    reading = Reading(edges=[ZepEdge(uuid=ZepUuid(UUID(int=n)), fact="x") for n in range(400)])
    linked(reader(mem0=mem0), reading, 400, part="facts")
    assert len(mem0.asked) == 1


def test_a_page_of_facts_reads_memories_again_in_at_most_three_big_pages() -> None:
    mem0 = FakeMem0(memories=1_000)
    reading = view(reader(FakeZep(edges=500), mem0), place=Place(size=9, part="facts", zep="300"))
    assert mem0.asked == [(f"test:{ME}", page, 200) for page in (1, 2, 3)]
    assert len(reading.memories) == 600
    assert [edge.fact for edge in reading.edges[:1]] == ["300"]


def test_zep_is_not_asked_about_a_person_whom_it_does_not_know() -> None:
    zep = FakeZep(edges=5)
    reading = view(reader(zep, FakeMem0(memories=3)), person=Person(ME, None))
    assert zep.graphs == []
    assert len(reading.memories) == 3
    assert not reading.degraded


@pytest.mark.parametrize("kind", [UpstreamTimeout, UpstreamUnavailable, UpstreamRateLimited])
def test_a_store_that_fails_is_named_and_the_other_one_still_answers(
    kind: type[UpstreamTimeout],
) -> None:
    without_zep = view(
        reader(FakeZep(fails_at=0, failure=kind("zep", operation="x")), FakeMem0(memories=3))
    )
    assert without_zep.degraded == {"zep"}
    assert len(without_zep.memories) == 3
    without_mem0 = view(reader(FakeZep(edges=3), FakeMem0(failure=kind("mem0", operation="x"))))
    assert without_mem0.degraded == {"mem0"}
    assert len(without_mem0.edges) == 3


def test_facts_read_before_zep_failed_are_kept_with_the_place_where_it_failed() -> None:
    reading = view(reader(FakeZep(edges=250, fails_at=200)))
    assert len(reading.edges) == 200
    assert reading.next_edges == "200"
    assert reading.degraded == {"zep"}


def test_nothing_read_from_zep_ends_its_part_instead_of_offering_the_same_page_for_ever() -> None:
    reading = view(reader(FakeZep(fails_at=0)), place=Place(size=9, part="facts", zep="300"))
    assert reading.next_edges is None


def test_a_page_of_memories_that_has_gone_is_the_end_and_no_failure() -> None:
    gone = FakeMem0(failure=UpstreamRejected("mem0", operation="list", status=404))
    reading = view(reader(mem0=gone), place=Place(size=50, page=4))
    assert not reading.degraded
    assert not reading.more_memories
    refused = FakeMem0(failure=UpstreamRejected("mem0", operation="list", status=400))
    assert view(reader(mem0=refused)).degraded == {"mem0"}


def test_a_context_is_gathered_as_in_chat_and_its_failures_are_named() -> None:
    gather = FakeGather(degraded=frozenset({"mem0"}))
    reading = view(reader(gather=gather), message="Where do I live?")
    assert reading.context == []
    assert reading.degraded == {"mem0"}
    assert gather.asked == [(KNOWN, "Where do I live?")]


def test_a_missing_key_is_no_degraded_answer_but_an_error() -> None:
    with pytest.raises(Unavailable):
        view(reader(mem0=FakeMem0(failure=Unavailable(code="not_configured"))))


def test_search_asks_mem0_for_the_person_and_names_it_when_it_fails() -> None:
    zep, mem0 = FakeZep(), FakeMem0()
    found = search(reader(zep, mem0), scope="mem0")
    assert [memory.text for memory in found.memories] == ["Where?"]
    assert mem0.asked == [(f"test:{ME}", 0, 7)]
    assert zep.graphs == []
    failing = FakeMem0(failure=UpstreamTimeout("mem0", operation="search"))
    found = search(reader(mem0=failing), scope="mem0")
    assert (found.memories, found.degraded) == ([], {"mem0"})


@pytest.mark.parametrize("scope", ["zep", "hybrid"])
def test_other_scopes_ask_zep_too_once_and_deeper_than_the_answer_goes(scope: Scope) -> None:
    zep, mem0 = FakeZep(edges=60), FakeMem0()
    found = search(reader(zep, mem0), scope=scope)
    assert len(found.edges) == 20
    assert len(zep.graphs) == 1
    assert mem0.asked == ([(f"test:{ME}", 0, 20)] if scope == "hybrid" else [])
    assert len(search(reader(zep, mem0), scope=scope, limit=30).edges) == 60
    failing = FakeZep(fails_at=0, failure=UpstreamTimeout("zep", operation="search"))
    found = search(reader(failing), scope=scope)
    assert (found.edges, found.degraded) == ([], {"zep"})
    assert len(found.memories) == (1 if scope == "hybrid" else 0)


def test_a_search_for_a_person_whom_zep_does_not_know_leaves_zep_alone() -> None:
    zep = FakeZep(edges=5)
    made = reader(zep)
    found = asyncio.run(made.search(Person(ME, None), "Where?", scope="hybrid", limit=7))
    assert (found.edges, found.degraded, zep.graphs) == ((), set(), [])


def test_calls_for_one_page_share_its_time() -> None:
    zep = FakeZep(edges=3)
    reading = view(reader(zep))
    assert reading.deadline is not None
    spent = Reading(memories=[Mem0Memory(id=Mem0Id("0"), text="x")], deadline=Deadline(0.0))
    linked(reader(zep), spent, 1)
    assert zep.narrowed_seconds[-1] == pytest.approx(0.01)


def test_every_call_gets_a_time_within_the_stores_own() -> None:
    zep = FakeZep(edges=250)
    view(reader(zep))
    assert all(0 < seconds <= 2.5 for seconds in zep.seconds)
