"""Both stores and the journal, as far as the path of changes needs them, in memory."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from tandem.changes.model import Change, ChangeId, ChangeKind, ChangeState, Reason, RunId
from tandem.changes.path import Carried, ChangePath
from tandem.clients.models import Mem0Added, Mem0Change, Mem0Event, Mem0Memory, Metadata, ZepEdge
from tandem.db.changes import Begin, Begun, Confirmed, Outcome
from tandem.deadline import Deadline
from tandem.errors import Provider, UpstreamRejected, UpstreamTimeout
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.normalise import statement_hash

TODAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
YESTERDAY = date(2026, 11, 20)
RUN = RunId(uuid4())
GRAPH = ZepUuid(uuid4())
CALL_SECONDS = 5.0


def refused(status: int | None, provider: Provider = "mem0") -> UpstreamRejected:
    return UpstreamRejected(provider, operation="update", status=status, reason="status")


def lost() -> UpstreamTimeout:
    return UpstreamTimeout("mem0", operation="update", reason="phase", sent=True)


@dataclass
class Stores:
    """Mem0 and Zep. `errors`, by the name of a method, are raised once each: before the call does
    anything, or after it when the error tells of an unknown outcome."""

    memories: dict[Mem0Id, Mem0Memory] = field(default_factory=dict)
    facts: dict[ZepUuid, ZepEdge] = field(default_factory=dict)
    episodes: set[ZepUuid] = field(default_factory=set)
    nodes: set[ZepUuid] = field(default_factory=set)
    errors: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)
    adds: Literal["at once", "later", "never", "not"] = "at once"
    timestamps: list[datetime | None] = field(default_factory=list)

    def memory(self, text: str, **rest: Any) -> Mem0Id:
        memory = Mem0Memory(id=Mem0Id(str(uuid4())), text=text, **rest)
        self.memories[memory.id] = memory
        return memory.id

    def fact(self, text: str, **rest: Any) -> ZepUuid:
        edge = ZepEdge(uuid=ZepUuid(uuid4()), fact=text, **rest)
        self.facts[edge.uuid] = edge
        return edge.uuid

    @property
    def writes(self) -> list[str]:
        reads = {"get", "list_all", "get_edge", "wait_for_event"}
        return [call for call in self.calls if call not in reads]

    def _called(self, name: str, seconds: float, key: str | None = None) -> Exception | None:
        """What is to be raised once the call has done its work."""
        self.calls.append(name)
        self.allowed.append(seconds)
        if key is not None:
            self.keys.append(key)
        error = self.errors.pop(name, None)
        if error is not None and not isinstance(error, UpstreamTimeout):
            raise error
        return error

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None:
        self._called("get", timeout_seconds)
        return self.memories.get(memory_id)

    async def update(
        self,
        memory_id: Mem0Id,
        *,
        text: str | None = None,
        metadata: Metadata | None = None,
        timestamp: datetime | None = None,
        expiration_date: date | Literal["never", "unchanged"] = "unchanged",
        timeout_seconds: float,
    ) -> Mem0Memory:
        error = self._called("update", timeout_seconds)
        self.timestamps.append(timestamp)
        if memory_id not in self.memories:
            raise refused(404)
        changes: dict[str, Any] = {} if text is None else {"text": text}
        changes |= {} if metadata is None else {"metadata": metadata}
        if expiration_date != "unchanged":
            never = expiration_date == "never"
            changes["expiration_date"] = None if never else expiration_date
        changed = self.memories[memory_id].model_copy(update=changes)
        self.memories[memory_id] = changed
        if error is not None:
            raise error
        return changed

    async def add(
        self,
        messages: str,
        *,
        user_id: str,
        metadata: Metadata | None = None,
        timestamp: datetime | None = None,
        infer: bool = True,
        timeout_seconds: float,
    ) -> Mem0Added:
        error = self._called("add", timeout_seconds)
        assert not infer
        self.timestamps.append(timestamp)
        if self.adds == "not":
            return Mem0Added(status="SUCCEEDED")
        made = self.memory(messages, user_id=user_id, metadata=metadata or {})
        if error is not None:
            raise error
        if self.adds == "at once":
            return Mem0Added(status="SUCCEEDED", results=(Mem0Change(id=made, event="ADD"),))
        return Mem0Added(event_id=made, status="PENDING")

    async def wait_for_event(self, event_id: Mem0Id, *, timeout_seconds: float) -> Mem0Event:
        self._called("wait_for_event", timeout_seconds)
        if self.adds == "never":
            raise lost()
        made = (Mem0Change(id=event_id, event="ADD"),)
        return Mem0Event(id=event_id, status="SUCCEEDED", results=made)

    async def list_all(
        self, *, user_id: str, max_items: int = 5000, timeout_seconds: float
    ) -> list[Mem0Memory]:
        self._called("list_all", timeout_seconds)
        theirs = [one for one in self.memories.values() if one.user_id == user_id]
        return theirs[:max_items]

    async def delete(self, memory_id: Mem0Id, *, timeout_seconds: float) -> None:
        error = self._called("delete", timeout_seconds)
        self.memories.pop(memory_id, None)
        if error is not None:
            raise error

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None:
        assert graph_uuid == GRAPH
        self._called("get_edge", timeout_seconds)
        return self.facts.get(edge_uuid)

    async def update_edge(
        self,
        graph_uuid: ZepUuid,
        edge_uuid: ZepUuid,
        *,
        invalid_at: datetime | None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepEdge:
        assert graph_uuid == GRAPH
        error = self._called("update_edge", timeout_seconds, idempotency_key)
        if edge_uuid not in self.facts:
            raise refused(404, "zep")
        changed = self.facts[edge_uuid].model_copy(update={"invalid_at": invalid_at})
        self.facts[edge_uuid] = changed
        if error is not None:
            raise error
        return changed

    async def delete_edge(
        self,
        graph_uuid: ZepUuid,
        edge_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None:
        assert graph_uuid == GRAPH
        self._called("delete_edge", timeout_seconds, idempotency_key)
        self.facts.pop(edge_uuid, None)
        return None

    async def delete_episode(
        self,
        graph_uuid: ZepUuid,
        episode_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None:
        assert graph_uuid == GRAPH
        self._called("delete_episode", timeout_seconds, idempotency_key)
        self.episodes.discard(episode_uuid)
        return None

    async def clear_summary(
        self,
        graph_uuid: ZepUuid,
        node_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> None:
        assert graph_uuid == GRAPH
        self._called("clear_summary", timeout_seconds, idempotency_key)
        if node_uuid not in self.nodes:
            raise refused(404, "zep")

    async def delete_node(
        self,
        graph_uuid: ZepUuid,
        node_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None:
        assert graph_uuid == GRAPH
        self._called("delete_node", timeout_seconds, idempotency_key)
        self.nodes.discard(node_uuid)
        return None


@dataclass
class Journal:
    """The journal as the path sees it. `answers`, by change, stand in for what would be found."""

    states: dict[ChangeId, ChangeState] = field(default_factory=dict)
    details: dict[ChangeId, Mapping[str, Any]] = field(default_factory=dict)
    outcomes: dict[ChangeId, Outcome] = field(default_factory=dict)
    why: dict[ChangeId, str] = field(default_factory=dict)
    answers: dict[ChangeId, Begin] = field(default_factory=dict)
    hidden: dict[Mem0Id, Begun] = field(default_factory=dict)
    forgotten: set[ChangeId] = field(default_factory=set)
    asked: list[tuple[UUID | None, datetime | None]] = field(default_factory=list)
    about: dict[ChangeId, Change] = field(default_factory=dict)

    async def begin(
        self,
        account_id: AccountId,  # noqa: ARG002 - as the journal has it
        run_id: RunId,
        change_id: ChangeId,
        *,
        owner: UUID | None,
        read_at: datetime | None,
        details: Mapping[str, Any] | None = None,
    ) -> Begun:
        assert run_id == RUN
        self.asked.append((owner, read_at))
        answer = self.answers.get(change_id, "go")
        if answer != "go":
            return Begun(answer)
        if self.states.get(change_id) != "sent":
            self.details[change_id] = details or {}
        self.states[change_id] = "sent"
        return self.hidden.get(self.about[change_id].mem0_id or Mem0Id(""), Begun("go"))

    async def confirm(
        self,
        account_id: AccountId,  # noqa: ARG002
        change: Change,
        outcome: Outcome,
    ) -> Confirmed:
        if change.id in self.forgotten:
            return Confirmed(False, forgotten=True)
        self.states[change.id] = "confirmed"
        self.outcomes[change.id] = outcome
        return Confirmed(True)

    async def skip(
        self,
        account_id: AccountId,  # noqa: ARG002
        change: Change,
        *,
        state: Literal["skipped", "refused"] = "skipped",
        why: str,
    ) -> None:
        self.states[change.id] = state
        self.why[change.id] = why


@dataclass
class World:
    """The path between them, for one person, with a clock that only tests move."""

    stores: Stores = field(default_factory=Stores)
    journal: Journal = field(default_factory=Journal)
    person: Person = field(default_factory=lambda: Person(AccountId(uuid4()), GRAPH))
    clock: float = 0.0

    @property
    def user_id(self) -> str:
        return f"test:{self.person.account_id}"

    def carry_out(
        self,
        *changes: Change,
        texts: Mapping[ChangeId, str] | None = None,
        seconds: float = 60.0,
        owner: UUID | None = None,
        read_at: datetime | None = None,
        during: Callable[[], None] | None = None,
    ) -> Carried:
        """`during` is called each time that somebody asks how much time is left."""
        path = ChangePath(
            self.journal,
            self.stores,
            self.stores,
            stage="test",
            call_seconds=CALL_SECONDS,
            now=lambda: TODAY,
        )

        def clock() -> float:
            if during is not None:
                during()
            return self.clock

        self.journal.about |= {change.id: change for change in changes}
        return asyncio.run(
            path.carry_out(
                self.person,
                RUN,
                changes,
                owner=owner,
                read_at=read_at,
                deadline=Deadline(seconds, clock=clock),
                texts=texts,
            )
        )

    def again(self, *changes: Change, **rest: Any) -> Carried:
        """The same changes, as the journal has them now."""
        return self.carry_out(*(self.as_recorded(change) for change in changes), **rest)

    def as_recorded(self, change: Change) -> Change:
        return replace(change, state=self.journal.states.get(change.id, "planned"))

    def fates(self, changes: Sequence[Change]) -> list[str]:
        return [self.journal.states.get(change.id, "planned") for change in changes]


def change(kind: ChangeKind, reason: Reason = "same", *, text: str = "", **rest: Any) -> Change:
    """A change of something that read like `text`."""
    given = {"text_hash": statement_hash(text)} if text else {}
    return Change(ChangeId(uuid4()), 1, kind, reason, **{**given, **rest})
