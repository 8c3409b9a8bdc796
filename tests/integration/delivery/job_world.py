"""A person, a session, both stores and the jobs, to see the words arrive."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from tandem.db.connection import OneRoundTrip
from tandem.db.turns import Turn, Turns
from tandem.ids import SessionRowId
from tests.integration.delivery.stores_and_queue import (
    MEM0_KEY,
    WITHIN_SECONDS,
    ZEP_KEY,
    Queue,
    Twin,
)
from tests.integration.turn_ledger import Someone, database_at, new_turn


class World:
    """A person with a session, the jobs and both stores."""

    def __init__(
        self, database: str, connection: OneRoundTrip, zep: Twin, mem0: Twin, queue: Queue
    ) -> None:
        self.database_url, self.zep, self.mem0, self.queue = database, zep, mem0, queue
        self.person = Someone.sign_up(connection)
        self.container = database_at(database)
        self.turns = Turns(self.container)
        self.environment = {
            "STAGE": "test",
            "DATABASE_URL": database,
            "ZEP_BASE_URL": zep.url,
            "ZEP_API_KEY": "test-key",
            "MEM0_API_URL": mem0.url,
            "MEM0_API_KEY": "test-key",
            "DELIVERY_QUEUE_URL": f"{queue.url}/123456789012/DeliveryQueue",
            "CONSOLIDATION_QUEUE_URL": f"{queue.url}/123456789012/ConsolidationQueue",
            "AWS_ENDPOINT_URL_SQS": queue.url,
            "AWS_ACCESS_KEY_ID": "test-key",
            "AWS_SECRET_ACCESS_KEY": "test-key",
        }

    @property
    def row(self) -> SessionRowId:
        rows = self.person.rows("sessions", "id, zep_thread_uuid", "created_at desc")
        return SessionRowId(UUID(str(rows[0][0])))

    def open(self, message: str, key: str | None = None) -> Turn:
        new = new_turn(message, key=key, session="talk")
        return asyncio.run(self.person.open(self.turns, new))

    def answer(self, turn: Turn, reply: str) -> None:
        assert asyncio.run(self.person.commit(self.turns, turn, reply)) is not None

    def say(self, message: str, reply: str) -> Turn:
        turn = self.open(message)
        self.answer(turn, reply)
        return turn

    def event(self) -> dict[str, Any]:
        body = json.dumps({"session": str(self.row)})
        return {"Records": [{"messageId": "m1", "body": body}]}

    def deliver(self, handler: Callable[[Any, Any], Any]) -> None:
        """Runs the handler, again for as long as it asks for that, rests left out."""
        event: dict[str, Any] = self.event()
        deadline = time.monotonic() + WITHIN_SECONDS
        while event["Records"]:
            assert time.monotonic() < deadline
            self.queue.bodies.clear()
            assert handler(event, None) == {"batchItemFailures": []}
            self.wait_no_longer()
            event["Records"] = [
                {"messageId": str(number), "body": body}
                for number, body in enumerate(self.queue.bodies)
                if "session" in json.loads(body)
            ]

    def wait_no_longer(self) -> None:
        self.person.run(
            "update delivery_leases set not_before = '-infinity', wake_at = null,"
            " unclear_since = unclear_since - interval '1 hour'"
        )

    def states(self) -> set[str]:
        return {row[3] for row in self.person.owed()}

    def thread(self) -> list[tuple[str, str]]:
        """Role and content of what is in Zep's thread, in its order, all pages."""
        [[thread]] = self.person.rows("sessions", "zep_thread_uuid", "created_at")
        url, found = f"{self.zep.url}/api/v4/threads/{thread}/messages", []
        cursor = None
        while True:
            query = {"page_size": 7, **({"cursor": cursor} if cursor else {})}
            answer = httpx.get(url, params=query, headers=ZEP_KEY)
            if answer.status_code == 404:
                return []
            page = answer.json()
            found += [(item["role"], item["content"]) for item in page["items"]]
            cursor = page.get("next_cursor")
            if not cursor:
                return found

    def facts(self) -> list[str]:
        [[graph]] = self.person.run("select zep_graph_uuid from accounts where id = :account")
        answer = httpx.post(
            f"{self.zep.url}/api/v4/graphs/{graph}/edges/list", json={}, headers=ZEP_KEY
        )
        return sorted({edge["fact"] for edge in answer.json()["items"]})

    def memories(self) -> list[str]:
        user = f"test:{self.person.principal.account_id}"
        answer = httpx.post(
            f"{self.mem0.url}/v3/memories/",
            json={"filters": {"user_id": user}},
            headers=MEM0_KEY,
        )
        return sorted(memory["memory"] for memory in answer.json()["results"])
