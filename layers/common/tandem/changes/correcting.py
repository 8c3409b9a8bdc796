"""Correcting: what a person says instead takes the place of a memory, and ends the facts that said
the old.

The correction is something the person has said, in a turn of its own; that turn is what the memory
rests on from then on. One run a turn: asked again, it goes on where it stopped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Protocol
from uuid import UUID, uuid5

from tandem.changes.forget_plan import turn_named_in
from tandem.changes.linked import FACT, MEMORY, saying_the_same
from tandem.changes.memory_reading import own_memory
from tandem.changes.model import Change, ChangeId, RunId, StartedBy
from tandem.changes.ports import Links, Path, Runs
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.deadline import Deadline
from tandem.delivery.stores import name_at_stores
from tandem.errors import Unavailable
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.normalise import normalise, statement_hash
from tandem.together import all_of

_EQUALS: Final = 20
_UNFINISHED: Final = frozenset({"planned", "sent"})


class Journal(Protocol):
    """What is needed of the changes; see `tandem.db.changes.Changes`."""

    async def record(
        self, account_id: AccountId, run_id: RunId, changes: Sequence[Change]
    ) -> object: ...
    async def all(self, account_id: AccountId, run_id: RunId) -> list[Change]: ...


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...
    async def search(
        self, query: str, *, user_id: str, limit: int = ..., timeout_seconds: float
    ) -> list[Mem0Memory]: ...


class Facts(Protocol):
    """What is needed of Zep."""

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None: ...
    async def search_edges(
        self, graph_uuid: ZepUuid, query: str, *, limit: int = ..., timeout_seconds: float
    ) -> list[ZepEdge]: ...


@dataclass(frozen=True, slots=True)
class Target:
    """What is corrected: a memory with the facts that say the same, or facts alone."""

    memory: Mem0Memory | None
    facts: Sequence[ZepEdge]

    @property
    def id(self) -> str:
        """Of the recalled item."""
        return f"mem_{self.memory.id}" if self.memory else f"fact_{self.facts[0].uuid}"

    @property
    def text(self) -> str:
        """What it says as yet."""
        return self.memory.text if self.memory else self.facts[0].fact

    @property
    def rests_on(self) -> TurnId | None:
        """The turn that the memory names."""
        return turn_named_in(self.memory) if self.memory else None


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to stand instead, and the turn in which the person has said so."""

    text: str
    turn_id: TurnId
    said_at: datetime
    started_by: StartedBy = "request"

    @property
    def run_id(self) -> RunId:
        """One a turn."""
        return correction_of(self.turn_id)


def correction_of(turn_id: TurnId) -> RunId:
    """The run that corrects by what was said in this turn."""
    return RunId(uuid5(turn_id, "correct"))


