"""The view of somebody of whom each store knows 5,000 things: all once, in bounded calls a page."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from memory_api.reading import StoreReader
from memory_api.service import MemoryService, View, ViewQuery
from memory_api.viewed import ViewedItem
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp, UpstreamCall
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.memory import MemoryLedger
from tandem.errors import Provider
from tandem.recall.gather import Gather
from tandem.recall.normalise import statement_hash
from tandem.settings import DatabaseSettings
from tests.integration.conftest import CountingProxy
from tests.integration.memory.speakers import Speaker
from tests.integration.twin_process import TwinProcess, running
from tests.integration.twins.writers import until

pytestmark = pytest.mark.integration

EACH, LINKED = 5_000, 3_000
AT_ONCE = 100
PAGE = 100
MOST_CALLS: dict[Provider, int] = {"zep": 4, "mem0": 4}
"""For any page but the first, which has the entities and their relations too: two calls more."""


@dataclass
class Grown:
    """The memory function for one person, with both twins, and the calls that it makes."""

    service: MemoryService
    me: Speaker
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    calls: list[UpstreamCall] = field(default_factory=list)

    def view(self, runner: asyncio.Runner, cursor: str | None) -> View:
        query = ViewQuery(limit=PAGE, cursor=cursor)
        return runner.run(self.service.view(self.me.principal, query))


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[tuple[TwinProcess, TwinProcess]]:
    folders = [("--data", str(tmp_path / name), "--ingestion-ms", "0") for name in MOST_CALLS]
    with running("zep", *folders[0]) as zep, running("mem0", *folders[1]) as mem0:
        yield zep, mem0


def known_facts(zep: TwinProcess) -> tuple[UUID, dict[str, str]]:
    """A person's graph, and its facts by their words."""
    user = zep.post("/api/v4/users", {"user_id": "grown"})
    graph = user["graph_uuid"]
    person = zep.get(f"/api/v4/users/{user['uuid']}/node")["uuid"]
    tasks = []
    for first in range(0, EACH, AT_ONCE):
        edges = [
            {
                "fact": f"Likes thing{number}",
                "fact_name": "LIKES",
                "source_node": {"uuid": person},
                "target_node": {"name": f"thing{number}"},
            }
            for number in range(first, first + AT_ONCE)
        ]
        added = zep.post(f"/api/v4/graphs/{graph}/edges", {"edges": edges})
        tasks.append(added["task"]["uuid"])
    done = lambda task: zep.get(f"/api/v4/tasks/{task}")["status"] == "succeeded"  # noqa: E731
    until(lambda: all(map(done, tasks)), seconds=120, what="facts added")
    found: dict[str, str] = {}
    more: dict[str, str] = {}
    while len(found) < EACH:
        page = zep.post(f"/api/v4/graphs/{graph}/edges/list", {}, page_size=100, **more)
        found |= {edge["fact"]: edge["uuid"] for edge in page["items"]}
        more = {"cursor": page.get("next_cursor", "")}
    return UUID(graph), found


def known_memories(mem0: TwinProcess, user_id: str) -> dict[str, str]:
    """A person's memories by their words, none of which a fact has."""
    found: dict[str, str] = {}
    for first in range(0, EACH, AT_ONCE):
        texts = [f"Is fond of thing{number}" for number in range(first, first + AT_ONCE)]
        messages = [{"role": "user", "content": text} for text in texts]
        body = {"user_id": user_id, "messages": messages, "infer": False}
        added = mem0.post("/v3/memories/add/", body)
        found |= {result["data"]["memory"]: result["id"] for result in added["results"]}
    return found


def link(me: Speaker, memories: dict[str, str], facts: dict[str, str]) -> None:
    """Of every five things three are known to be the same, wherever they stand in the stores."""
    numbers = [number for number in range(EACH) if number % 5 < LINKED * 5 // EACH]
    pairs = [(f"Is fond of thing{number}", f"Likes thing{number}") for number in numbers]
    me.run(
        "insert into links (account_id, mem0_id, edge_uuid, statement_hash, fact_hash)"
        " select :account, l.* from unnest(cast(:memories as text[]), cast(:facts as uuid[]),"
        " cast(:hashes as bytea[]), cast(:fact_hashes as bytea[])) l",
        memories=[memories[one] for one, _ in pairs],
        facts=[facts[other] for _, other in pairs],
        hashes=[statement_hash(one) for one, _ in pairs],
        fact_hashes=[statement_hash(other) for _, other in pairs],
    )


@pytest.fixture
def grown(
    twins: tuple[TwinProcess, TwinProcess],
    connection: OneRoundTrip,
    counting_proxy: CountingProxy,
) -> Iterator[Grown]:
    zep, mem0 = twins
    graph, facts = known_facts(zep)
    me = Speaker.sign_up(connection, graph=graph)
    link(me, known_memories(mem0, f"test:{me.account_id}"), facts)
    calls: list[UpstreamCall] = []
    clients: list[httpx.AsyncClient] = []

    def http(provider: Provider, url: str) -> ProviderHttp:
        clients.append(build_http_client(base_url=url))
        return ProviderHttp(provider, clients[-1], on_call=calls.append)

    ours = ZepClient(http("zep", zep.url), api_key=lambda: "test-key")
    theirs = Mem0Client(http("mem0", mem0.url), api_key=lambda: "test-key")
    gather = Gather(ours, theirs, stage="test")
    reader = StoreReader(ours, theirs, gather, stage="test", timeout_seconds=30)
    settings = DatabaseSettings(database_statement_seconds=20)
    database = Database(lambda: counting_proxy.url, settings)
    yield Grown(MemoryService(MemoryLedger(database), reader), me, clients, calls)
    database.close()


def test_every_page_costs_a_bounded_number_of_calls_and_all_together_show_each_thing_once(
    grown: Grown, counting_proxy: CountingProxy
) -> None:
    shown: list[ViewedItem] = []
    costs: list[Counter[Provider]] = []
    cursor: str | None = None
    with asyncio.Runner() as runner:
        entities = grown.view(runner, None).entities  # connects, too
        for _ in range(2 * EACH // PAGE):
            grown.calls.clear()
            counting_proxy.reset()
            page = grown.view(runner, cursor)
            assert page.degraded == ()
            assert counting_proxy.round_trips == 2
            costs.append(Counter(call.provider for call in grown.calls))
            shown += page.facts
            cursor = page.next_cursor
            if cursor is None:
                break
        for client in grown.clients:
            runner.run(client.aclose())
    assert cursor is None
    assert {len(one.relations) for one in entities if one.text.startswith("thing")} == {1}
    told = Counter(item.text for item in shown)
    fond = {f"Is fond of thing{number}" for number in range(EACH)}
    assert set(told.values()) == {1}
    assert fond <= told.keys()
    assert len(told) == 2 * EACH - LINKED
    assert Counter(item.store for item in shown) == {
        "both": LINKED,
        "mem0": EACH - LINKED,
        "zep": EACH - LINKED,
    }
    assert {name: max(cost[name] for cost in costs[1:]) for name in MOST_CALLS} == MOST_CALLS
    assert costs[0] == {"zep": MOST_CALLS["zep"] + 2, "mem0": 1}
