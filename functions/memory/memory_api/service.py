"""The rules of the memory view and of search."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from memory_api.paging import Ahead, Place, cut
from memory_api.reading import Found, Linked, Reading, Scope, Wanted
from memory_api.viewed import Shown, ViewedEntity, ViewedItem, entities, viewed
from tandem.cursors import read_cursor, write_cursor
from tandem.db.memory import Looked, Settled, Traced
from tandem.errors import Provider
from tandem.ids import AccountId, TurnId
from tandem.principal import Principal
from tandem.recall.context import SHARES, context_items
from tandem.recall.fusion import fuse
from tandem.recall.gather import Person
from tandem.recall.items import Draft, RecalledItem, ResolvedSource, resolve_all
from tandem.recall.merge import Link, edge_uuid_of, links, merge, still_linked
from tandem.recall.rank import order
from tandem.recall.routing import choose_route
from tandem.recall.source_sentences import evidence_with_sources
from tandem.recall.stores import entity_draft, fact_draft, memory_draft, pending_item
from tandem.recall.time_questions import understand
from tandem.recall.validity import held_at, is_superseded

_ASKS: Final[dict[Scope, Sequence[Provider]]] = {
    "mem0": ("mem0",),
    "zep": ("zep",),
    "hybrid": ("zep", "mem0"),
}


class Ledger(Protocol):
    """What the service needs of the database: two round trips a request."""

    async def look(
        self,
        principal: Principal,
        *,
        user_id: str | None = ...,
        session_id: str | None = ...,
        asks: Sequence[Provider] = ...,
    ) -> Looked: ...
    async def settle(
        self, account_id: AccountId, drafts: Iterable[Draft], links: Sequence[Link]
    ) -> Settled: ...
    async def trace(
        self, account_id: AccountId, *, facts: Sequence[Draft], memories: Sequence[Draft]
    ) -> Traced: ...


class Reader(Protocol):
    """What the service needs of the stores."""

    async def view(self, wanted: Wanted) -> Reading: ...
    async def linked(self, wanted: Wanted, reading: Reading, links: Sequence[Link]) -> Linked: ...
    async def search(self, person: Person, query: str, *, scope: Scope, limit: int) -> Found: ...


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """What is wanted of the view. `as_of` is aware; `cursor` decides over `limit`."""

    user_id: str | None = None
    session_id: str | None = None
    as_of: datetime | None = None
    include_superseded: bool = False
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for, and where."""

    query: str
    user_id: str | None = None
    scope: Scope = "mem0"
    limit: int = 10


