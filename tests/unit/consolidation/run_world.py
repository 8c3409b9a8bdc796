"""One person's memory and journal, all in memory, for the tests of a run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from memory_api.consolidation.judging import Judging, JudgingLimits
from memory_api.consolidation.reading import Ledgers, PictureReader
from memory_api.consolidation.run import Consolidation, Limits, Parts, RunResult
from memory_api.consolidation.statement import PairToJudge
from tandem.changes.model import Change, Phase, Relation, RunId
from tandem.changes.path import Carried
from tandem.clients.models import Mem0Memory, Page, ZepEdge, ZepNode
from tandem.db.conflicts import ConflictPair, ConflictState
from tandem.db.decisions import Decision
from tandem.db.evidence import Evidence, KnownLink, Standing
from tandem.db.hidden import HiddenMemory
from tandem.db.people import Subject
from tandem.db.runs import OtherRun, Started
from tandem.deadline import Deadline
from tandem.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.normalise import statement_hash

ADA = AccountId(UUID(int=1))
USER, GRAPH, SELF = ZepUuid(UUID(int=2)), ZepUuid(UUID(int=3)), ZepUuid(UUID(int=4))
START = datetime(2026, 3, 1, tzinfo=UTC)
HIDDEN = START.date()


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def turn(name: str) -> TurnId:
    return TurnId(uuid5(UUID(int=9), name))


@dataclass
class Stores:
    """Both stores. `away` names those that fail."""

    memories: dict[str, Mem0Memory] = field(default_factory=dict)
    edges: list[ZepEdge] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    reads: int = 0

    async def list_all(
        self, *, user_id: str, max_items: int = 5000, timeout_seconds: float
    ) -> list[Mem0Memory]:
        assert user_id == f"test:{ADA}"
        assert timeout_seconds > 0
        self.reads += 1
        if "mem0" in self.away:
            raise UpstreamUnavailable("mem0", operation="list")
        if "slow" in self.away:
            raise UpstreamTimeout("mem0", operation="list")
        return [one for one in self.memories.values() if one.expiration_date != HIDDEN][:max_items]

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        timeout_seconds: float,
    ) -> Page[ZepEdge]:
        assert graph_uuid == GRAPH
        assert timeout_seconds > 0
        if "zep" in self.away:
            raise UpstreamUnavailable("zep", operation="graph.edge.list")
        first = int(cursor or 0)
        rest = self.edges[first + page_size :]
        return Page[ZepEdge](
            items=self.edges[first : first + page_size],
            next_cursor=str(first + page_size) if rest else None,
        )

    async def user_node(self, user_uuid: ZepUuid, *, timeout_seconds: float) -> ZepNode | None:
        assert user_uuid == USER
        assert timeout_seconds > 0
        return ZepNode(uuid=SELF)


@dataclass
class Ledger:
    """The tables, as far as a run knows them."""

    standing_: Standing = field(default_factory=Standing)
    turns: dict[str, list[TurnId]] = field(default_factory=dict)
    said_at: dict[TurnId, datetime] = field(default_factory=dict)
    hidden_: list[HiddenMemory] = field(default_factory=list)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)
    conflicts: dict[ConflictPair, ConflictState] = field(default_factory=dict)
    seen_: bytes | None = None

    async def standing(self, account_id: AccountId) -> Standing:
        assert account_id == ADA
        return self.standing_

    async def gather(
        self,
        account_id: AccountId,
        provider_ids: Collection[str],
        turn_ids: Collection[TurnId] = (),
    ) -> Evidence:
        assert account_id == ADA
        turns = {name: self.turns[name] for name in provider_ids if name in self.turns}
        wanted = {one for found in turns.values() for one in found} | set(turn_ids)
        return Evidence(turns, {one: self.said_at[one] for one in wanted if one in self.said_at})

    async def hidden(self, account_id: AccountId) -> list[HiddenMemory]:
        assert account_id == ADA
        return self.hidden_

    async def known(self, account_id: AccountId) -> list[Decision]:
        assert account_id == ADA
        return list(self.decisions.values())

    async def keep(
        self, account_id: AccountId, run_id: RunId | None, decisions: Sequence[Decision]
    ) -> int:
        assert account_id == ADA
        assert run_id is not None
        self.decisions |= {(one.left_id, one.right_id): one for one in decisions}
        return len(decisions)

    async def seen(self, account_id: AccountId) -> bytes | None:
        assert account_id == ADA
        return self.seen_

    async def remember(self, account_id: AccountId, seen: bytes) -> None:
        assert account_id == ADA
        self.seen_ = seen


@dataclass
class Disputes:
    """The table of conflicts."""

    ledger: Ledger

    async def known(self, account_id: AccountId) -> Mapping[ConflictPair, ConflictState]:
        assert account_id == ADA
        return self.ledger.conflicts

    async def report(
        self,
        account_id: AccountId,
        run_id: RunId | None,
        pairs: Sequence[ConflictPair],
        *,
        gone: Sequence[ConflictPair],
    ) -> int:
        assert account_id == ADA
        assert run_id is not None
        for pair in gone:
            if self.ledger.conflicts[pair] == "open":
                self.ledger.conflicts[pair] = "gone"
        for pair in pairs:
            self.ledger.conflicts.setdefault(pair, "open")
        return len(pairs)


@dataclass
class Journal:
    """Runs and changes."""

    states: dict[RunId, str] = field(default_factory=dict)
    changes: dict[RunId, list[Change]] = field(default_factory=dict)
    counts: dict[RunId, dict[str, int]] = field(default_factory=dict)
    owner: UUID | None = None
    others: list[OtherRun] = field(default_factory=list)
    notes: list[tuple[Phase, dict[str, int]]] = field(default_factory=list)
    writes: int = 0
    clock: int = 0
    finished: list[tuple[str, datetime | None]] = field(default_factory=list)

    async def start(self, account_id: AccountId, **given: Any) -> Started | None:
        assert account_id == ADA
        self.writes += 1
        if self.owner not in {None, given["owner"]}:
            return None
        self.owner = given["owner"]
        waiting = [one for one, state in self.states.items() if state == "running"]
        run_id = waiting[0] if waiting else given["run_id"]
        self.states[run_id] = "running"
        self.clock += 1
        return Started(
            run_id,
            run_id != given["run_id"],
            "reading",
            day(self.clock),
            others=[one for one in self.others if self.states.get(one.id) != "done"],
            counts=self.counts.get(run_id, {}),
        )

    async def current(self, account_id: AccountId) -> RunId | None:
        assert account_id == ADA
        return next((one for one, state in self.states.items() if state == "running"), None)

    async def read_again(
        self, account_id: AccountId, owner: UUID, lease_seconds: float
    ) -> datetime | None:
        assert account_id == ADA
        assert lease_seconds > 0
        self.clock += 1
        return day(self.clock) if owner == self.owner else None

    async def prolong(self, account_id: AccountId, owner: UUID, lease_seconds: float) -> bool:
        assert account_id == ADA
        assert lease_seconds > 0
        return owner == self.owner

    async def note(self, run_id: RunId, *, phase: Phase, counts: Mapping[str, int]) -> None:
        assert run_id in self.states
        self.notes.append((phase, dict(counts)))
        self.counts[run_id] = self.counts.get(run_id, {}) | counts

    async def finish(self, account_id: AccountId, run_id: RunId, **given: Any) -> None:
        assert account_id == ADA
        assert given["owner"] == self.owner
        self.states[run_id], self.owner = given["state"], None
        self.counts[run_id] = dict(given["counts"])
        self.finished.append((given["state"], given["read_at"]))

    async def release(self, account_id: AccountId, owner: UUID) -> None:
        assert account_id == ADA
        if self.owner == owner:
            self.owner = None

    async def record(
        self,
        account_id: AccountId,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None = None,
    ) -> bool:
        assert account_id == ADA
        if owner != self.owner:
            return False
        there = self.changes.setdefault(run_id, [])
        taken = {one.seq for one in there}
        there += [one for one in changes if one.seq not in taken]
        return True

    async def unfinished(self, run_id: RunId) -> list[Change]:
        found = self.changes.get(run_id, [])
        return [one for one in found if one.state in {"planned", "sent"}]

    async def all(self, account_id: AccountId, run_id: RunId) -> list[Change]:
        assert account_id == ADA
        return list(self.changes.get(run_id, []))

    async def replan(self, account_id: AccountId, run_id: RunId) -> int:
        assert account_id == ADA
        left = [one for one in self.changes.get(run_id, []) if one.state != "planned"]
        self.changes[run_id] = left
        return max((one.seq for one in left), default=0)

    def mark(self, run_id: RunId, change: Change, state: Any) -> None:
        there = self.changes[run_id]
        place = next(at for at, one in enumerate(there) if one.id == change.id)
        there[place] = replace(there[place], state=state)


@dataclass
class Path:
    """Carries changes out in the fake stores. `before` is asked before each: `go`, `stale`,
    `late`, `failed` or `lease_lost`."""

    stores: Stores
    ledger: Ledger
    journal: Journal
    before: Callable[[Change], str] = lambda _: "go"
    read_at: list[datetime | None] = field(default_factory=list)

    async def carry_out(
        self,
        person: Person,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None,
        read_at: datetime | None,
        deadline: Deadline,
    ) -> Carried:
        assert person == Person(ADA, GRAPH)
        assert owner == self.journal.owner
        assert deadline.left() > 0
        self.read_at.append(read_at)
        for place, change in enumerate(changes):
            answer = self.before(change)
            if answer != "go":
                why = {} if answer == "late" else {answer: True}
                return Carried(place, left=len(changes) - place, **why)
            self._do(change)
            self.journal.mark(run_id, change, "confirmed")
        return Carried(len(changes))

    def _do(self, change: Change) -> None:
        if change.kind == "hide":
            assert change.mem0_id is not None
            memory = self.stores.memories[change.mem0_id]
            self.stores.memories[change.mem0_id] = memory.model_copy(
                update={"expiration_date": HIDDEN}
            )
            self.ledger.hidden_.append(_hidden(change))
        elif change.kind == "add":
            [edge] = [one for one in self.stores.edges if one.uuid == change.edge_uuid]
            added = Mem0Id(f"added-{change.seq}")
            self.stores.memories[added] = Mem0Memory(id=added, text=edge.fact)
            change = replace(change, mem0_id=added)
        if change.kind in {"add", "link"}:
            assert change.mem0_id is not None
            assert change.edge_uuid is not None
            assert change.text_hash is not None
            hashes = statement_hash(self.stores.memories[change.mem0_id].text), change.text_hash
            link = KnownLink(change.mem0_id, change.edge_uuid, *hashes)
            standing = self.ledger.standing_
            self.ledger.standing_ = replace(standing, links=[*standing.links, link])


def _hidden(change: Change) -> HiddenMemory:
    assert change.mem0_id is not None
    assert change.text_hash is not None
    return HiddenMemory(
        mem0_id=change.mem0_id,
        run_id=RunId(UUID(int=0)),
        change_id=change.id,
        reason=change.reason,
        kept_id=change.kept_id,
        text_hash=change.text_hash,
        said_at=None,
        listed=False,
        hidden_at=START,
        purged=False,
    )


@dataclass
class Oracle:
    """Judge and embedder. Every text has the same vector, so that all are near."""

    relations: dict[frozenset[str], Relation] = field(default_factory=dict)
    away: bool = False
    blind: bool = False
    calls: list[int] = field(default_factory=list)
    embedded: int = 0

    async def decide(
        self, pairs: Sequence[PairToJudge], *, seconds: float
    ) -> list[Relation | None]:
        assert seconds > 0
        self.calls.append(len(pairs))
        if self.away:
            return [None] * len(pairs)
        return [
            self.relations.get(frozenset({one.left.text, one.right.text}), "distinct")
            for one in pairs
        ]

    async def embed(self, texts: Sequence[str], *, seconds: float) -> list[tuple[float, ...]]:
        assert seconds > 0
        self.embedded += len(texts)
        if self.blind:
            error: UpstreamError = UpstreamUnavailable("gemini", operation="embed")
            raise error
        return [(1.0, float(place % 7)) for place, _ in enumerate(texts)]


class World:
    """A person, everything a run works with, and the run."""

    def __init__(
        self, *, limits: Limits | None = None, judging: JudgingLimits | None = None
    ) -> None:
        self.stores, self.ledger, self.journal = Stores(), Ledger(), Journal()
        self.oracle, self.disputes = Oracle(), Disputes(self.ledger)
        self.path = Path(self.stores, self.ledger, self.journal)
        self.phases: list[Phase] = []
        self.at_phase: Callable[[Phase], None] = lambda _: None
        ledgers = Ledgers(self.ledger, self.ledger, self.ledger, self.disputes, self.ledger)
        self.reader = PictureReader(
            self.stores, self.stores, ledgers, stage="test", call_seconds=5.0
        )
        self.consolidation = Consolidation(
            Parts(
                people=self,
                reader=self.reader,
                judging=Judging(self.oracle, self.oracle, judging or JudgingLimits()),
                runs=self.journal,
                changes=self.journal,
                decisions=self.ledger,
                conflicts=self.disputes,
                path=self.path,
            ),
            limits,
            on_phase=self._on_phase,
        )

    async def find(self, account_id: AccountId) -> Subject | None:
        return Subject(ADA, USER, GRAPH) if account_id == ADA else None

    async def run(
        self, *, dry_run: bool = False, seconds: float = 60.0, owner: UUID | None = None
    ) -> RunResult:
        return await self.consolidation.run(
            ADA,
            started_by="request",
            owner=owner or uuid4(),
            deadline=Deadline(seconds),
            dry_run=dry_run,
        )

    def remembers(self, text: str, *, said: int | None = None, name: str = "", **rest: Any) -> str:
        """A memory of Mem0's, last said on that day; its id."""
        mem0_id = Mem0Id(name or f"m{len(self.stores.memories)}")
        self.stores.memories[mem0_id] = Mem0Memory(id=mem0_id, text=text, **rest)
        self._said(mem0_id, said)
        return f"mem_{mem0_id}"

    def learned(
        self, text: str, *, said: int | None = None, about: bool = True, **rest: Any
    ) -> str:
        """A fact of Zep's; its id."""
        name = ZepUuid(uuid5(UUID(int=5), f"{text} {len(self.stores.edges)}"))
        episode = ZepUuid(uuid5(name, "episode"))
        source = SELF if about else ZepUuid(UUID(int=8))
        self.stores.edges.append(
            ZepEdge(uuid=name, fact=text, source_node_uuid=source, episode_uuids=(episode,), **rest)
        )
        self._said(str(episode), said)
        return f"fact_{name}"

    def same(self, *texts: str) -> None:
        """The judge takes each of these for the same as each other."""
        self.judged("same", *texts)

    def judged(self, relation: Relation, *texts: str) -> None:
        self.oracle.relations |= {
            frozenset({one, other}): relation for one in texts for other in texts if one != other
        }

    def visible(self) -> set[str]:
        return {f"mem_{one.id}" for one in self.stores.memories.values() if not one.expiration_date}

    def _said(self, provider_id: str, said: int | None) -> None:
        if said is not None:
            self.ledger.turns[provider_id] = [turn(provider_id)]
            self.ledger.said_at[turn(provider_id)] = day(said)

    async def _on_phase(self, phase: Phase) -> None:
        self.phases.append(phase)
        self.at_phase(phase)
