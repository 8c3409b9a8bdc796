"""The memory function's handler behind its events, with both stores on the wire."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from memory_api.reading import StoreReader
from memory_api.routes import create_router
from memory_api.service import MemoryService
from tandem.db.memory import Looked, Settled, Traced
from tandem.errors import Provider
from tandem.ids import AccountId, ZepUuid
from tandem.principal import Principal
from tandem.recall.gather import Gather
from tandem.recall.items import Draft
from tandem.recall.merge import Link
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.memory.stores_on_wire import GRAPH, StoresOnWire, edge, memory

Answer = tuple[int, dict[str, Any]]


@dataclass
class FakeLedger:
    looked: Looked = field(default_factory=lambda: Looked(ZepUuid(GRAPH), [], None))
    refusal: Exception | None = None

    async def look(
        self,
        principal: Principal,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        asks: Sequence[Provider] = ("zep", "mem0"),
    ) -> Looked:
        if self.refusal is not None:
            raise self.refusal
        assert (user_id, session_id) in {(None, None), ("ada", "sess789")}
        assert principal.account_id
        assert asks
        return self.looked

    async def settle(
        self, account_id: AccountId, drafts: Iterable[Draft], links: Sequence[Link]
    ) -> Settled:
        assert account_id
        assert list(drafts) or links
        return Settled()

    async def trace(
        self, account_id: AccountId, *, facts: Sequence[Draft], memories: Sequence[Draft]
    ) -> Traced:
        assert account_id
        assert facts or memories
        return Traced()


class Api:
    """The handler, and requests to it."""

    def __init__(self, http_event: MakeEvent) -> None:
        self.stores = StoresOnWire()
        self.ledger = FakeLedger()
        self._event = http_event
        zep, mem0 = self.stores.zep(), self.stores.mem0()
        reader = StoreReader(
            zep, mem0, Gather(zep, mem0, stage="test"), stage="test", timeout_seconds=0.4
        )
        app = create_app(routers=[create_router(MemoryService(self.ledger, reader))])
        self._handler = create_handler(app)

    def view(self, **query: str) -> Answer:
        event = self._event("memory_view")
        event["rawQueryString"] = urlencode(query)
        return self._send(event)

    def search(self, body: Any) -> Answer:
        return self._send(self._event("memory_search", body=body))

    def _send(self, event: dict[str, Any]) -> Answer:
        answer = self._handler(event, None)
        return answer["statusCode"], json.loads(answer["body"])


def story(stores: StoresOnWire) -> None:
    """Delhi, then Mumbai."""
    stores.edges = [
        edge("Lives in Mumbai", valid_at="2026-10-20T09:00:00Z"),
        edge(
            "Lives in Delhi",
            valid_at="2020-01-01T00:00:00Z",
            invalid_at="2026-10-20T09:00:00Z",
            expired_at="2026-11-20T09:05:30Z",
        ),
        edge("Likes chess"),
    ]
    stores.nodes = [{"uuid": str(uuid4()), "name": "Mumbai", "summary": "A city."}]
    stores.memories = [memory("Lives in Delhi"), memory("Likes chess.")]