@dataclass(frozen=True, slots=True)
class View:
    """One page of the merged view. `context` is None unless a session was named."""

    entities: tuple[ViewedEntity, ...]
    facts: tuple[ViewedItem, ...]
    pending: tuple[RecalledItem, ...]
    degraded: tuple[str, ...]
    next_cursor: str | None
    context: str | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, best first, and which store did not answer."""

    items: tuple[RecalledItem, ...]
    degraded: tuple[str, ...]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class MemoryService:
    """Shows and searches what is remembered.

    Args:
        now: aware; what has ended by then is superseded.
    """

    ledger: Ledger
    reader: Reader
    now: Callable[[], datetime] = _utc_now

    async def view(self, principal: Principal, query: ViewQuery) -> View:
        """One page of what is remembered about the caller.

        Raises:
            InvalidInput: `invalid_cursor`.
            Unauthenticated, Forbidden, NotFound, Unavailable: as `MemoryLedger.look`.
        """
        scope = f"memory:{principal.account_id}"
        place = Place(size=query.limit)
        if query.cursor is not None:
            place = read_cursor(Place, query.cursor, scope=scope)
        looked = await self.ledger.look(
            principal, user_id=query.user_id, session_id=query.session_id
        )
        wants_context = query.session_id is not None and place.is_first
        wanted = _wanted(principal, looked, place, context=wants_context)
        reading = await self.reader.view(wanted)
        now = self.now()
        facts = [fact_draft(edge) for edge in reading.edges]
        memories = [memory_draft(memory) for memory in reading.memories]
        about = [entity_draft(node) for node in reading.nodes]
        given: Sequence[Draft] = ()
        if wants_context:
            given = _holding(facts, memories, now) if reading.context is None else reading.context
        settled = await self._settled(
            principal.account_id, [*memories, *facts, *about, *given], links(facts, memories)
        )
        more = await self.reader.linked(wanted, reading, settled.links)
        others = [fact_draft(edge) for edge in more.edges]
        memories += [memory_draft(memory) for memory in more.memories]
        pairs = still_linked(settled.links, [*facts, *others], memories)
        # One that reads otherwise by now is shown where its own turn comes.
        linked = {pair.edge_uuid for pair in pairs}
        facts += [fact for fact in others if edge_uuid_of(fact) in linked]
        merged = merge(facts, memories, pairs=pairs, as_of=query.as_of)
        found = settled.sources
        visible = [
            draft
            for draft, item in zip(merged, resolve_all(merged, found), strict=True)
            # Only the ledger knows whether what we have marked as ended was said again since.
            if _is_visible(draft.item if draft.marked_end is None else item, query, now)
        ]
        page = cut(place, visible, ahead=Ahead(reading.more_memories, reading.next_edges))
        shown = map(Shown, page.drafts, resolve_all(page.drafts, found))
        related = [
            edge for edge in reading.relations if _is_visible(fact_draft(edge).item, query, now)
        ]
        return View(
            entities=entities(resolve_all(about, found), reading.nodes, related),
            facts=viewed(shown, settled.conflicts, at=query.as_of or now),
            pending=tuple(_pending(looked, until=query.as_of)),
            degraded=tuple(sorted(reading.degraded)),
            next_cursor=write_cursor(page.next, scope=scope) if page.next else None,
            context=_context(looked, given, found, now) if wants_context else None,
        )

    async def search(self, principal: Principal, search: Search) -> SearchResult:
        """What the caller's stores and pending statements have on a question, best first.

        What holds comes before what is superseded, unless the question is about a time: then what
        was true at that time comes first. Memories alone have no such dates.

        Raises:
            Unauthenticated, Forbidden, Unavailable: as `MemoryLedger.look`.
        """
        asks = _ASKS[search.scope]
        looked = await self.ledger.look(principal, user_id=search.user_id, asks=asks)
        person = Person(principal.account_id, looked.zep_graph_uuid, looked.hidden)
        found = await self.reader.search(
            person, search.query, scope=search.scope, limit=search.limit
        )
        facts = [fact_draft(edge) for edge in found.edges]
        memories = [memory_draft(memory) for memory in found.memories]
        traced = Traced()
        if facts or memories:
            traced = await self.ledger.trace(principal.account_id, facts=facts, memories=memories)
        if search.scope == "hybrid":
            drafts = fuse(facts, memories, query=search.query, pairs=traced.pairs)
        else:
            drafts = merge(facts, memories)
        linked = _linked(traced)
        items = resolve_all([_as_linked(draft, linked) for draft in drafts], traced.sources)
        now = self.now()
        ordered = order(
            [*items, *_pending(looked)],
            query=search.query,
            now=now,
            asked=None if search.scope == "mem0" else understand(search.query, now=now),
        )
        return SearchResult(tuple(ordered[: search.limit]), tuple(sorted(found.degraded)))

    async def _settled(
        self, account_id: AccountId, drafts: Sequence[Draft], links: Sequence[Link]
    ) -> Settled:
        if not drafts and not links:
            return Settled()
        return await self.ledger.settle(account_id, drafts, links)


def _wanted(principal: Principal, looked: Looked, place: Place, *, context: bool) -> Wanted:
    last = looked.last_message if context else None
    return Wanted(
        person=Person(principal.account_id, looked.zep_graph_uuid, looked.hidden),
        place=place,
        message=last.text if last is not None else None,
    )


def _holding(facts: Sequence[Draft], memories: Sequence[Draft], now: datetime) -> list[Draft]:
    """What there is to tell in a session in which nothing was said yet."""
    merged = merge(facts, memories)
    return [draft for draft in merged if not is_superseded(draft.item, now)][
        : SHARES["recall"].items
    ]


def _is_visible(item: RecalledItem, query: ViewQuery, now: datetime) -> bool:
    if query.as_of is None:
        return query.include_superseded or not is_superseded(item, now)
    if query.include_superseded and is_superseded(item, query.as_of):
        return True
    return held_at(item, query.as_of)


def _pending(
    looked: Looked, *, until: datetime | None = None, apart_from: TurnId | None = None
) -> list[RecalledItem]:
    return [
        pending_item(said.turn_id, said.message_id, said.session_id, said.message, said.said_at)
        for said in reversed(looked.pending)
        if said.turn_id != apart_from and (until is None or said.said_at <= until)
    ]


def _context(
    looked: Looked, given: Sequence[Draft], found: Sequence[ResolvedSource], now: datetime
) -> str:
    last = looked.last_message
    pending = _pending(looked, apart_from=last.turn_id if last is not None else None)
    query = last.text if last is not None else ""
    route = choose_route(last.text) if last is not None else "recall"
    known = map(_with_item, given, resolve_all(given, found))
    drafts = {draft.item.id: draft for draft in [*known, *map(Draft, pending)]}
    items = [draft.item for draft in drafts.values() if draft.item.store != "pending"]
    chosen = context_items(items, pending, route=route, query=query, now=now)
    return evidence_with_sources(
        [drafts[item.id] for item in chosen], looked.said, tokens=SHARES[route].tokens
    )


def _with_item(draft: Draft, item: RecalledItem) -> Draft:
    return replace(draft, item=item)


def _linked(traced: Traced) -> frozenset[str]:
    """What is known to be in both stores: Mem0's ids, and ids of items that are facts."""
    memories = (pair.mem0_id for pair in traced.pairs)
    return frozenset([*memories, *(f"fact_{edge}" for edge in traced.elsewhere)])


def _as_linked(draft: Draft, linked: frozenset[str]) -> Draft:
    if linked.isdisjoint((draft.item.id, *draft.provider_ids)):
        return draft
    return replace(draft, item=draft.item.model_copy(update={"store": "both"}))
