"""A ledger and a reader of the stores that say what they are told to, and ways to ask them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from memory_api.reading import Found, Linked, Reading, Scope, Wanted
from memory_api.service import MemoryService, Search, SearchResult, View, ViewQuery
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.memory import Looked, OpenConflict, Settled, Traced
from tandem.db.pending import Pending
from tandem.errors import Provider
from tandem.ids import AccountId, LoginId, Mem0Id, MessageId, TurnId, ZepUuid
from tandem.principal import Principal
from tandem.recall.gather import Person
from tandem.recall.items import Draft, RecalledItem, ResolvedSource, Source
from tandem.recall.merge import Link, Pair

NAMES = UUID("6a4f3f2e-0000-4000-8000-000000000000")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GRAPH = ZepUuid(uuid5(NAMES, "graph"))
ME = Principal(AccountId(uuid5(NAMES, "me")), LoginId(uuid5(NAMES, "login")))


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


def edge(text: str, *, start: int | None = -9, end: int | None = None) -> ZepEdge:
    return ZepEdge(
        uuid=ZepUuid(uuid5(NAMES, f"{text} {start}")),
        fact=text,
        valid_at=None if start is None else day(start),
        invalid_at=None if end is None else day(end),
        expired_at=None if end is None else day(end),
        episode_uuids=(ZepUuid(uuid5(NAMES, f"episode of {text}")),),
    )


def memory(text: str, *, said: int = -9, score: float | None = None) -> Mem0Memory:
    return Mem0Memory(id=Mem0Id(f"id of {text}"), text=text, created_at=day(said), score=score)


def said(text: str, *, minutes_ago: int = 1) -> Pending:
    return Pending(
        turn_id=TurnId(uuid5(NAMES, text)),
        session_id="sess789",
        message_id=MessageId(uuid4()),
        message=text,
        said_at=NOW - timedelta(minutes=minutes_ago),
    )


@dataclass
class FakeLedger:
    looked: Looked = field(default_factory=lambda: Looked(GRAPH, [], None))
    pairs: frozenset[Pair] = frozenset()
    elsewhere: frozenset[ZepUuid] = frozenset()
    round_trips: list[str] = field(default_factory=list)
    asks: tuple[Provider, ...] = ()
    settled: list[Draft] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    known: list[Link] = field(default_factory=list)
    conflicts: list[OpenConflict] = field(default_factory=list)

    async def look(
        self,
        principal: Principal,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        asks: Sequence[Provider] = ("zep", "mem0"),
    ) -> Looked:
        assert principal == ME
        self.asks = tuple(asks)
        self.round_trips.append(f"look {user_id} {session_id}")
        return self.looked

    async def settle(
        self, account_id: AccountId, drafts: Iterable[Draft], links: Sequence[Link]
    ) -> Settled:
        assert account_id == ME.account_id
        self.round_trips.append("settle")
        self.settled, self.links = list(drafts), list(links)
        names = [name for draft in self.settled for name in draft.provider_ids]
        return Settled([_said_in_a_turn(name) for name in names], self.known, self.conflicts)

    async def trace(
        self, account_id: AccountId, *, facts: Sequence[Draft], memories: Sequence[Draft]
    ) -> Traced:
        assert account_id == ME.account_id
        self.round_trips.append("trace")
        names = [name for draft in [*facts, *memories] for name in draft.provider_ids]
        return Traced([_said_in_a_turn(name) for name in names], self.pairs, self.elsewhere)


def _said_in_a_turn(provider_id: str) -> ResolvedSource:
    turn = uuid5(NAMES, f"turn of {provider_id}")
    source = Source(session_id="sess789", message_id=turn, turn_id=turn)
    return ResolvedSource(provider_id, TurnId(turn), source, day(-8))


@dataclass
class FakeReader:
    reading: Reading = field(default_factory=Reading)
    found: Found = field(default_factory=Found)
    wanted: list[Wanted] = field(default_factory=list)
    more: Linked = field(default_factory=Linked)
    links: list[Link] = field(default_factory=list)

    async def linked(self, wanted: Wanted, reading: Reading, links: Sequence[Link]) -> Linked:
        assert (wanted, reading) == (self.wanted[-1], self.reading)
        self.links = list(links)
        return self.more

    async def view(self, wanted: Wanted) -> Reading:
        self.wanted.append(wanted)
        return self.reading

    async def search(self, person: Person, query: str, *, scope: Scope, limit: int) -> Found:
        assert person.account_id == ME.account_id
        assert person.zep_graph_uuid == GRAPH
        assert query
        assert limit
        assert scope == "mem0" or not self.found.memories or scope == "hybrid"
        return self.found


def view(
    reading: Reading | None = None,
    *,
    ledger: FakeLedger | None = None,
    more: Linked | None = None,
    **query: Any,
) -> View:
    reader = FakeReader(reading or Reading(), more=more or Linked())
    service = MemoryService(ledger or FakeLedger(), reader, lambda: NOW)
    return asyncio.run(service.view(ME, ViewQuery(**query)))


def search(
    query: str,
    found: Found,
    *,
    ledger: FakeLedger | None = None,
    limit: int = 10,
    scope: Scope = "mem0",
) -> SearchResult:
    service = MemoryService(ledger or FakeLedger(), FakeReader(found=found), lambda: NOW)
    return asyncio.run(service.search(ME, Search(query, scope=scope, limit=limit)))


def linked(mem0_id: str, fact: ZepEdge | None = None) -> Pair:
    return Pair(Mem0Id(mem0_id), ZepUuid(uuid4()) if fact is None else fact.uuid)


def texts(items: Sequence[RecalledItem]) -> list[str]:
    return [item.text for item in items]
