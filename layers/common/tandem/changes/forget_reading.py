"""Finding out what has to go for something to be forgotten, and what all of it rests on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID, uuid5

from tandem.changes import forget_plan as plans
from tandem.changes.forget_plan import Doomed
from tandem.changes.graph_reading import Graph, GraphReader
from tandem.changes.memory_reading import own_memory
from tandem.changes.model import RunId, StartedBy
from tandem.clients.models import Mem0Memory, Mem0Page, ZepEdge
from tandem.db.tombstones import Around, Linked, Tombstone, TurnEvidence
from tandem.deadline import Deadline
from tandem.delivery.stores import name_at_stores
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.normalise import normalise, statement_hash
from tandem.together import all_of, both

_ROUNDS: Final = 3
_EQUALS_A_TEXT: Final = 20
_PAGE: Final = 200
_ONE_TEXT_CHARACTERS: Final = 1_000


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...
    async def search(
        self, query: str, *, user_id: str, limit: int = ..., timeout_seconds: float
    ) -> list[Mem0Memory]: ...
    async def list_memories(
        self,
        *,
        user_id: str,
        show_expired: bool = ...,
        page: int = ...,
        page_size: int = ...,
        timeout_seconds: float,
    ) -> Mem0Page: ...


class Ledger(Protocol):
    """What is needed of the ledger; see `tandem.db.tombstones.Tombstones`."""

    async def around(
        self,
        account_id: AccountId,
        *,
        mem0_ids: Collection[Mem0Id],
        edge_uuids: Collection[ZepUuid],
        hashes: Collection[bytes],
    ) -> Around: ...
    async def evidence(
        self,
        account_id: AccountId,
        *,
        provider_ids: Collection[str],
        turn_ids: Collection[TurnId] = ...,
    ) -> list[TurnEvidence]: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants forgotten.

    Attributes:
        item_ids: `mem_…`, `fact_…`, `said_…`; others are left out.
        turn_id: the turn of chat whose effect it is: one run a turn, whatever is asked how often.
        about: turns that asked for it: what a store derives from them alone goes, too, unless they
            tell something else as well.
    """

    item_ids: Collection[str]
    turn_id: TurnId | None = None
    about: Collection[TurnId] = ()

    def run_id(self, account_id: AccountId) -> RunId:
        """The same for the same wish."""
        if self.turn_id is not None:
            return RunId(uuid5(self.turn_id, "forget"))
        return RunId(uuid5(account_id, "forget/" + "/".join(sorted(self.item_ids))))

    @property
    def started_by(self) -> StartedBy:
        """On which way it came."""
        return "request" if self.turn_id is None else "chat"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to go, and what was read to know what goes with it."""

    doomed: Doomed
    edges: Sequence[ZepEdge]
    turns: Sequence[TurnEvidence]
    memory_ids: frozenset[Mem0Id]


@dataclass(frozen=True, slots=True)
class ForgetReader:
    """Reads both stores and the ledger before anything is changed.

    Every method raises `UpstreamError` when a store doesn't answer, and `Unavailable` when the
    database is away: what goes has to be known whole.
    """

    ledger: Ledger
    mem0: Memories
    zep: Graph
    stage: str
    call_seconds: float

    async def wished(self, person: Person, wish: Wish, deadline: Deadline) -> Reading:
        """What is wished gone and what says the same, and what all of it rests on."""
        edges = await GraphReader(self.zep, person, self.call_seconds, deadline).edges()
        by_uuid = {edge.uuid: edge for edge in edges}
        wanted = _Wanted.of(wish.item_ids)
        if wanted.turns:
            wanted = wanted.joined(await self._learned_from(person, wanted.turns, edges))
        looked: frozenset[Mem0Id] = frozenset()
        memories: dict[Mem0Id, Mem0Memory] = {}
        facts: dict[ZepUuid, ZepEdge] = {}
        for _ in range(_ROUNDS):
            memories |= await self._memories(person, wanted.memories - looked, deadline)
            facts = {uuid: by_uuid[uuid] for uuid in wanted.edges if uuid in by_uuid}
            looked, before = wanted.memories, wanted
            wanted = wanted.joined(await self._same(person, memories, facts, edges, deadline))
            if wanted == before:
                break
        requests = await self._requests(person, wish, memories, facts)
        if requests:
            learned = await self._learned_from(person, requests, edges)
            memories |= await self._memories(person, learned.memories - looked, deadline)
            facts |= {uuid: by_uuid[uuid] for uuid in learned.edges}
        named = {plans.turn_named_in(memory) for memory in memories.values()}
        turns = await self.ledger.evidence(
            person.account_id,
            provider_ids={
                *memories,
                *(str(uuid) for edge in facts.values() for uuid in edge.episode_uuids),
            },
            turn_ids={turn for turn in named | wanted.turns | requests if turn is not None},
        )
        pending = wanted.turns & {turn.turn_id for turn in turns}
        going = Doomed({name: one.text for name, one in memories.items()}, facts, pending)
        return Reading(going, edges, turns, frozenset(memories))

    async def _requests(
        self,
        person: Person,
        wish: Wish,
        memories: Mapping[Mem0Id, Mem0Memory],
        facts: Mapping[ZepUuid, ZepEdge],
    ) -> frozenset[TurnId]:
        """The turns that asked for it, but for those that tell something else as well."""
        if not wish.about or not (memories or facts):
            return frozenset()
        texts = [*(m.text for m in memories.values()), *(f.fact for f in facts.values())]
        asked = await self.ledger.evidence(person.account_id, provider_ids=(), turn_ids=wish.about)
        return frozenset(
            turn.turn_id
            for turn in asked
            if turn.message and plans.speaks_only_of(turn.message, texts)
        )

    async def come_back(
        self,
        person: Person,
        tombstones: Sequence[Tombstone],
        keys: Sequence[bytes],
        deadline: Deadline,
    ) -> Reading:
        """What has been learned again though it is forgotten, and the turns of the tombstones."""
        graph = GraphReader(self.zep, person, self.call_seconds, deadline)
        memories, edges = await both(self._all_memories(person, deadline), graph.edges())
        buried = {turn for one in tombstones for turn in one.turn_ids}
        named = {plans.turn_named_in(memory) for memory in memories}
        turns = await self.ledger.evidence(
            person.account_id,
            provider_ids={
                *(memory.id for memory in memories),
                *(str(uuid) for edge in edges for uuid in edge.episode_uuids),
            },
            turn_ids={turn for turn in named | buried if turn is not None},
        )
        standing = plans.standing_of(memories, edges, turns)
        back = plans.learned_again(standing, tombstones, keys=keys)
        return Reading(
            Doomed(
                {memory.id: memory.text for memory in memories if memory.id in back},
                {edge.uuid: edge for edge in edges if str(edge.uuid) in back},
            ),
            edges,
            [turn for turn in turns if turn.turn_id in buried],
            frozenset(memory.id for memory in memories),
        )

    async def _learned_from(
        self, person: Person, said: frozenset[TurnId], edges: Sequence[ZepEdge]
    ) -> "_Wanted":
        """What the stores know from these turns and nowhere else: they may have learned it since
        the person was shown the words as pending."""
        turns = await self.ledger.evidence(person.account_id, provider_ids=(), turn_ids=said)
        names = {name for turn in turns for name in turn.provider_ids}
        told = await self.ledger.evidence(person.account_id, provider_ids=names)
        elsewhere = {n for turn in told if turn.turn_id not in said for n in turn.provider_ids}
        alone = names - elsewhere
        facts = [edge for edge in edges if edge.episode_uuids]
        return _Wanted(
            # Zep's ids are among them; at Mem0 they name nothing.
            frozenset(Mem0Id(name) for name in alone),
            frozenset(one.uuid for one in facts if set(map(str, one.episode_uuids)) <= alone),
            frozenset(),
        )

    async def _same(
        self,
        person: Person,
        memories: Mapping[Mem0Id, Mem0Memory],
        facts: Mapping[ZepUuid, ZepEdge],
        edges: Sequence[ZepEdge],
        deadline: Deadline,
    ) -> "_Wanted":
        """What says the same as these: linked, equal, or hidden in their favour."""
        texts = {one.text for one in memories.values()} | {one.fact for one in facts.values()}
        around = await self.ledger.around(
            person.account_id,
            mem0_ids=memories.keys(),
            edge_uuids=facts.keys(),
            hashes=[statement_hash(text) for text in texts],
        )
        named = {link.mem0_id for link in around.links} - memories.keys()
        held = dict(memories) | await self._memories(person, named, deadline)
        by_uuid = {edge.uuid: edge for edge in edges}
        linked = [link for link in around.links if _still_says(link, held, by_uuid)]
        equals = await self._equals(person, texts, deadline)
        said = {normalise(text) for text in texts} - {""}
        return _Wanted(
            frozenset(link.mem0_id for link in linked) | around.hidden | equals,
            frozenset(link.edge_uuid for link in linked)
            | {edge.uuid for edge in edges if normalise(edge.fact) in said},
            frozenset(),
        )

    async def _memories(
        self, person: Person, wanted: Iterable[Mem0Id], deadline: Deadline
    ) -> dict[Mem0Id, Mem0Memory]:
        """Those of these memories that are there and the person's own."""
        user_id = name_at_stores(self.stage, person.account_id)
        names = sorted(wanted)
        found = await all_of(
            own_memory(self.mem0, name, user_id=user_id, timeout_seconds=self._seconds(deadline))
            for name in names
        )
        return {one.id: one for one in found if one is not None}

    async def _equals(
        self, person: Person, texts: Iterable[str], deadline: Deadline
    ) -> set[Mem0Id]:
        """Memories that can be seen and say one of these in the same words."""
        user_id = name_at_stores(self.stage, person.account_id)
        asked = sorted(text for text in texts if text.strip())
        found = await all_of(
            self.mem0.search(
                text[:_ONE_TEXT_CHARACTERS],
                user_id=user_id,
                limit=_EQUALS_A_TEXT,
                timeout_seconds=self._seconds(deadline),
            )
            for text in asked
        )
        said = {normalise(text) for text in asked}
        return {one.id for some in found for one in some if normalise(one.text) in said}

    async def _all_memories(self, person: Person, deadline: Deadline) -> list[Mem0Memory]:
        """All of a person's memories, hidden ones too."""
        memories: dict[Mem0Id, Mem0Memory] = {}
        number, more = 1, True
        while more:
            page = await self.mem0.list_memories(
                user_id=name_at_stores(self.stage, person.account_id),
                show_expired=True,
                page=number,
                page_size=_PAGE,
                timeout_seconds=self._seconds(deadline),
            )
            memories |= {memory.id: memory for memory in page.items}
            number, more = number + 1, page.has_next
        return list(memories.values())

    def _seconds(self, deadline: Deadline) -> float:
        return deadline.step(self.call_seconds)


