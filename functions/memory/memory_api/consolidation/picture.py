"""From what the stores and the ledger hold to the picture that a plan is made from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from memory_api.consolidation.statement import (
    FACT,
    MEMORY,
    Hidden,
    LinkedPair,
    Picture,
    Statement,
)
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.evidence import Evidence, Standing
from tandem.db.hidden import HiddenMemory
from tandem.ids import TurnId, ZepUuid
from tandem.recall.normalise import statement_hash
from tandem.recall.validity import holds_again


@dataclass(frozen=True, slots=True)
class Stored:
    """What the stores have of one person.

    Attributes:
        own_node: the entity that is the person; None while Zep has none.
        has_more: Mem0 has more memories than these.
    """

    memories: Sequence[Mem0Memory]
    edges: Sequence[ZepEdge]
    own_node: ZepUuid | None
    has_more: bool = False


def provider_ids(stored: Stored, hidden: Sequence[HiddenMemory]) -> set[str]:
    """The stores' own names for what the statements rest on."""
    episodes = {str(episode) for edge in stored.edges for episode in edge.episode_uuids}
    memories = {memory.id for memory in stored.memories}
    return episodes | memories | {memory.mem0_id for memory in hidden}


def turns_named(stored: Stored) -> set[TurnId]:
    """Turns that the stores themselves name."""
    return {turn for memory in stored.memories for turn in _named_turns(memory)}


def _named_turns(memory: Mem0Memory) -> tuple[TurnId, ...]:
    named = memory.metadata.get("turn_id")
    try:
        return (TurnId(UUID(named)),) if isinstance(named, str) else ()
    except ValueError:
        return ()


def _told(memory: Mem0Memory, now: datetime) -> datetime | None:
    """The evidence time that we noted with a memory ourselves. Others may write there, too: what
    can't have been said by now would win over all that is said until then."""
    told = memory.metadata.get("said_at")
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        if moment is None or moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment <= now else None


def build(
    stored: Stored,
    hidden: Sequence[HiddenMemory],
    standing: Standing,
    evidence: Evidence,
) -> Picture:
    """The picture, still without what was decided and reported before."""
    now = datetime.now(UTC)
    out_of_sight = {memory.mem0_id for memory in hidden if memory.listed}
    statements = [
        _memory(memory, evidence, now)
        for memory in stored.memories
        # What goes by itself some day may not take the place of what stays.
        if memory.id not in out_of_sight and memory.expiration_date is None
    ]
    statements += [_fact(edge, evidence, stored.own_node, now) for edge in stored.edges]
    shown = {statement.id for statement in statements}
    concealed = [
        _hidden(memory, evidence) for memory in hidden if f"{MEMORY}{memory.mem0_id}" not in shown
    ]
    hashes = {statement.id: statement.hash for statement in statements}
    hashes |= {memory.id: memory.hash for memory in concealed}
    return Picture(
        statements=statements,
        hidden=concealed,
        links=[
            LinkedPair(link.mem0_id, link.edge_uuid)
            for link in standing.links
            if hashes.get(f"{MEMORY}{link.mem0_id}") == link.statement_hash
            and hashes.get(f"{FACT}{link.edge_uuid}", link.fact_hash) == link.fact_hash
        ],
        kept_out=_on_their_way(statements, standing),
        forgotten=_forgotten(statements, standing),
        has_more=stored.has_more,
    )


def _memory(memory: Mem0Memory, evidence: Evidence, now: datetime) -> Statement:
    turns, said_at = _said([memory.id], _named_turns(memory), evidence)
    # Earlier turns, taken over from what says the same, don't make it older.
    times = [time for time in (said_at, _told(memory, now)) if time is not None]
    return Statement(
        id=f"{MEMORY}{memory.id}",
        text=memory.text,
        hash=statement_hash(memory.text),
        said_at=max(times, default=None),
        turn_ids=turns,
    )


def _fact(edge: ZepEdge, evidence: Evidence, own_node: ZepUuid | None, now: datetime) -> Statement:
    turns, said_at = _said([str(episode) for episode in edge.episode_uuids], (), evidence)
    ended = edge.expired_at is not None or (edge.invalid_at is not None and edge.invalid_at <= now)
    return Statement(
        id=f"{FACT}{edge.uuid}",
        text=edge.fact,
        hash=statement_hash(edge.fact),
        said_at=said_at,
        turn_ids=turns,
        holds=not ended or holds_again(edge, said_at),
        about_person=own_node is not None and edge.source_node_uuid == own_node,
    )


def _hidden(memory: HiddenMemory, evidence: Evidence) -> Hidden:
    _, heard_at = _said([memory.mem0_id], (), evidence)
    if heard_at is not None and memory.said_at is not None and heard_at <= memory.said_at:
        heard_at = None
    return Hidden(
        id=f"{MEMORY}{memory.mem0_id}",
        hash=memory.text_hash,
        said_at=memory.said_at,
        kept_id=memory.kept_id,
        reason=memory.reason,
        heard_at=heard_at,
        hidden_at=memory.hidden_at,
        purged=memory.purged,
    )


def _said(
    provider_ids: Sequence[str], named: Sequence[TurnId], evidence: Evidence
) -> tuple[tuple[TurnId, ...], datetime | None]:
    """The turns that something rests on, oldest first, and when the newest was said."""
    turns = {turn for name in provider_ids for turn in evidence.turns.get(name, ())}
    known = [turn for turn in turns | set(named) if turn in evidence.said_at]
    ordered = sorted(known, key=lambda turn: (evidence.said_at[turn], turn))
    return tuple(ordered), evidence.said_at[ordered[-1]] if ordered else None


def _forgotten(statements: Sequence[Statement], standing: Standing) -> frozenset[str]:
    """What rests on forgotten turns alone and wasn't to stay."""
    turns = {turn for one in standing.forgotten for turn in one.turn_ids}
    spared = {name for one in standing.forgotten for name in one.spared}
    return frozenset(
        statement.id
        for statement in statements
        if statement.turn_ids
        and turns.issuperset(statement.turn_ids)
        and statement.id.partition("_")[2] not in spared
    )


def _on_their_way(statements: Sequence[Statement], standing: Standing) -> frozenset[str]:
    """Facts whose words Mem0 may be taking in at this moment: a copy now would be a second one."""
    return frozenset(
        statement.id
        for statement in statements
        if not statement.is_memory and not standing.on_their_way.isdisjoint(statement.turn_ids)
    )


def fingerprint_of(picture: Picture) -> bytes:
    """Tells whether anything in a picture is different. Decisions of the judge are left out: they
    follow from the statements."""
    parts = [
        sorted(
            (one.id, one.hash.hex(), str(one.said_at), one.holds, one.about_person)
            for one in picture.statements
        ),
        sorted((one.id, one.reason, str(one.heard_at), one.purged) for one in picture.hidden),
        sorted((pair.mem0_id, str(pair.edge_uuid)) for pair in picture.links),
        sorted(
            (one.left_id, one.right_id, one.relation)
            for one in picture.decisions
            if one.decided_by == "person"
        ),
        sorted(picture.kept_out),
        sorted(picture.forgotten),
        picture.has_more,
    ]
    return hashlib.sha256(repr(parts).encode()).digest()
