"""A person who talks, and who changes what is remembered of it."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from memory_api.changing.endpoints import wire_changing
from memory_api.reading import StoreReader
from memory_api.routes import create_router
from memory_api.service import MemoryService
from tandem.changes.forgetting import Forgotten, Wish
from tandem.changes.ready import Parts
from tandem.changes.wake import ConsolidationWake
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.db.connection import OneRoundTrip
from tandem.db.history import START, MessageIndex
from tandem.db.memory import MemoryLedger
from tandem.db.people import People
from tandem.deadline import Deadline
from tandem.delivery.wake import Wake
from tandem.ids import TurnId
from tandem.loop import container_loop
from tandem.recall.gather import Gather, Person
from tandem.secrets import Secrets
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.integration.delivery.job_world import World
from tests.integration.delivery.stores_and_queue import (
    MEM0_KEY,
    WITHIN_SECONDS,
    ZEP_KEY,
    Queue,
    Twin,
)

LATER = 4_102_444_800


class MemoryWorld(World):
    """A person with both stores, the delivery job and the memory function."""

    make_event: MakeEvent
    deliver_job: Callable[[Any, Any], Any]

    def __init__(
        self, database: str, connection: OneRoundTrip, zep: Twin, mem0: Twin, queue: Queue
    ) -> None:
        super().__init__(database, connection, zep, mem0, queue)
        zep_client = ZepClient(
            ProviderHttp("zep", build_http_client(base_url=zep.url)), api_key=lambda: "test-key"
        )
        mem0_client = Mem0Client(
            ProviderHttp("mem0", build_http_client(base_url=mem0.url)), api_key=lambda: "test-key"
        )
        self.secret = {"SECRET_KEY": "test-key-" * 8}
        secrets = Secrets(lambda: self.secret)
        self.parts = Parts(self.container, zep_client, mem0_client, secrets, "test")
        to_queue = httpx.AsyncClient(base_url=queue.url)
        changing = wire_changing(
            lambda: self.parts,
            Wake(f"{queue.url}/1/DeliveryQueue", to_queue),
            ConsolidationWake(f"{queue.url}/1/ConsolidationQueue", to_queue),
            turns_per_minute=1_000,
            retrieval_seconds=5.0,
        )
        gather = Gather(zep_client, mem0_client, stage="test")
        reader = StoreReader(zep_client, mem0_client, gather, stage="test", timeout_seconds=5.0)
        service = MemoryService(MemoryLedger(self.container), reader)
        self._handler = create_handler(create_app(routers=[create_router(service), changing]))

    def close(self) -> None:
        self.container.close()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body of one request to the memory function."""
        principal = self.person.principal
        claims = {"sub": str(principal.account_id), "sid": str(principal.login_id), "exp": LATER}
        event = self.make_event("memory_search", claims=claims, headers=headers)
        event |= {"rawPath": path, "routeKey": f"{method} {path}"}
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["body"] = None if body is None else json.dumps(body)
        answer = self._handler(event, None)
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    def tell(self, message: str) -> None:
        """A turn of chat, delivered to both stores."""
        self.say(message, "I see")
        self.deliver_all()

    def deliver_all(self) -> None:
        """Delivers every session of the person's, and what comes of it."""
        for (row,) in self.person.rows("sessions", "id", "created_at"):
            self.queue.bodies.append(json.dumps({"session": str(row)}))
        deadline = time.monotonic() + WITHIN_SECONDS
        while wakes := [body for body in self.queue.bodies if "session" in json.loads(body)]:
            assert time.monotonic() < deadline
            self.queue.bodies = [one for one in self.queue.bodies if one not in wakes]
            records = [
                {"messageId": str(number), "body": body} for number, body in enumerate(wakes)
            ]
            assert self.deliver_job({"Records": records}, None) == {"batchItemFailures": []}
            self.wait_no_longer()

    def mem0_delete(self, memory_id: str) -> None:
        """Deletes a memory behind our back."""
        url = f"{self.mem0.url}/v1/memories/{memory_id}/"
        httpx.delete(url, headers=MEM0_KEY).raise_for_status()

    def to_tidy(self) -> list[str]:
        """Whose memory the delivery job has asked to be tidied."""
        bodies = [json.loads(body) for body in self.queue.bodies]
        return [body["account"] for body in bodies if "account" in body]

    def run[T](self, work: Any) -> Any:
        """What this comes to, on the loop on which the function's clients live."""
        return container_loop().run_until_complete(work)

    def clean(self) -> Forgotten:
        """What the consolidate job does first."""
        forgotten: Forgotten = self.run(self._clean())
        return forgotten

    async def _clean(self) -> Forgotten:
        return await self.parts.cleaning().clean(await self._person(), Deadline(20.0))

    def forget(self, items: Sequence[str], *, turn: TurnId, about: Sequence[TurnId]) -> Forgotten:
        """What a turn of chat has confirmed."""
        wish = Wish(items, turn_id=turn, about=about)
        forgotten: Forgotten = self.run(self._forget(wish))
        return forgotten

    async def _forget(self, wish: Wish) -> Forgotten:
        return await self.parts.forgetting().forget(await self._person(), wish, Deadline(20.0))

    async def _person(self) -> Person:
        account = self.person.principal.account_id
        subject = await People(self.container).find(account)
        assert subject is not None
        return Person(account, subject.zep_graph_uuid)

    def items(self) -> list[tuple[str, str]]:
        """Id and text of everything in the merged view."""
        status, body = self.call("GET", "/api/memory")
        assert status == 200, body
        parts = [*body["facts"], *body["pending"], *body["entities"]]
        return [(item["id"], item["text"]) for item in parts]

    def item(self, text: str) -> str:
        """The id of the item that says this."""
        return next(name for name, said in self.items() if said == text)

    def mentions(self, word: str) -> list[str]:
        """Where the stores or the view still have this word; Zep's tasks may take a moment."""
        found = [said for _, said in self.items()]
        found += [*self.facts(), *self.memories(), *self.episodes(), *self.nodes()]
        return [text for text in found if word in text.lower()]

    def episodes(self) -> list[str]:
        return [one["content"] for one in self._graph("episodes")]

    def nodes(self) -> list[str]:
        return [one["name"] for one in self._graph("nodes")]

    def until_gone(self, word: str) -> None:
        """Waits until no store has the word any more."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while left := self.mentions(word):
            assert time.monotonic() < deadline, left

    def until_facts(self, expected: list[str]) -> None:
        """Waits until Zep has these facts and no other; its tasks may take a moment."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while (known := self.facts()) != expected:
            assert time.monotonic() < deadline, known

    def history(self, session: str = "talk") -> list[str | None]:
        """What the ledger shows of a session."""
        page = asyncio.run(
            MessageIndex(self.container).page(
                self.person.principal, user_id=None, session_id=session, after=START, limit=50
            )
        )
        return [message.content for message in page.messages if message.role == "user"]

    def journal(self) -> str:
        """Every row about the person's memory, as text."""
        tables = (
            "links sources decisions conflicts hidden_memories changes tombstones proposals runs"
        )
        return json.dumps(
            {
                table: self.person.run(
                    f"select to_jsonb(x) from {table} x where account_id = :account"  # noqa: S608
                )
                for table in tables.split()
            },
            default=str,
        )

    def _graph(self, kind: str) -> list[dict[str, Any]]:
        [[graph]] = self.person.run("select zep_graph_uuid from accounts where id = :account")
        url = f"{self.zep.url}/api/v4/graphs/{graph}/{kind}/list"
        answer: list[dict[str, Any]] = httpx.post(url, json={}, headers=ZEP_KEY).json()["items"]
        return answer