@dataclass(frozen=True, slots=True)
class Correcting:
    """Corrects for the route and for the chat alike.

    Args:
        stage: the part of a person's name at the stores that tells deployments apart.
        call_seconds: one call's limit.
    """

    runs: Runs
    journal: Journal
    path: Path
    links: Links
    mem0: Memories
    zep: Facts
    stage: str
    call_seconds: float

    async def target(self, person: Person, item_id: str, deadline: Deadline) -> Target | None:
        """What this id (`mem_…` or `fact_…`) stands for: a memory that can be seen, with the facts
        that say the same; without a memory, facts. None when it is nothing of the person's.

        Raises:
            UpstreamError: a store doesn't answer.
            Unavailable: the database is away.
        """
        kind, _, name = item_id.partition("_")
        memory = edge = None
        if kind == "mem":
            memory = await self._memory(person, Mem0Id(name), deadline)
        elif kind == "fact":
            edge = await self._edge(person, name, deadline)
        if memory is None and edge is None:
            return None
        text = memory.text if memory is not None else edge.fact if edge is not None else ""
        links = await self.links.around(person.account_id, [item_id])
        same = saying_the_same({item_id: statement_hash(text)}, links)
        if memory is None and edge is not None:
            memory = await self._memory_of(person, edge, same, deadline)
        said = {normalise(one) for one in (memory and memory.text, edge and edge.fact) if one}
        facts = {edge.uuid: edge} if edge is not None else {}
        for name in sorted(same):
            linked = name.startswith(FACT) and name != item_id
            fact = await self._edge(person, name.removeprefix(FACT), deadline) if linked else None
            if fact is not None and statement_hash(fact.fact) in same[name]:
                facts[fact.uuid] = fact
        for fact in await self._facts_like(person, said, deadline):
            facts.setdefault(fact.uuid, fact)
        return Target(memory, list(facts.values()))

    async def carry_out(
        self, person: Person, target: Target, correction: Correction, deadline: Deadline
    ) -> None:
        """Rewrites the memory and ends the facts that said the old; what is done stays done.

        Raises:
            Unavailable: `unfinished`, the time is over with changes left; the same correction
                goes on with them.
            UpstreamError: a store doesn't answer; likewise.
        """
        run_id = correction.run_id
        started = await self.runs.start_unleased(
            person.account_id,
            run_id=run_id,
            kind="correct",
            started_by=correction.started_by,
            turn_id=correction.turn_id,
        )
        if started.state != "running":
            return
        changes: list[Change] = []
        if started.resumed:
            changes = await self.journal.all(person.account_id, run_id)
        if not changes:
            changes = _planned(run_id, target, correction)
            await self.journal.record(person.account_id, run_id, changes)
        await self._go_on(person, run_id, changes, correction.text, deadline)

    async def resume(
        self, person: Person, turn_id: TurnId, text: str | None, deadline: Deadline
    ) -> None:
        """Goes on with the correction of this turn, if it was left unfinished.

        Args:
            text: what it puts in the place of the old; without it no memory is rewritten.

        Raises:
            Unavailable, UpstreamError: as `carry_out`.
        """
        run_id = correction_of(turn_id)
        changes = await self.journal.all(person.account_id, run_id)
        await self._go_on(person, run_id, changes, text, deadline)

    async def _go_on(
        self,
        person: Person,
        run_id: RunId,
        changes: Sequence[Change],
        text: str | None,
        deadline: Deadline,
    ) -> None:
        left = [change for change in changes if change.state in _UNFINISHED]
        confirmed = len(changes) - len(left)
        if left:
            rewrites = [change.id for change in left if change.kind == "rewrite"]
            texts = {} if text is None else dict.fromkeys(rewrites, text)
            carried = await self.path.carry_out(
                person, run_id, left, owner=None, read_at=None, deadline=deadline, texts=texts
            )
            if carried.left:
                raise Unavailable(code="unfinished", run=str(run_id))
            confirmed += carried.confirmed
        await self.runs.finish(
            person.account_id,
            run_id,
            owner=None,
            state="done",
            counts={"confirmed": confirmed},
            read_at=None,
        )

    async def _memory(
        self, person: Person, memory_id: Mem0Id, deadline: Deadline
    ) -> Mem0Memory | None:
        memory = await own_memory(
            self.mem0,
            memory_id,
            user_id=name_at_stores(self.stage, person.account_id),
            timeout_seconds=self._seconds(deadline),
        )
        if memory is None:
            return None
        past = memory.expiration_date is not None and memory.expiration_date < _today()
        return None if past or memory.id in person.hidden else memory

    async def _memory_of(
        self,
        person: Person,
        edge: ZepEdge,
        same: Mapping[str, Collection[bytes]],
        deadline: Deadline,
    ) -> Mem0Memory | None:
        """The memory that says the same as a fact: linked with it, or equal."""
        for name in sorted(name for name in same if name.startswith(MEMORY)):
            memory = await self._memory(person, Mem0Id(name.removeprefix(MEMORY)), deadline)
            if memory is not None and statement_hash(memory.text) in same[name]:
                return memory
        found = await self.mem0.search(
            edge.fact,
            user_id=name_at_stores(self.stage, person.account_id),
            limit=_EQUALS,
            timeout_seconds=self._seconds(deadline),
        )
        equal = [one for one in found if normalise(one.text) == normalise(edge.fact)]
        return next((one for one in equal if one.id not in person.hidden), None)

    async def _edge(self, person: Person, name: str, deadline: Deadline) -> ZepEdge | None:
        if person.zep_graph_uuid is None:
            return None
        return await self.zep.get_edge(
            person.zep_graph_uuid, ZepUuid(UUID(name)), timeout_seconds=self._seconds(deadline)
        )

    async def _facts_like(
        self, person: Person, said: Collection[str], deadline: Deadline
    ) -> list[ZepEdge]:
        """Facts that say one of these in the same words."""
        graph = person.zep_graph_uuid
        if graph is None:
            return []
        found = await all_of(
            self.zep.search_edges(
                graph, text, limit=_EQUALS, timeout_seconds=self._seconds(deadline)
            )
            for text in sorted(said)
        )
        return [edge for some in found for edge in some if normalise(edge.fact) in said]

    def _seconds(self, deadline: Deadline) -> float:
        return deadline.step(self.call_seconds)


def _planned(run_id: RunId, target: Target, correction: Correction) -> list[Change]:
    said_at = correction.said_at.isoformat()
    changes: list[Change] = []
    if target.memory is not None:
        changes.append(
            Change(
                id=ChangeId(uuid5(run_id, f"rewrite/{target.memory.id}")),
                seq=1,
                kind="rewrite",
                reason="corrected",
                mem0_id=target.memory.id,
                text_hash=statement_hash(target.memory.text),
                turn_ids=(correction.turn_id,),
                details={"said_at": said_at},
            )
        )
    stays = normalise(correction.text)
    for fact in target.facts:
        if fact.invalid_at is None and fact.expired_at is None and normalise(fact.fact) != stays:
            changes.append(
                Change(
                    id=ChangeId(uuid5(run_id, f"end_fact/{fact.uuid}")),
                    seq=len(changes) + 1,
                    kind="end_fact",
                    reason="corrected",
                    edge_uuid=fact.uuid,
                    text_hash=statement_hash(fact.fact),
                    details={"invalid_at": said_at},
                )
            )
    return changes


def _today() -> date:
    return datetime.now(UTC).date()
