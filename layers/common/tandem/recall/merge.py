"""One list from two stores: a memory and the facts that say the same become one item.

"The same" is equality after normalising, and what is linked in PostgreSQL; whether statements in
different words agree is for consolidation to judge, which links them.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.items import Draft
from tandem.recall.normalise import normalise, statement_hash

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Link(NamedTuple):
    """A memory and the fact that it is shown with. The hashes tell whether either has changed;
    without one of its own the fact has the memory's."""

    mem0_id: Mem0Id
    edge_uuid: ZepUuid
    statement_hash: bytes
    fact_hash: bytes | None = None


class Pair(NamedTuple):
    """A memory and a fact that are linked and still say what they said then."""

    mem0_id: Mem0Id
    edge_uuid: ZepUuid


class Group(NamedTuple):
    """All that says one thing, each store's in its order."""

    facts: list[Draft]
    memories: list[Draft]


def merge(
    facts: Sequence[Draft],
    memories: Sequence[Draft],
    *,
    pairs: Collection[Pair] = (),
    as_of: datetime | None = None,
) -> list[Draft]:
    """Memories and facts as one list, each statement once.

    A merged draft has the memory's id and words, the fact's validity and the sources of both.
    Of several facts in the same words (Delhi, Mumbai, Delhi again) the one that holds stands for
    all, else the newest. A memory whose fact has ended has ended too, unless the person said it
    after that end was known: then it holds again, from then on.

    Args:
        facts: from `stores.fact_draft`, in the store's order.
        memories: from `stores.memory_draft`, in the store's order.
        pairs: which also say the same, whatever their words.
        as_of: choose among facts in the same words for this moment instead of for today (aware).

    Returns:
        Memories in their order, then the facts that no memory equals, in theirs. Statements
        without any text are left out.
    """
    return [
        spokesman(group, as_of=as_of) for group in group_statements(facts, memories, pairs=pairs)
    ]


def group_statements(
    facts: Sequence[Draft], memories: Sequence[Draft], *, pairs: Collection[Pair] = ()
) -> list[Group]:
    """What says the same, together: groups with memories in their order, then those without.

    Statements without any text are left out.
    """
    by_fact, by_memory = _by_statement(facts), _by_statement(memories)
    same = _linked_statements(by_fact, by_memory, pairs)
    groups: dict[str, Group] = {}
    for said, memories_of in by_memory.items():
        groups.setdefault(same.get(said, said), Group([], [])).memories.extend(memories_of)
    for said, facts_of in by_fact.items():
        groups.setdefault(same.get(said, said), Group([], [])).facts.extend(facts_of)
    return list(groups.values())


def spokesman(group: Group, *, as_of: datetime | None = None) -> Draft:
    """The one item of a group; see `merge`."""
    fact = _spokesman(group.facts, as_of) if group.facts else None
    if fact is not None and not group.memories:
        return fact
    return _joined(group.memories, fact, as_of)


def links(facts: Sequence[Draft], memories: Sequence[Draft]) -> list[Link]:
    """Which memory is shown with which fact: at most one link a memory, to be remembered."""
    chosen = {said: _spokesman(group, None) for said, group in _by_statement(facts).items()}
    return [
        Link(mem0_id_of(memory), edge_uuid_of(chosen[said]), statement_hash(memory.item.text))
        for said, group in _by_statement(memories).items()
        if said in chosen
        for memory in group
    ]


def still_linked(
    known: Iterable[Link], facts: Iterable[Draft], memories: Iterable[Draft]
) -> frozenset[Pair]:
    """Those links of these facts and memories whose both ends read as they did then."""
    of_fact = {edge_uuid_of(fact): statement_hash(fact.item.text) for fact in facts}
    of_memory = {mem0_id_of(memory): statement_hash(memory.item.text) for memory in memories}
    return frozenset(
        Pair(link.mem0_id, link.edge_uuid)
        for link in known
        if of_memory.get(link.mem0_id) == link.statement_hash
        and of_fact.get(link.edge_uuid) == (link.fact_hash or link.statement_hash)
    )