@dataclass(frozen=True, slots=True)
class _Wanted:
    memories: frozenset[Mem0Id]
    edges: frozenset[ZepUuid]
    turns: frozenset[TurnId]

    @classmethod
    def of(cls, item_ids: Collection[str]) -> "_Wanted":
        parts = [name.partition("_") for name in item_ids]
        return cls(
            frozenset(Mem0Id(name) for kind, _, name in parts if kind == "mem" and name),
            frozenset(ZepUuid(uuid) for uuid in _uuids(parts, "fact")),
            frozenset(TurnId(uuid) for uuid in _uuids(parts, "said")),
        )

    def joined(self, other: "_Wanted") -> "_Wanted":
        return _Wanted(
            self.memories | other.memories, self.edges | other.edges, self.turns | other.turns
        )


def _uuids(parts: Iterable[tuple[str, str, str]], wanted: str) -> Iterable[UUID]:
    for kind, _, name in parts:
        if kind == wanted:
            try:
                yield UUID(name)
            except ValueError:
                continue  # nothing has such a name


def _still_says(
    link: Linked, memories: Mapping[Mem0Id, Mem0Memory], facts: Mapping[ZepUuid, ZepEdge]
) -> bool:
    """A link counts as long as the memory and the fact have the words for which it was made: a
    memory that was corrected says something else, and what it replaced may be forgotten alone."""
    memory, fact = memories.get(link.mem0_id), facts.get(link.edge_uuid)
    return (
        memory is not None
        and fact is not None
        and statement_hash(memory.text) == link.memory_hash
        and statement_hash(fact.fact) == link.fact_hash
    )
