"""Asking both stores at the same time what they know that bears on a message."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal
from uuid import UUID

from tandem import together
from tandem.clients.breaker import Breaker
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.delivery.stores import name_at_stores
from tandem.errors import UpstreamError
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.beside import Beside
from tandem.recall.fusion import fuse
from tandem.recall.hiding import depth, without_hidden
from tandem.recall.items import Draft
from tandem.recall.stores import fact_draft, memory_draft

Store = Literal["zep", "mem0"]

_CONTEXT_CHARACTERS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to ask about. Without a graph the person is new to Zep, which then knows nothing.

    Attributes:
        hidden: memories that Mem0 may offer and that aren't to be seen.
    """

    account_id: AccountId
    zep_graph_uuid: ZepUuid | None
    hidden: frozenset[Mem0Id] = frozenset()


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the stores know, each statement once, and which of them failed."""

    drafts: list[Draft]
    degraded: frozenset[str]


class Gather:
    """Reads from both stores for one person."""

    def __init__(
        self,
        zep: ZepClient,
        mem0: Mem0Client,
        *,
        stage: str,
        breakers: Sequence[Breaker] = (),
    ) -> None:
        """Takes the stores' clients.

        Args:
            stage: part of a person's name at the stores.
            breakers: those that the clients ask, for `for_message` to know of.
        """
        self._zep = zep
        self._mem0 = mem0
        self._stage = stage
        self._breakers = {breaker.provider: breaker for breaker in breakers}

    async def for_message(
        self,
        person: Person,
        message: str,
        *,
        limit: int,
        seconds: float,
        beside: Beside | None = None,
    ) -> Gathered:
        """Facts and memories that bear on a message, merged, best first. Never fails for a
        store's sake.

        Args:
            limit: how many of each at most.
            seconds: how long each store may take; they are asked at the same time.
            beside: where a store that has failed lately is tried again, so that nobody waits for
                it. It counts as failed; whether it is there is for its breaker to hear.
        """
        failed: set[str] = set()
        facts = partial(self.facts, person, message, seconds=seconds)
        memories = partial(self.memories, person, message, limit=limit, seconds=seconds)
        in_zep, in_mem0 = await together.both(
            self._asked("zep", facts, failed, beside if person.zep_graph_uuid else None),
            self._asked("mem0", memories, failed, beside),
        )
        return Gathered(fuse(in_zep[:limit], in_mem0, query=message), frozenset(failed))

    async def _asked(
        self,
        store: Store,
        work: Callable[[], Awaitable[list[Draft]]],
        failed: set[str],
        beside: Beside | None,
    ) -> list[Draft]:
        if beside is not None and self._is_doubtful(store):
            failed.add(store)
            beside.start(work)
            return []
        try:
            return await work()
        except UpstreamError:
            failed.add(store)
            return []

    def _is_doubtful(self, store: Store) -> bool:
        breaker = self._breakers.get(store)
        return breaker is not None and breaker.state != "closed"

    async def facts(self, person: Person, query: str, *, seconds: float) -> list[Draft]:
        """Facts of Zep's graph context for a query, best first. Raises `UpstreamError`."""
        if person.zep_graph_uuid is None:
            return []
        context = await self._zep.graph_context(
            person.zep_graph_uuid,
            query,
            max_characters=_CONTEXT_CHARACTERS,
            include_results=True,
            timeout_seconds=seconds,
        )
        return [fact_draft(edge) for edge in context.edges]

    async def facts_by_search(
        self, person: Person, query: str, *, limit: int, seconds: float
    ) -> list[Draft]:
        """Facts found by search, also those that no longer hold. Raises `UpstreamError`."""
        if person.zep_graph_uuid is None:
            return []
        edges = await self._zep.search_edges(
            person.zep_graph_uuid, query, limit=limit, timeout_seconds=seconds
        )
        return [fact_draft(edge) for edge in edges]

    async def memories(
        self, person: Person, query: str, *, limit: int, seconds: float
    ) -> list[Draft]:
        """Memories found by search, best first. Raises `UpstreamError`."""
        found = await self._mem0.search(
            query,
            user_id=name_at_stores(self._stage, person.account_id),
            limit=depth(limit, person.hidden),
            timeout_seconds=seconds,
        )
        return [memory_draft(one) for one in without_hidden(found, person.hidden)[:limit]]

    async def both(self, person: Person, ids: tuple[str, str], *, seconds: float) -> list[Draft]:
        """Two statements by their ids (`mem_…`, `fact_…`), in this order; nothing unless both are
        there. Never fails for a store's sake, and asks none that has failed lately."""
        if any(self._is_doubtful("mem0" if name.startswith("mem_") else "zep") for name in ids):
            return []
        try:
            found = await together.all_of(
                self._statement(person, name, seconds=seconds) for name in ids
            )
        except UpstreamError:
            return []
        drafts = [draft for draft in found if draft is not None]
        return drafts if len(drafts) == len(ids) else []

    async def _statement(self, person: Person, name: str, *, seconds: float) -> Draft | None:
        if name.startswith("mem_"):
            mem0_id = Mem0Id(name.removeprefix("mem_"))
            memory = await self._mem0.get(mem0_id, timeout_seconds=seconds)
            hidden = memory is None or memory.id in person.hidden
            return None if memory is None or hidden else memory_draft(memory)
        if person.zep_graph_uuid is None:
            return None
        edge_uuid = ZepUuid(UUID(name.removeprefix("fact_")))
        edge = await self._zep.get_edge(person.zep_graph_uuid, edge_uuid, timeout_seconds=seconds)
        return fact_draft(edge) if edge is not None else None
