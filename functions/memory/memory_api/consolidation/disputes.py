"""The words of conflicts, which only the stores have."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from memory_api.consolidation.statement import FACT, MEMORY
from tandem import observability
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.conflicts import OpenConflict
from tandem.db.people import Subject
from tandem.deadline import Deadline
from tandem.errors import UpstreamError
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.normalise import statement_hash
from tandem.recall.stores import MAX_STATEMENT, clean
from tandem.together import all_of

_AT_ONCE: Final = 8
_CALL_SECONDS: Final = 5.0


class Graph(Protocol):
    """What is needed of Zep."""

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None: ...


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...


@dataclass(frozen=True, slots=True)
class Side:
    """One statement of a conflict; its text is None when its store does not answer."""

    id: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two statements that can't both hold."""

    id: UUID
    left: Side
    right: Side
    found_at: datetime


@dataclass(slots=True)
class ReadDisputes:
    """Conflicts with their words, and the stores that did not answer."""

    disputes: Sequence[Dispute] = ()
    degraded: set[str] = field(default_factory=set)


class _Changed(Exception):
    """A statement is gone or reads otherwise."""


class Disputes:
    """Reads the words of conflicts."""

    def __init__(self, zep: Graph, mem0: Memories) -> None:
        self._zep = zep
        self._mem0 = mem0

    async def read(
        self, subject: Subject, conflicts: Sequence[OpenConflict], deadline: Deadline
    ) -> ReadDisputes:
        """The conflicts in their order, without those that are none any more."""
        read = ReadDisputes()
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(conflict: OpenConflict) -> Dispute | None:
            pair = conflict.pair
            async with gate:
                try:
                    left = await self._side(
                        subject, pair.left_id, pair.left_hash, deadline, read.degraded
                    )
                    right = await self._side(
                        subject, pair.right_id, pair.right_hash, deadline, read.degraded
                    )
                except _Changed:
                    return None
            return Dispute(conflict.id, left, right, conflict.found_at)

        found = await all_of(map(one, conflicts))
        read.disputes = [dispute for dispute in found if dispute is not None]
        return read

    async def _side(
        self,
        subject: Subject,
        item_id: str,
        text_hash: bytes,
        deadline: Deadline,
        degraded: set[str],
    ) -> Side:
        try:
            text = await self._text(subject, item_id, deadline)
        except UpstreamError as error:
            degraded.add(error.provider)
            observability.warning("degraded", **observability.describe(error))
            return Side(item_id, None)
        if text is None or statement_hash(text) != text_hash:
            raise _Changed
        return Side(item_id, clean(text, MAX_STATEMENT))

    async def _text(self, subject: Subject, item_id: str, deadline: Deadline) -> str | None:
        seconds = deadline.step(_CALL_SECONDS, reserve_seconds=0)
        if item_id.startswith(MEMORY):
            memory = await self._mem0.get(
                Mem0Id(item_id.removeprefix(MEMORY)), timeout_seconds=seconds
            )
            return None if memory is None else memory.text
        if subject.zep_graph_uuid is None:
            return None
        edge = await self._zep.get_edge(
            subject.zep_graph_uuid,
            ZepUuid(UUID(item_id.removeprefix(FACT))),
            timeout_seconds=seconds,
        )
        return None if edge is None else edge.fact
