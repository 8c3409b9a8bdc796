"""What forgetting comes down to: which changes, and what is remembered of them. Pure."""

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from tandem.changes.model import Change, ChangeId, ChangeKind, RunId
from tandem.clients.models import Mem0Memory, ZepEdge, ZepNode
from tandem.db.tombstones import NewTombstone, Tombstone, TurnEvidence
from tandem.ids import Mem0Id, TurnId, ZepUuid
from tandem.recall.normalise import normalise
from tandem.recall.words import telling_words

# How one asks to forget something, and agrees to it.
_ASKING = telling_words(
    "forget delete remove erase remember memory memories please thanks hey hi everything anything "
    "all fact just know yes yeah yep sure ok okay go ahead confirm confirmed correct right"
)


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to go: memories with their text (None where nobody knows it), facts, and turns that
    no store has ingested yet."""

    memories: Mapping[Mem0Id, str | None] = field(default_factory=dict)
    edges: Mapping[ZepUuid, ZepEdge] = field(default_factory=dict)
    turn_ids: frozenset[TurnId] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.memories or self.edges or self.turn_ids)

    @property
    def texts(self) -> frozenset[str]:
        """What they say, normalised."""
        said = [*self.memories.values(), *(edge.fact for edge in self.edges.values())]
        return frozenset(normalise(text) for text in said if text)


def keyed_hash(key: bytes, text: str) -> bytes:
    """HMAC-SHA256 of the normalised text: without the key nobody can try out what was said."""
    return hmac.digest(key, normalise(text).encode("utf-8", errors="replace"), "sha256")


def lonely_episodes(
    doomed: Doomed, edges: Iterable[ZepEdge], said: Iterable[ZepUuid]
) -> list[ZepUuid]:
    """Episodes on which nothing rests any more once the doomed facts are gone.

    Args:
        edges: all facts of the graph.
        said: episodes of the turns that the doomed rests on, whether facts rest on them or not.
    """
    staying = {uuid for edge in _staying(doomed, edges) for uuid in edge.episode_uuids}
    stated = {uuid for edge in doomed.edges.values() for uuid in edge.episode_uuids}
    return sorted((stated | set(said)) - staying)


def touched_nodes(doomed: Doomed) -> list[ZepUuid]:
    """Entities that a doomed fact is about."""
    return sorted({end for edge in doomed.edges.values() for end in _ends(edge)})


def tells_of(node: ZepNode, doomed: Doomed) -> bool:
    """Whether the summary of an entity may repeat what goes: it shares a telling word with it, be
    it one that other facts have too, for Zep writes a summary anew."""
    summary = telling_words(node.summary) - telling_words(node.name)
    return any(summary & telling_words(text) for text in doomed.texts)


def bare_nodes(doomed: Doomed, edges: Iterable[ZepEdge]) -> list[ZepUuid]:
    """Entities that no fact would be about any more."""
    ends = set(touched_nodes(doomed))
    return sorted(ends - {end for edge in _staying(doomed, edges) for end in _ends(edge)})


def may_go(node: ZepNode, doomed: Doomed, episodes: Collection[ZepUuid]) -> bool:
    """Whether an entity rests on nothing but what goes. The person's own always stays."""
    stated = {uuid for edge in doomed.edges.values() for uuid in edge.episode_uuids}
    return "User" not in node.labels and set(node.episode_uuids) <= stated | set(episodes)


def planned(
    run_id: RunId,
    doomed: Doomed,
    *,
    episodes: Sequence[ZepUuid],
    nodes: Sequence[ZepUuid],
    summaries: Sequence[ZepUuid] = (),
) -> list[Change]:
    """The changes, the same ones whenever the same is planned: facts, entities, memories, what
    they come from, and last the summaries, that none is written from what is still there."""
    changes: list[Change] = []

    def add(kind: ChangeKind, name: object, **target: object) -> None:
        made = Change(
            id=ChangeId(uuid5(run_id, f"{kind}/{name}")),
            seq=len(changes) + 1,
            kind=kind,
            reason="forgotten",
            **target,  # type: ignore[arg-type]  # one of the ids or details, by kind
        )
        changes.append(made)

    for edge_uuid in sorted(doomed.edges):
        add("delete_fact", edge_uuid, edge_uuid=edge_uuid)
    for node_uuid in nodes:
        add("delete_node", node_uuid, details={"node_uuid": str(node_uuid)})
    for memory_id in sorted(doomed.memories):
        add("delete_memory", memory_id, mem0_id=memory_id)
    for episode_uuid in episodes:
        add("delete_episode", episode_uuid, episode_uuid=episode_uuid)
    for node_uuid in summaries:
        add("clear_summary", node_uuid, details={"node_uuid": str(node_uuid)})
    return changes


