"""Reads both stores at the same time. What fails or is late is named; the rest is an answer."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Literal, NamedTuple, Protocol

from memory_api.paging import Place
from tandem import observability
from tandem.clients.models import Mem0Memory, Mem0Page, Page, ZepEdge, ZepNode
from tandem.clients.zep_edges import MAX_FILTER_IDS
from tandem.deadline import Deadline
from tandem.delivery.stores import name_at_stores
from tandem.errors import UpstreamError, UpstreamRejected
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.context import SHARES
from tandem.recall.gather import Gathered, Person
from tandem.recall.hiding import depth, without_hidden
from tandem.recall.items import Draft
from tandem.recall.merge import Link
from tandem.recall.routing import choose_route

EDGES_A_CALL: Final = 100
MEMORIES_A_CALL: Final = 200
CALLS_A_LIST: Final = 3
"""The most calls that one page of the view makes for one store's list."""

Scope = Literal["mem0", "zep", "hybrid"]
"""Which stores a search asks."""
_LEAST_DEPTH: Final = 20
_PERSON: Final = "User"
"""The label of the entity that the graph is about. That Zep gives it is inferred; where it doesn't,
fewer relations of the others are found."""


class Graphs(Protocol):
    """What is needed of Zep."""

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = ...,
        cursor: str | None = ...,
        edge_uuids: Sequence[ZepUuid] | None = ...,
        node_uuids: Sequence[ZepUuid] | None = ...,
        timeout_seconds: float,
    ) -> Page[ZepEdge]: ...

    async def list_nodes(self, graph_uuid: ZepUuid, *, timeout_seconds: float) -> Page[ZepNode]: ...

    async def search_edges(
        self, graph_uuid: ZepUuid, query: str, *, limit: int = ..., timeout_seconds: float
    ) -> list[ZepEdge]: ...


class Memories(Protocol):
    """What is needed of Mem0."""

    async def list_memories(
        self,
        *,
        user_id: str,
        memory_ids: Sequence[Mem0Id] | None = ...,
        page: int = ...,
        page_size: int = ...,
        timeout_seconds: float,
    ) -> Mem0Page: ...

    async def search(
        self, query: str, *, user_id: str, limit: int = ..., timeout_seconds: float
    ) -> list[Mem0Memory]: ...


