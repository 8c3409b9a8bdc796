"""A conflict is settled: the person has said which of two statements holds, and both stores follow.

The choice is stored first and is what counts; hiding memories and ending facts follow from it, in a
run of their own that is resumed when the same choice is made again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID, uuid5

from tandem.changes.linked import saying_the_same
from tandem.changes.model import Change, ChangeId, RunId
from tandem.changes.ports import Links, Path, Runs
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.conflicts import Keep, OpenConflict
from tandem.db.runs import Started
from tandem.deadline import Deadline
from tandem.errors import Unavailable
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.normalise import statement_hash

__all__ = ["Keep", "Settled", "Settling", "settlement_of"]

_MEMORY: Final = "mem_"
_FACT: Final = "fact_"


class Conflicts(Protocol):
    """What is needed of the table of conflicts."""

    async def resolve(
        self, account_id: AccountId, conflict_id: UUID, *, keep: Keep
    ) -> OpenConflict: ...


class Changes(Protocol):
    """What is needed of the recorded changes."""

    async def record(
        self, account_id: AccountId, run_id: RunId, changes: Sequence[Change]
    ) -> bool: ...

    async def unfinished(self, run_id: RunId) -> list[Change]: ...


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...


class Graph(Protocol):
    """What is needed of Zep."""

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None: ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What a choice has done: how many memories were hidden and facts ended, or were not."""

    run_id: RunId
    confirmed: int = 0
    skipped: int = 0
    refused: int = 0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Settling:
    """Settles conflicts, for the route and for the chat alike.

    Args:
        call_seconds: one call's limit.
        now: aware; from then on a fact that was not kept no longer holds.
    """

    conflicts: Conflicts
    links: Links
    runs: Runs
    changes: Changes
    path: Path
    mem0: Memories
    zep: Graph
    call_seconds: float
    now: Callable[[], datetime] = field(default=_utc_now)

    async def settle(
        self,
        person: Person,
        conflict_id: UUID,
        keep: Keep,
        *,
        turn_id: TurnId | None = None,
        deadline: Deadline,
    ) -> Settled:
        """Carries out the person's choice; repeating it goes on where it stopped.

        Args:
            person: whose conflict it is; known by the caller to be who they say.
            keep: which statement holds. `both`: they don't exclude each other.
            turn_id: the turn in which it was said, if it was said in a chat.

        Raises:
            NotFound: `conflict_not_found`.
            Conflict: `conflict_resolved`, `conflict_gone`.
            Unavailable: `unfinished`, the time is over with changes left; the choice is stored.
            UpstreamError: a store doesn't answer; the choice is stored.
        """
        account_id = person.account_id
        conflict = await self.conflicts.resolve(account_id, conflict_id, keep=keep)
        started = await self._started(account_id, conflict, turn_id)
        run_id = started.run_id
        if started.state != "running":
            return Settled(run_id)
        planned = await self._planned(person, run_id, conflict, deadline)
        if planned:
            await self.changes.record(account_id, run_id, planned)
        left = await self.changes.unfinished(run_id)
        settled = Settled(run_id)
        if left:
            carried = await self.path.carry_out(
                person, run_id, left, owner=None, read_at=None, deadline=deadline
            )
            if carried.left:
                raise Unavailable(code="unfinished")
            settled = Settled(run_id, carried.confirmed, carried.skipped, carried.refused)
        counts = {"confirmed": settled.confirmed, "skipped": settled.skipped}
        await self.runs.finish(
            account_id, run_id, owner=None, state="done", counts=counts, read_at=None
        )
        return settled

    async def _started(
        self, account_id: AccountId, conflict: OpenConflict, turn_id: TurnId | None
    ) -> Started:
        """One run a choice, whoever asks how often."""
        run_id = settlement_of(conflict.id, conflict.resolved_at)
        if turn_id is not None:
            started = await self.runs.start_unleased(
                account_id, run_id=run_id, kind="settle", started_by="chat", turn_id=turn_id
            )
            if started.run_id == run_id:
                return started
            # In that turn the person has settled something else, too.
        return await self.runs.start_unleased(
            account_id,
            run_id=run_id,
            kind="settle",
            started_by="request" if turn_id is None else "chat",
        )

    async def _planned(
        self, person: Person, run_id: RunId, conflict: OpenConflict, deadline: Deadline
    ) -> list[Change]:
        pair = conflict.pair
        losers = _losers(conflict)
        if not losers:
            return []
        links = await self.links.around(person.account_id, losers)
        hashes = {pair.left_id: pair.left_hash, pair.right_id: pair.right_hash}
        kept = {name: hashes[name] for name in hashes if name not in losers}
        given_up = saying_the_same({name: hashes[name] for name in losers}, links)
        changes: list[Change] = []
        # Memories come first: a fact that has ended meanwhile moves no change before it.
        for item_id in sorted(given_up.keys() - kept.keys(), reverse=True):
            text_hash = await self._hash_of(person, item_id, deadline)
            # What reads otherwise by now is not what the person has chosen between.
            if text_hash is not None and text_hash in given_up[item_id]:
                change = _about(item_id, text_hash, kept, self.now())
                seq = len(changes) + 1
                changes.append(replace(change, id=ChangeId(uuid5(run_id, str(seq))), seq=seq))
        return changes

    async def _hash_of(self, person: Person, item_id: str, deadline: Deadline) -> bytes | None:
        """The statement as it reads now, None where there is nothing left to hide or to end."""
        seconds = deadline.step(self.call_seconds)
        if item_id.startswith(_MEMORY):
            memory = await self.mem0.get(_mem0_id(item_id), timeout_seconds=seconds)
            hidden = memory is None or _expired(memory, self.now())
            return None if memory is None or hidden else statement_hash(memory.text)
        if person.zep_graph_uuid is None:
            return None
        edge = await self.zep.get_edge(
            person.zep_graph_uuid, _edge_uuid(item_id), timeout_seconds=seconds
        )
        if edge is None or edge.expired_at is not None:
            return None
        is_over = edge.invalid_at is not None and edge.invalid_at <= self.now()
        return None if is_over else statement_hash(edge.fact)


