"""View and search whole: the routes, a real PostgreSQL, both stores behind their wires."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest

from memory_api.reading import StoreReader
from memory_api.routes import create_router
from memory_api.service import MemoryService, ViewQuery
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.memory import MemoryLedger
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.gather import Gather
from tandem.recall.merge import Link
from tandem.recall.normalise import statement_hash
from tandem.settings import DatabaseSettings
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.memory.stores_on_wire import GRAPH, StoresOnWire, edge, memory
from tests.integration.conftest import CountingProxy
from tests.integration.memory.speakers import Speaker

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


class Tandem:
    """The memory function for one person."""

    def __init__(self, url: str, person: Speaker, http_event: MakeEvent) -> None:
        self.stores = StoresOnWire()
        self.person = person
        self._event = http_event
        self._database = Database(lambda: url, DatabaseSettings(database_statement_seconds=20))
        zep, mem0 = self.stores.zep(), self.stores.mem0()
        gather = Gather(zep, mem0, stage="test")
        reader = StoreReader(zep, mem0, gather, stage="test", timeout_seconds=2.5)
        self.ledger = MemoryLedger(self._database)
        service = MemoryService(self.ledger, reader)
        self._handler = create_handler(create_app(routers=[create_router(service)]))

    def view(self, **query: str) -> Any:
        event = self._event("memory_view", claims=self._claims())
        event["rawQueryString"] = urlencode(query)
        return self._send(event)

    def search(self, **body: Any) -> Any:
        return self._send(self._event("memory_search", claims=self._claims(), body=body))

    def close(self) -> None:
        self._database.close()

    def _claims(self) -> dict[str, Any]:
        principal = self.person.principal
        return {
            "sub": str(principal.account_id),
            "sid": str(principal.login_id),
            "exp": 4_102_444_800,
        }

    def _send(self, event: dict[str, Any]) -> Any:
        answer = self._handler(event, None)
        assert answer["statusCode"] == 200, answer["body"]
        return json.loads(answer["body"])


@pytest.fixture
def tandem(
    counting_proxy: CountingProxy, connection: OneRoundTrip, http_event: MakeEvent
) -> Iterator[Tandem]:
    made = Tandem(counting_proxy.url, Speaker.sign_up(connection, graph=GRAPH), http_event)
    yield made
    made.close()


def test_delhi_becomes_mumbai_and_stays_in_the_view_with_its_end(tandem: Tandem) -> None:
    me, stores = tandem.person, tandem.stores
    session = me.session("sess789")

    said_delhi = me.turn(session, 1, "I live in Delhi and like chess.", ago=HOUR)
    body = tandem.view()
    assert body["facts"] == []
    assert [item["text"] for item in body["pending"]] == ["I live in Delhi and like chess."]
    assert body["pending"][0]["source"][0]["turn_id"] == str(said_delhi)

    delhi = edge("Lives in Delhi", valid_at="2026-09-20T09:00:00Z")
    me.ingested(said_delhi)
    me.source(delhi["episode_uuids"][0], said_delhi)
    stores.edges = [delhi]
    stores.memories = [memory("Lives in Delhi", metadata={"turn_id": str(said_delhi)})]
    stores.found = [stores.memories[0] | {"score": 0.8}]
    body = tandem.view()
    assert body["pending"] == []
    [fact] = body["facts"]
    assert (fact["text"], fact["store"], fact["valid_to"]) == ("Lives in Delhi", "both", None)
    assert [source["turn_id"] for source in fact["source"]] == [str(said_delhi)]
    assert fact["source"][0]["session_id"] == "sess789"
    [found] = tandem.search(query="Where do I live?")["items"]
    assert (found["text"], found["store"]) == ("Lives in Delhi", "both")

    said_mumbai = me.turn(session, 2, "I moved to Mumbai last month")
    body = tandem.search(query="Where do I live?")
    assert [item["store"] for item in body["items"]] == ["both", "pending"]

    me.ingested(said_mumbai)
    mumbai = edge("Lives in Mumbai", valid_at="2026-10-20T09:00:00Z")
    me.source(mumbai["episode_uuids"][0], said_mumbai)
    ended = {"invalid_at": "2026-10-20T09:00:00Z", "expired_at": "2026-11-20T09:06:00Z"}
    stores.edges = [mumbai, delhi | ended]
    assert [item["text"] for item in tandem.view()["facts"]] == ["Lives in Mumbai"]
    body = tandem.view(include_superseded="true", session_id="sess789")
    assert [(item["text"], item["valid_to"]) for item in body["facts"]] == [
        ("Lives in Delhi", "2026-10-20T09:00:00Z"),
        ("Lives in Mumbai", None),
    ]
    before = tandem.view(as_of="2026-10-01T00:00:00Z")
    assert [item["text"] for item in before["facts"]] == ["Lives in Delhi"]
    _searches_tell_now_from_then(tandem, said_delhi, said_mumbai)


def _searches_tell_now_from_then(tandem: Tandem, said_delhi: UUID, said_mumbai: UUID) -> None:
    for scope, store in (("hybrid", "both"), ("zep", "both")):
        body = tandem.search(query="Where do I live?", scope=scope)
        assert [(item["text"], item["store"]) for item in body["items"]] == [
            ("Lives in Mumbai", "zep"),
            ("Lives in Delhi", store),
        ]
        sources = [item["source"][0] for item in body["items"]]
        assert [one["turn_id"] for one in sources] == [str(said_mumbai), str(said_delhi)]
        assert {one["session_id"] for one in sources} == {"sess789"}
        body = tandem.search(query="Where did I live before Mumbai?", scope=scope)
        first = body["items"][0]
        assert (first["text"], first["valid_from"], first["valid_to"]) == (
            "Lives in Delhi",
            "2026-09-20T09:00:00Z",
            "2026-10-20T09:00:00Z",
        )


def test_a_hybrid_search_merges_what_is_linked_though_the_words_differ(tandem: Tandem) -> None:
    me, stores = tandem.person, tandem.stores
    turn = me.turn(me.session("sess789"), 1, "I drink tea all day", states=("ingested",) * 2)
    tea, fond = edge("Likes tea"), memory("Is fond of tea", metadata={"turn_id": str(turn)})
    stores.edges, stores.found = [edge("Likes chess"), tea], [fond]
    me.source(tea["episode_uuids"][0], turn)
    link = Link(Mem0Id(fond["id"]), ZepUuid(UUID(tea["uuid"])), statement_hash("Is fond of tea"))
    asyncio.run(tandem.ledger.settle(me.account_id, [], [link]))
    [first, *others] = tandem.search(query="tea", scope="hybrid")["items"]
    assert (first["text"], first["store"]) == ("Is fond of tea", "both")
    assert [source["turn_id"] for source in first["source"]] == [str(turn)]
    assert [item["text"] for item in others] == ["Likes chess"]
    stores.found = [fond | {"memory": "Is fond of coffee"}]
    found = tandem.search(query="tea", scope="hybrid")["items"]
    assert {item["store"] for item in found} == {"mem0", "zep"}


def test_the_view_merges_what_is_linked_though_the_words_differ_and_tells_conflicts_apart(
    tandem: Tandem,
) -> None:
    me, stores = tandem.person, tandem.stores
    session = me.session("sess789")
    first, second = (me.turn(session, n, "x", states=("ingested",) * 2) for n in (1, 2))
    fond, green = memory("Is fond of tea"), memory("Is vegetarian")
    ended = {"invalid_at": "2026-10-20T09:00:00Z", "expired_at": "2026-11-20T09:06:00Z"}
    steak, tea = edge("Loves steak"), edge("Likes tea", **ended)
    stores.memories, stores.edges = [fond, green], [steak, tea]
    me.source(fond["id"], first)
    me.source(tea["episode_uuids"][0], second)
    me.run(
        "insert into links (account_id, mem0_id, edge_uuid, statement_hash, fact_hash)"
        " values (:account, :mem0_id, :edge, :hash, :fact_hash)",
        mem0_id=fond["id"],
        edge=tea["uuid"],
        hash=statement_hash("Is fond of tea"),
        fact_hash=statement_hash("Likes tea"),
    )
    conflict = me.conflict(
        (f"fact_{steak['uuid']}", statement_hash("Loves steak")),
        (f"mem_{green['id']}", statement_hash("Is vegetarian")),
    )
    body = tandem.view(include_superseded="true")
    shown = [(item["text"], item["store"], item["superseded"]) for item in body["facts"]]
    assert shown == [
        ("Is fond of tea", "both", True),
        ("Is vegetarian", "mem0", False),
        ("Loves steak", "zep", False),
    ]
    assert [one["turn_id"] for one in body["facts"][0]["source"]] == [str(first), str(second)]
    ids = [f"fact_{steak['uuid']}", f"mem_{green['id']}"]
    assert [item["conflicts"] for item in body["facts"]] == [
        [],
        [{"conflict_id": str(conflict), "item_id": ids[0]}],
        [{"conflict_id": str(conflict), "item_id": ids[1]}],
    ]
    assert [item["text"] for item in tandem.view()["facts"]] == ["Is vegetarian", "Loves steak"]


def test_what_is_hidden_here_alone_is_in_no_view_search_or_context(tandem: Tandem) -> None:
    me, stores = tandem.person, tandem.stores
    me.turn(me.session("sess789"), 1, "What do I drink?", states=("ingested",) * 2)
    tea, brew = memory("Likes tea"), memory("Is fond of tea")
    stores.memories = [tea, brew]
    stores.found = [brew | {"score": 0.9}, tea | {"score": 0.8}]
    me.hide(brew["id"])
    body = tandem.view(session_id="sess789")
    assert [item["text"] for item in body["facts"]] == ["Likes tea"]
    assert "Is fond of tea" not in body["context"]
    for scope in ("mem0", "hybrid"):
        body = tandem.search(query="tea", scope=scope, limit=1)
        assert [item["text"] for item in body["items"]] == ["Likes tea"]


def test_view_and_search_take_two_round_trips_each(
    tandem: Tandem, counting_proxy: CountingProxy
) -> None:
    stores = tandem.stores
    stores.edges = stores.context = [edge(f"fact {n}") for n in range(150)]
    stores.memories = [memory(f"fact {n}") for n in range(50)]
    stores.found = [memory("fact 1", score=0.5)]
    tandem.person.turn(tandem.person.session("sess789"), 1, "hello")
    tandem.view()
    requests = [
        partial(tandem.view, session_id="sess789", include_superseded="true"),
        partial(tandem.view),
        partial(tandem.search, query="fact"),
        partial(tandem.search, query="fact", scope="zep"),
        partial(tandem.search, query="fact in 2023", scope="hybrid", limit=50),
    ]
    for request in requests:
        counting_proxy.reset()
        request()
        assert counting_proxy.round_trips == 2
        assert counting_proxy.connections == 0


def test_looking_again_and_again_keeps_the_links_as_they_were(tandem: Tandem) -> None:
    tandem.stores.edges = [edge("Lives in Delhi"), edge("Likes chess")]
    tandem.stores.memories = [memory("lives in delhi."), memory("Has a dog")]
    tandem.view()
    links = tandem.person.links()
    assert len(links) == 1
    for query in ({}, {"include_superseded": "true"}, {"as_of": "2026-01-01T00:00:00Z"}):
        tandem.view(**query)
        assert tandem.person.links() == links


def test_people_who_look_at_the_same_time_do_not_double_links(
    database: str, connection: OneRoundTrip
) -> None:
    """Four containers of one person: each has its own connection, as in Lambda."""
    me = Speaker.sign_up(connection, graph=GRAPH)

    def look(_: int) -> None:
        # Each thread is a container; the handler's own loop belongs to the whole process.
        ledger = Database(lambda: database, DatabaseSettings(database_statement_seconds=20))
        stores = StoresOnWire(
            edges=[edge(f"fact {n}") for n in range(90)],
            memories=[memory(f"fact {n}") for n in range(50)],
        )
        zep, mem0 = stores.zep(), stores.mem0()
        gather = Gather(zep, mem0, stage="test")
        reader = StoreReader(zep, mem0, gather, stage="test", timeout_seconds=10)
        service = MemoryService(MemoryLedger(ledger), reader)
        assert len(asyncio.run(service.view(me.principal, ViewQuery())).facts) == 50
        ledger.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(8)))
    assert len(me.links()) == 50