class Gatherer(Protocol):
    """What turns are given, by the same way as in chat."""

    async def for_message(
        self, person: Person, message: str, *, limit: int, seconds: float
    ) -> Gathered: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one page of the view needs.

    Attributes:
        person: Zep isn't asked about somebody whom it doesn't know yet.
        message: what a turn's context is wanted for, if it is.
    """

    person: Person
    place: Place
    message: str | None = None


@dataclass(slots=True)
class Reading:
    """What the stores have answered. `degraded` names those that have not, or not with all.

    Attributes:
        relations: facts with one of the nodes, apart from who this is about, at an end.
        context: what a turn would be given for the message, None if there was no message.
        deadline: by when all calls for this page have ended; None before the first.
    """

    edges: list[ZepEdge] = field(default_factory=list)
    nodes: Sequence[ZepNode] = ()
    relations: list[ZepEdge] = field(default_factory=list)
    memories: list[Mem0Memory] = field(default_factory=list)
    more_memories: bool = False
    next_edges: str | None = None
    context: list[Draft] | None = None
    degraded: set[str] = field(default_factory=set)
    deadline: Deadline | None = None


@dataclass(slots=True)
class Found:
    """What a search has found at each store, best first, and which stores did not answer."""

    memories: Sequence[Mem0Memory] = ()
    edges: Sequence[ZepEdge] = ()
    degraded: set[str] = field(default_factory=set)


class Linked(NamedTuple):
    """The other ends of links, as far as the stores still have them."""

    edges: Sequence[ZepEdge] = ()
    memories: Sequence[Mem0Memory] = ()


class Only(NamedTuple):
    """What narrows a list of edges, if anything."""

    edge_uuids: Sequence[ZepUuid] | None = None
    node_uuids: Sequence[ZepUuid] | None = None


class StoreReader:
    """Reads what the stores know of one person.

    Args:
        gather: asks both stores what bears on a message.
        stage: the part of a person's name at the stores that tells deployments apart.
        timeout_seconds: for all calls to one store together.
    """

    def __init__(
        self,
        zep: Graphs,
        mem0: Memories,
        gather: Gatherer,
        *,
        stage: str,
        timeout_seconds: float,
    ) -> None:
        self._zep = zep
        self._mem0 = mem0
        self._gather = gather
        self._stage = stage
        self._timeout_seconds = timeout_seconds

    async def view(self, wanted: Wanted) -> Reading:
        """Everything for one page of the merged view. No store's failure is raised."""
        reading = Reading(deadline=Deadline(self._timeout_seconds))
        work = [self._memories(wanted, reading), self._edges(wanted, reading)]
        if wanted.place.is_first:
            work.append(self._nodes(wanted, reading))
        if wanted.message is not None:
            work.append(self._context(wanted.person, wanted.message, reading))
        await _together(work)
        return reading

    async def linked(self, wanted: Wanted, reading: Reading, links: Sequence[Link]) -> Linked:
        """The other ends of links: facts of a page of memories, or memories of a page of facts.

        What was read before is not read again, and of more than a page can have, the rest is left
        out. What fails is added to the reading's `degraded`; a store that is there already is not
        asked again.
        """
        edges = {edge.uuid for edge in reading.edges}
        memories = {memory.id for memory in reading.memories}
        if wanted.place.part == "memories":
            others = {link.edge_uuid for link in links if link.mem0_id in memories} - edges
            return Linked(edges=await self._edges_of(wanted.person, sorted(others), reading))
        theirs = {link.mem0_id for link in links if link.edge_uuid in edges} - memories
        return Linked(memories=await self._memories_of(wanted.person, sorted(theirs), reading))

    async def search(self, person: Person, query: str, *, scope: Scope, limit: int) -> Found:
        """What the stores of the scope know that fits best: one call each, at the same time.

        Zep's part has facts that no longer hold, too, and each part of a hybrid search goes
        deeper than `limit`: what one store has far down may be what both agree on.
        """
        found = Found()
        most = limit if scope == "mem0" else max(2 * limit, _LEAST_DEPTH)
        work = []
        if scope != "zep":
            work.append(self._found_memories(person, query, most, found))
        if scope != "mem0":
            work.append(self._found_edges(person, query, most, found))
        await _together(work)
        return found

    async def _found_memories(self, person: Person, query: str, most: int, found: Found) -> None:
        call = self._mem0.search(
            query,
            user_id=name_at_stores(self._stage, person.account_id),
            limit=depth(most, person.hidden),
            timeout_seconds=self._timeout_seconds,
        )
        memories: Sequence[Mem0Memory] = await _answer_or((), call, found.degraded)
        found.memories = without_hidden(memories, person.hidden)[:most]

    async def _found_edges(self, person: Person, query: str, most: int, found: Found) -> None:
        if person.zep_graph_uuid is None:
            return
        call = self._zep.search_edges(
            person.zep_graph_uuid,
            query,
            limit=most,
            timeout_seconds=self._timeout_seconds,
        )
        found.edges = await _answer_or([], call, found.degraded)

    async def _edges(self, wanted: Wanted, reading: Reading) -> None:
        graph = wanted.person.zep_graph_uuid
        if graph is None:
            return
        found, cursor = await self._windows(graph, wanted.place.zep, Only(), reading)
        reading.edges.extend(found)
        # Where nothing could be read the view ends: a client would ask for that page for ever.
        reading.next_edges = cursor if reading.edges else None

    async def _windows(
        self, graph: ZepUuid, cursor: str | None, only: Only, reading: Reading
    ) -> tuple[list[ZepEdge], str | None]:
        """Edges from there on, and where the next ones begin, None after the last."""
        found = list[ZepEdge]()
        for _ in range(CALLS_A_LIST):
            call = self._zep.list_edges(
                graph,
                page_size=EDGES_A_CALL,
                cursor=cursor,
                edge_uuids=only.edge_uuids,
                node_uuids=only.node_uuids,
                timeout_seconds=self._seconds(reading),
            )
            page = await _answer_or(None, call, reading.degraded)
            if page is None:
                break
            found.extend(page.items)
            cursor = page.next_cursor
            if cursor is None:
                break
        return found, cursor

    async def _memories(self, wanted: Wanted, reading: Reading) -> None:
        first, size, calls = wanted.place.page, wanted.place.size, 1
        if wanted.place.part == "facts":
            # Only facts that no memory equals are left: all memories are read, in big pages.
            first, size, calls = 1, MEMORIES_A_CALL, CALLS_A_LIST
        for number in range(first, first + calls):
            call = self._mem0.list_memories(
                user_id=name_at_stores(self._stage, wanted.person.account_id),
                page=number,
                page_size=size,
                timeout_seconds=self._seconds(reading),
            )
            page = await _answer_or(None, _page_or_end(call), reading.degraded)
            if page is None:
                break
            reading.memories.extend(without_hidden(page.items, wanted.person.hidden))
            reading.more_memories = page.has_next
            if not page.has_next:
                break

    async def _edges_of(
        self, person: Person, edge_uuids: Sequence[ZepUuid], reading: Reading
    ) -> list[ZepEdge]:
        if person.zep_graph_uuid is None or not edge_uuids or "zep" in reading.degraded:
            return []
        only = Only(edge_uuids=edge_uuids[:MAX_FILTER_IDS])
        found, _ = await self._windows(person.zep_graph_uuid, None, only, reading)
        return found

    async def _memories_of(
        self, person: Person, memory_ids: Sequence[Mem0Id], reading: Reading
    ) -> list[Mem0Memory]:
        found = list[Mem0Memory]()
        for first in range(0, len(memory_ids), MEMORIES_A_CALL)[:CALLS_A_LIST]:
            if "mem0" in reading.degraded:
                break
            call = self._mem0.list_memories(
                user_id=name_at_stores(self._stage, person.account_id),
                memory_ids=memory_ids[first : first + MEMORIES_A_CALL],
                page_size=MEMORIES_A_CALL,
                timeout_seconds=self._seconds(reading),
            )
            page = await _answer_or(Mem0Page(items=(), total=0), call, reading.degraded)
            found.extend(without_hidden(page.items, person.hidden))
        return found

    async def _nodes(self, wanted: Wanted, reading: Reading) -> None:
        graph = wanted.person.zep_graph_uuid
        if graph is None:
            return
        call = self._zep.list_nodes(graph, timeout_seconds=self._seconds(reading))
        page = await _answer_or(None, call, reading.degraded)
        reading.nodes = page.items if page is not None else ()
        # Nearly every fact has the person at one end; these are told by the other.
        others = [node.uuid for node in reading.nodes if _PERSON not in node.labels]
        if others:
            only = Only(node_uuids=others[:MAX_FILTER_IDS])
            reading.relations, _ = await self._windows(graph, None, only, reading)

    async def _context(self, person: Person, message: str, reading: Reading) -> None:
        gathered = await self._gather.for_message(
            person,
            message,
            limit=SHARES[choose_route(message)].items,
            seconds=self._timeout_seconds,
        )
        reading.context = gathered.drafts
        reading.degraded |= gathered.degraded

    def _seconds(self, reading: Reading) -> float:
        """How long the next call for this page may take."""
        if reading.deadline is None:
            return self._timeout_seconds
        return reading.deadline.step(self._timeout_seconds, reserve_seconds=0)


async def _together(work: Sequence[Coroutine[object, object, None]]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(part)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


async def _answer_or[A, B](otherwise: B, call: Awaitable[A], degraded: set[str]) -> A | B:
    try:
        return await call
    except UpstreamError as error:
        degraded.add(error.provider)
        observability.warning("degraded", **observability.describe(error))
        return otherwise


async def _page_or_end(call: Awaitable[Mem0Page]) -> Mem0Page:
    try:
        return await call
    except UpstreamRejected as error:
        # Memories have gone since the page before, and this page with them.
        if error.status == HTTPStatus.NOT_FOUND:
            return Mem0Page(items=(), total=0)
        raise