def settlement_of(conflict_id: UUID, resolved_at: datetime | None) -> RunId:
    """The run that carries out what was said of this conflict then."""
    return RunId(uuid5(conflict_id, f"settled {resolved_at}"))


def _losers(conflict: OpenConflict) -> set[str]:
    pair = conflict.pair
    losers = {"left": {pair.right_id}, "right": {pair.left_id}, "neither": {*pair[:2]}}
    return losers.get(conflict.kept or "both", set())


def _about(item_id: str, text_hash: bytes, kept: Mapping[str, bytes], now: datetime) -> Change:
    details = {"decided_by": "person"}
    kept_id = next(iter(kept), None)
    if kept_id is not None:
        details["kept_hash"] = kept[kept_id].hex()
    change = Change(
        id=ChangeId(UUID(int=0)),
        seq=0,
        kind="hide",
        reason="resolved",
        kept_id=kept_id,
        text_hash=text_hash,
        details=details,
    )
    if item_id.startswith(_MEMORY):
        return replace(change, mem0_id=_mem0_id(item_id))
    return replace(
        change,
        kind="end_fact",
        edge_uuid=_edge_uuid(item_id),
        details=details | {"invalid_at": now.isoformat()},
    )


def _mem0_id(item_id: str) -> Mem0Id:
    return Mem0Id(item_id.removeprefix(_MEMORY))


def _edge_uuid(item_id: str) -> ZepUuid:
    return ZepUuid(UUID(item_id.removeprefix(_FACT)))


def _expired(memory: Mem0Memory, now: datetime) -> bool:
    return memory.expiration_date is not None and memory.expiration_date < now.date()
