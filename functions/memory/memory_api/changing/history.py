"""How one item of the memory came to be as it is: told by both stores and our own journal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from tandem import observability
from tandem.changes.forget_plan import keyed_hash
from tandem.changes.memory_reading import own_memory
from tandem.changes.model import RunId
from tandem.clients.models import Mem0HistoryEntry, Mem0Memory, ZepEdge
from tandem.db.item_history import ItemHistory
from tandem.delivery.stores import name_at_stores
from tandem.errors import NotFound, UpstreamError
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.principal import Principal
from tandem.recall.stores import MAX_STATEMENT, clean

_WORDS: Final = {"ADD": "added", "UPDATE": "changed", "DELETE": "deleted"}
_MOST_LINKED: Final = 20


class Ledger(Protocol):
    """What is needed of the journal; see `tandem.db.item_history.ItemHistories`."""

    async def read(
        self,
        principal: Principal,
        *,
        mem0_id: Mem0Id | None = ...,
        edge_uuid: ZepUuid | None = ...,
    ) -> ItemHistory: ...


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...
    async def history(
        self, memory_id: Mem0Id, *, timeout_seconds: float
    ) -> list[Mem0HistoryEntry]: ...


class Facts(Protocol):
    """What is needed of Zep."""

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None: ...


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; see `HistoryEvent`."""

    at: datetime
    store: str
    event: str
    text: str | None = None
    reason: str | None = None
    run_id: RunId | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemStory:
    """All that is known of an item's past, newest last, and which stores did not answer."""

    events: Sequence[Event]
    degraded: Sequence[str]


@dataclass(frozen=True, slots=True)
class Histories:
    """Reads how items came to be.

    Args:
        stage: the part of a person's name at the stores that tells deployments apart.
        call_seconds: how long a store may take to answer a call.
        keys: of the hashes of what is forgotten, each that may have been used.
    """

    ledger: Ledger
    mem0: Memories
    zep: Facts
    stage: str
    call_seconds: float
    keys: Callable[[], Sequence[bytes]]

    async def read(self, principal: Principal, item_id: str) -> ItemStory:
        """What happened to a memory and to the facts it is linked with, or the other way round.

        A memory that was rewritten once said something else. Mem0 keeps that; where the person
        wants it forgotten, it is not told.

        Raises:
            NotFound: `memory_not_found`, also when it is somebody else's.
            Unauthenticated, Unavailable: as `ItemHistories.read`.
            UpstreamError: the store whose item it is doesn't answer.
        """
        kind, _, name = item_id.partition("_")
        if kind not in {"mem", "fact"}:
            raise _not_found()
        memory_id = Mem0Id(name) if kind == "mem" else None
        edge_uuid = ZepUuid(UUID(name)) if kind == "fact" else None
        known = await self.ledger.read(principal, mem0_id=memory_id, edge_uuid=edge_uuid)
        graph, owner = known.zep_graph_uuid, principal.account_id
        if memory_id is not None:
            if not await self._is_theirs(owner, memory_id):
                raise _not_found()
        elif edge_uuid is not None and await self._fact(graph, edge_uuid) is None:
            raise _not_found()
        memories = [memory_id] if memory_id is not None else known.memories[:_MOST_LINKED]
        facts = [edge_uuid] if edge_uuid is not None else known.facts[:_MOST_LINKED]
        degraded: set[str] = set()
        told = await asyncio.gather(
            *(_or_nothing(self._of_memory(one, known.forgotten), degraded) for one in memories),
            *(_or_nothing(self._of_fact(graph, one), degraded) for one in facts),
        )
        ours = [
            Event(one.at, "tandem", one.kind, reason=one.reason, run_id=one.run_id)
            for one in known.changes
        ]
        events = sorted([*(e for some in told for e in some), *ours], key=lambda one: one.at)
        return ItemStory(events, sorted(degraded))

    async def _is_theirs(self, account_id: AccountId, memory_id: Mem0Id) -> bool:
        user_id = name_at_stores(self.stage, account_id)
        seconds = self.call_seconds
        memory = await own_memory(self.mem0, memory_id, user_id=user_id, timeout_seconds=seconds)
        return memory is not None

    async def _fact(self, graph: ZepUuid | None, edge_uuid: ZepUuid) -> ZepEdge | None:
        if graph is None:
            return None
        return await self.zep.get_edge(graph, edge_uuid, timeout_seconds=self.call_seconds)

    async def _of_memory(
        self, memory_id: Mem0Id, forgotten: Mapping[bytes, datetime]
    ) -> list[Event]:
        entries = await self.mem0.history(memory_id, timeout_seconds=self.call_seconds)
        return [
            Event(
                at=at,
                store="mem0",
                event=_WORDS.get(entry.event, clean(entry.event.lower(), 40)),
                text=self._told(entry.new_text, at, forgotten),
            )
            for entry in entries
            if (at := entry.updated_at or entry.created_at) is not None
        ]

    def _told(
        self, text: str | None, at: datetime, forgotten: Mapping[bytes, datetime]
    ) -> str | None:
        if not text:
            return None
        keys = self.keys() if forgotten else ()
        ends = [forgotten.get(keyed_hash(key, text)) for key in keys]
        is_forgotten = any(until is not None and at <= until for until in ends)
        return None if is_forgotten else clean(text, MAX_STATEMENT)

    async def _of_fact(self, graph: ZepUuid | None, edge_uuid: ZepUuid) -> list[Event]:
        edge = await self._fact(graph, edge_uuid)
        if edge is None:
            return []
        text = clean(edge.fact, MAX_STATEMENT)
        events = []
        if edge.created_at is not None:
            learned = Event(edge.created_at, "zep", "learned", text, valid_from=edge.valid_at)
            events.append(learned)
        ended = edge.expired_at or edge.invalid_at
        if ended is not None:
            events.append(Event(ended, "zep", "ended", text, valid_to=edge.invalid_at))
        return events


async def _or_nothing(call: Awaitable[list[Event]], degraded: set[str]) -> list[Event]:
    try:
        return await call
    except UpstreamError as error:
        degraded.add(error.provider)
        observability.warning("degraded", **observability.describe(error))
        return []


def _not_found() -> NotFound:
    return NotFound("There is no such memory.", code="memory_not_found")