def buried(
    run_id: RunId,
    doomed: Doomed,
    turns: Sequence[TurnEvidence],
    edges: Iterable[ZepEdge],
    *,
    episodes: Iterable[ZepUuid],
    key: bytes,
) -> list[NewTombstone]:
    """A tombstone for each statement that goes: with the turns that all of them rest on, and with
    what rests on these too and stays.

    Args:
        episodes: those that go.
    """
    known = {name for turn in turns for name in turn.provider_ids}
    told = {part for turn in turns for part in turn.message_parts} | set(map(str, episodes))
    spared = known - told - set(doomed.memories)
    spared |= {
        str(edge.uuid)
        for edge in _staying(doomed, edges)
        if not known.isdisjoint(map(str, edge.episode_uuids))
    }
    pending = [turn.message for turn in turns if turn.turn_id in doomed.turn_ids]
    texts = sorted(doomed.texts | {normalise(said) for said in pending if said})
    return [
        NewTombstone(
            id=uuid5(run_id, f"tombstone/{number}"),
            statement_hash=keyed_hash(key, text),
            turn_ids=tuple(sorted(turn.turn_id for turn in turns)),
            spared=tuple(sorted(spared)),
        )
        for number, text in enumerate(texts)
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """One memory or fact as it stands now, and what it rests on.

    Attributes:
        id: the store's own.
        turn_ids: None when it may rest on more than is known.
        said_at: when it was last said; None when nobody knows.
        copy_of: the fact that a memory was copied from.
    """

    id: str
    text: str
    turn_ids: frozenset[TurnId] | None
    said_at: datetime | None
    copy_of: str | None = None


def standing_of(
    memories: Sequence[Mem0Memory], edges: Sequence[ZepEdge], turns: Sequence[TurnEvidence]
) -> list[Standing]:
    """Memories and facts with the turns that they rest on.

    Args:
        turns: of all that the ledger knows to rest on them.
    """
    known = {turn.turn_id: turn for turn in turns}
    by_provider: dict[str, set[TurnId]] = {}
    for turn in turns:
        for name in turn.provider_ids:
            by_provider.setdefault(name, set()).add(turn.turn_id)
    standing = []
    for memory in memories:
        named = turn_named_in(memory)
        rests = set(by_provider.get(memory.id, ()))
        if named is not None and named in known:
            rests.add(named)
        times = [known[turn].said_at for turn in rests]
        said_at = max(times) if times else _moment(memory.metadata.get("said_at"))
        copied = memory.metadata.get("edge_uuid")
        copy_of = copied if isinstance(copied, str) else None
        standing.append(Standing(memory.id, memory.text, frozenset(rests), said_at, copy_of))
    for edge in edges:
        episodes = [by_provider.get(str(uuid)) for uuid in edge.episode_uuids]
        rests = {turn for some in episodes if some for turn in some}
        said_at = max((known[turn].said_at for turn in rests), default=None)
        whole = bool(episodes) and all(episodes)
        told = frozenset(rests) if whole else None
        standing.append(Standing(str(edge.uuid), edge.fact, told, said_at))
    return standing


def learned_again(
    standing: Sequence[Standing], tombstones: Sequence[Tombstone], *, keys: Sequence[bytes]
) -> frozenset[str]:
    """Ids of what has come back though it is forgotten, and of nothing else.

    That is what says the forgotten in the same words and was not said since; and what rests on
    turns of which something was forgotten, and on these alone, unless it was there before and was
    to stay. What somebody has said since counts again, and so does what says the same as that or
    as what was to stay.
    """
    buried_turns = frozenset(turn for one in tombstones for turn in one.turn_ids)
    spared = frozenset(name for one in tombstones for name in one.spared)
    said, derived = set(), []
    for one in standing:
        if one.id in spared:
            continue
        if _is_forgotten(one, tombstones, keys):
            said.add(one.id)
        elif one.turn_ids and one.turn_ids <= buried_turns:
            derived.append(one)
    going = said | {one.id for one in derived}
    # What was only copied from a fact is no word of the person's that would keep it.
    kept = {normalise(one.text) for one in standing if one.id not in going and not _is_copy(one)}
    going = said | {one.id for one in derived if normalise(one.text) not in kept}
    copies = {one.id for one in standing if _is_copy(one) and one.copy_of in going}
    return frozenset(going | (copies - spared))


def _is_copy(one: Standing) -> bool:
    return one.copy_of is not None and not one.turn_ids


def _is_forgotten(one: Standing, tombstones: Sequence[Tombstone], keys: Sequence[bytes]) -> bool:
    if one.said_at is None:
        return False  # it may have been said a moment ago, and we are about to hear of it
    said, hashed = one.said_at, {keyed_hash(key, one.text) for key in keys}
    return any(dead.statement_hash in hashed and said <= dead.forgotten_at for dead in tombstones)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _staying(doomed: Doomed, edges: Iterable[ZepEdge]) -> list[ZepEdge]:
    return [edge for edge in edges if edge.uuid not in doomed.edges]


def _ends(edge: ZepEdge) -> set[ZepUuid]:
    return {end for end in (edge.source_node_uuid, edge.target_node_uuid) if end is not None}


def speaks_only_of(message: str, texts: Iterable[str]) -> bool:
    """Whether a message tells nothing beyond these statements and the wish to forget them."""
    known = frozenset(word for text in texts for word in telling_words(text))
    return telling_words(message) <= known | _ASKING


def turn_named_in(memory: Mem0Memory) -> TurnId | None:
    """The turn that a memory of ours names."""
    named = memory.metadata.get("turn_id")
    try:
        return TurnId(UUID(named)) if isinstance(named, str) else None
    except ValueError:
        return None
