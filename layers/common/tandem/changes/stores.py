"""What a kind of change is given, what it says, and what is needed of the stores for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol
from uuid import uuid5

from tandem.changes.model import Change, RunId
from tandem.clients.models import Mem0Added, Mem0Event, Mem0Memory, Metadata, ZepEdge
from tandem.db.changes import Begun, Outcome
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.gather import Person


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...

    async def update(
        self,
        memory_id: Mem0Id,
        *,
        text: str | None = ...,
        metadata: Metadata | None = ...,
        timestamp: datetime | None = ...,
        expiration_date: date | Literal["never", "unchanged"] = ...,
        timeout_seconds: float,
    ) -> Mem0Memory: ...

    async def add(
        self,
        messages: str,
        *,
        user_id: str,
        metadata: Metadata | None = ...,
        timestamp: datetime | None = ...,
        infer: bool = ...,
        timeout_seconds: float,
    ) -> Mem0Added: ...

    async def wait_for_event(self, event_id: Mem0Id, *, timeout_seconds: float) -> Mem0Event: ...

    async def list_all(
        self, *, user_id: str, max_items: int = ..., timeout_seconds: float
    ) -> list[Mem0Memory]: ...

    async def delete(self, memory_id: Mem0Id, *, timeout_seconds: float) -> None: ...


class Graph(Protocol):
    """What is needed of Zep."""

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None: ...

    async def update_edge(
        self,
        graph_uuid: ZepUuid,
        edge_uuid: ZepUuid,
        *,
        invalid_at: datetime | None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepEdge: ...

    async def delete_edge(
        self,
        graph_uuid: ZepUuid,
        edge_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None: ...

    async def delete_episode(
        self,
        graph_uuid: ZepUuid,
        episode_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None: ...

    async def clear_summary(
        self,
        graph_uuid: ZepUuid,
        node_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> object: ...

    async def delete_node(
        self,
        graph_uuid: ZepUuid,
        node_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None: ...


@dataclass(frozen=True, slots=True)
class Task:
    """One change that is to be carried out.

    Attributes:
        text: what is written, where the caller has it.
        seconds: what one call may take now; raises when there is no time for another.
        seconds_of_all: the same for a call that reads everything.
    """

    person: Person
    run_id: RunId
    change: Change
    text: str | None
    seconds: Callable[[], float]
    seconds_of_all: Callable[[], float]

    @property
    def mem0_id(self) -> Mem0Id:
        """Of the memory that it is about."""
        return given(self.change.mem0_id)

    @property
    def key(self) -> str:
        """The same for every attempt at this change."""
        return str(uuid5(self.change.id, self.change.kind))


@dataclass(frozen=True, slots=True)
class Skipped:
    """It won't happen, for a reason in a word."""

    why: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """It may be sent.

    Attributes:
        send: does it, once it is marked as sent.
        details: noted with the change before: what to put back.
    """

    send: Callable[[Begun], Awaitable[Outcome | Skipped]]
    details: Mapping[str, Any] = field(default_factory=dict)


Prepared = Ready | Skipped | Outcome
"""What a look finds; an `Outcome` when an earlier attempt has done it."""


def given[T](value: T | None) -> T:
    """The value.

    Raises:
        ValueError: there is none, so the change can't be of this kind.
    """
    if value is None:
        raise ValueError("the change doesn't say what it is about")
    return value