def mem0_id_of(memory: Draft) -> Mem0Id:
    """Mem0's own id of a memory."""
    return Mem0Id(memory.item.id.removeprefix("mem_"))


def edge_uuid_of(fact: Draft) -> ZepUuid:
    """Zep's own id of a fact."""
    return ZepUuid(UUID(fact.item.id.removeprefix("fact_")))


def _by_statement(drafts: Iterable[Draft]) -> dict[str, list[Draft]]:
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        said = normalise(draft.item.text)
        if said:
            groups.setdefault(said, []).append(draft)
    return groups


def _linked_statements(
    by_fact: dict[str, list[Draft]], by_memory: dict[str, list[Draft]], pairs: Collection[Pair]
) -> dict[str, str]:
    """For each statement that is linked to others, the one that stands for all of them."""
    if not pairs:
        return {}
    of_fact = {edge_uuid_of(fact): said for said, facts in by_fact.items() for fact in facts}
    of_memory = {mem0_id_of(one): said for said, those in by_memory.items() for one in those}
    same: dict[str, str] = {}
    for pair in pairs:
        memory, fact = of_memory.get(pair.mem0_id), of_fact.get(pair.edge_uuid)
        if memory is None or fact is None:
            continue
        stays, goes = same.setdefault(memory, memory), same.setdefault(fact, fact)
        same.update({said: stays for said, to in same.items() if to == goes})
    return same


def _spokesman(facts: Sequence[Draft], as_of: datetime | None) -> Draft:
    def rank(fact: Draft) -> tuple[bool, datetime, datetime]:
        start, end = fact.item.valid_from or _BEGINNING, fact.item.valid_to or _NEVER
        held = as_of is not None and start <= as_of < end
        return held, end, start

    best = max(facts, key=rank)
    others = [fact for fact in facts if fact is not best]
    return Draft(
        item=best.item,
        provider_ids=_united(best.provider_ids, *(fact.provider_ids for fact in others)),
        superseded_at=best.superseded_at,
        also=tuple(fact.item.id for fact in others),
        marked_end=best.marked_end,
    )


def _joined(memories: Sequence[Draft], fact: Draft | None, as_of: datetime | None) -> Draft:
    first = memories[0]
    said_at = max((m.item.last_confirmed_at or _BEGINNING for m in memories), default=_BEGINNING)
    update: dict[str, object] = {
        "last_confirmed_at": None if said_at == _BEGINNING else said_at,
        "score": max((m.item.score for m in memories if m.item.score is not None), default=None),
    }
    provider_ids = _united(*(memory.provider_ids for memory in memories))
    turn_ids = _united(*(memory.turn_ids for memory in memories))
    also = tuple(memory.item.id for memory in memories[1:])
    if fact is None:
        item = first.item.model_copy(update=update)
        return Draft(item, provider_ids, turn_ids, also=also)
    start, end = _validity(fact, said_at, as_of)
    update |= {"store": "both", "valid_from": start, "valid_to": end}
    return Draft(
        item=first.item.model_copy(update=update),
        provider_ids=_united(provider_ids, fact.provider_ids),
        turn_ids=turn_ids,
        superseded_at=fact.superseded_at if end is not None else None,
        also=(*also, fact.item.id, *fact.also),
        marked_end=fact.marked_end if end is not None else None,
    )


def _validity(
    fact: Draft, said_at: datetime, as_of: datetime | None
) -> tuple[datetime | None, datetime | None]:
    end = fact.item.valid_to
    # Known later than `end` when a change is told late: "I moved last month", said today, must not
    # leave what was said yesterday standing.
    known = max(end, fact.superseded_at or end) if end is not None else None
    said_again = known is not None and said_at > known and (as_of is None or said_at <= as_of)
    return (said_at, None) if said_again else (fact.item.valid_from, end)


def _united[T](*parts: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))
