"""A person whose memory is tidied through the routes, over real stores, judge and database."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from memory_api.consolidation.endpoints import wire_consolidation
from memory_api.consolidation.wiring import build_consolidation
from memory_api.reading import StoreReader
from memory_api.routes import create_router
from memory_api.service import MemoryService
from tandem import settings as s
from tandem.changes.ready import Parts
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.connection import Database
from tandem.db.memory import MemoryLedger
from tandem.ids import Mem0Id
from tandem.recall.gather import Gather
from tandem.secrets import secrets_from_environment
from tandem.settings import DatabaseSettings
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.integration.changes.both_stores import STAGE, Stores
from tests.integration.delivery.stores_and_queue import Queue
from tests.integration.memory.speakers import Speaker
from tests.integration.twin_process import TwinProcess

START = datetime(2026, 3, 1, tzinfo=UTC)
WRITES = {"PUT", "PATCH", "DELETE"}
READ_PATHS = ("/v3/memories/", "/edges/list", "/node", "/_twin/requests")
"""How the addresses end from which a run reads, whatever the method."""


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@dataclass
class Twins:
    """Everything outside that a run talks to."""

    zep: TwinProcess
    mem0: TwinProcess
    gemini: TwinProcess
    queue: Queue

    def environment(self, database: str) -> dict[str, str]:
        return {
            "STAGE": STAGE,
            "DATABASE_URL": database,
            "SECRET_KEY": "k" * 48,
            "ZEP_BASE_URL": self.zep.url,
            "ZEP_API_KEY": "test-key",
            "MEM0_API_URL": self.mem0.url,
            "MEM0_API_KEY": "test-key",
            "GEMINI_BASE_URL": self.gemini.url,
            "GEMINI_API_KEY": "test-key",
            "CONSOLIDATION_QUEUE_URL": f"{self.queue.url}/123456789012/ConsolidationQueue",
            "AWS_ENDPOINT_URL_SQS": self.queue.url,
            "AWS_ACCESS_KEY_ID": "test-key",
            "AWS_SECRET_ACCESS_KEY": "test-key",
        }

    def requests(self) -> Counter[tuple[str, str]]:
        """How often the stores were asked what: method and path."""
        found = [twin.get("/_twin/requests")["requests"] for twin in (self.zep, self.mem0)]
        return Counter((one["method"], one["path"]) for asked in found for one in asked)


@dataclass
class Tidied:
    """The person, the stores and the routes."""

    stores: Stores
    twins: Twins
    http_event: MakeEvent
    session: UUID = field(init=False)

    def __post_init__(self) -> None:
        user = self.stores.zep.post("/api/v4/users/lookup", {"user_id": self.stores.name})
        self.person.run(
            "update accounts set zep_user_uuid = :u, zep_graph_uuid = :g where id = :account",
            u=UUID(user["uuid"]),
            g=UUID(self.stores.graph),
        )
        secrets = secrets_from_environment()
        settings = DatabaseSettings(database_statement_seconds=20)
        self.parts = Parts(
            Database(lambda: secrets.value("DATABASE_URL"), settings),
            zep_client(s.load(s.ZepSettings), secrets),
            mem0_client(s.load(s.Mem0Settings), secrets),
            secrets,
            STAGE,
        )
        zep, mem0 = self.parts.zep, self.parts.mem0
        gather = Gather(zep, mem0, stage=STAGE)
        reader = StoreReader(zep, mem0, gather, stage=STAGE, timeout_seconds=10)
        reading = create_router(MemoryService(MemoryLedger(self.parts.database), reader))
        self._handler = create_handler(
            create_app(routers=[reading, wire_consolidation(lambda: self.parts)])
        )
        self.consolidation = build_consolidation(self.parts)
        self.session = self.person.session("sess1")

    @property
    def person(self) -> Speaker:
        return self.stores.tidier.person

    @property
    def database_url(self) -> str:
        return self.parts.secrets.value("DATABASE_URL")

    def close(self) -> None:
        self.parts.database.close()

    # ------------------------------------------------------------------ what is remembered

    def remembers(self, text: str, *, said: int | None = None) -> Mem0Id:
        """A memory, last said on that day."""
        metadata = {} if said is None else {"said_at": day(said).isoformat()}
        return self.stores.remembered(text, metadata=metadata)

    def said(self, provider_id: str, seq: int, number: int) -> UUID:
        """A turn on that day, on which what the store calls so rests."""
        turn = self.person.turn(self.session, seq, "words", states=("ingested", "ingested"))
        self.person.run(
            "update turns set said_at = :at where id = :turn", at=day(number), turn=turn
        )
        self.person.run(
            "update deliveries set owed_at = :at, finished_at = :at where turn_id = :turn",
            at=day(number),
            turn=turn,
        )
        self.person.source(provider_id, turn)
        return turn

    def judged(self, *pairs: tuple[str, str, str]) -> None:
        """Two texts and their relation; all others are distinct."""
        labels = [{"a": a, "b": b, "relation": relation} for a, b, relation in pairs]
        self.twins.gemini.post(
            "/_twin/judge", {"mode": "labels", "pairs": labels, "otherwise": "distinct"}
        )

    def same_meaning(self, *texts: str) -> None:
        self.twins.gemini.post("/_twin/meanings", {"groups": [list(texts)]})

    # ------------------------------------------------------------------ the routes

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and document of the answer to the person's request."""
        event = self.http_event("memory_search", claims=self.claims(), body=body)
        if body is None:
            event.pop("body")
        event["rawPath"] = path
        event["rawQueryString"] = more.get("query", "")
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["routeKey"] = f"{method} {path}"
        answer = self._handler(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    def consolidate(self, **body: Any) -> Any:
        """What a run has come to."""
        status, document = self.call("POST", "/api/memory/consolidate", body)
        assert status == 200, document
        return document

    def undo(self, run_id: str) -> Any:
        status, document = self.call("POST", f"/api/memory/consolidations/{run_id}/undo", {})
        assert status == 200, document
        return document

    def conflicts(self) -> Sequence[Any]:
        status, document = self.call("GET", "/api/memory/conflicts")
        assert status == 200, document
        items: Sequence[Any] = document["items"]
        return items

    def resolve(self, conflict_id: str, keep: str) -> tuple[int, Any]:
        path = f"/api/memory/conflicts/{conflict_id}/resolve"
        return self.call("POST", path, {"keep": keep})

    def visible(self) -> set[str]:
        return set(self.stores.visible().values())

    def rows(self) -> dict[str, int]:
        """How many rows each table has that a run could write."""
        names = (
            "runs",
            "tidying",
            "changes",
            "decisions",
            "hidden_memories",
            "conflicts",
            "links",
            "sources",
        )
        return {name: self.person.run(f"select count(*) from {name}")[0][0] for name in names}  # noqa: S608

    def claims(self) -> dict[str, Any]:
        principal = self.person.principal
        return {
            "sub": str(principal.account_id),
            "sid": str(principal.login_id),
            "exp": 4_102_444_800,
        }
