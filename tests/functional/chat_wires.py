"""What chat talks to, replaced at the transport: Gemini from a script, Zep and Mem0 from lists."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from chat_api.answering import Answering, AnswerLimits
from chat_api.toolbox import Toolbox
from chat_api.turn import Prompt
from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.clients.connections import build_http_client, build_ssl_context
from tandem.clients.gemini import build_genai_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.deadline import Deadline
from tandem.errors import Provider
from tandem.ids import AccountId, ZepUuid
from tandem.recall.gather import Gather, Person

Json = dict[str, Any]
Step = Json | httpx.Response | Exception | Callable[[Json], Any]


def says(text: str | None, finish: str | None = "STOP", **more: Any) -> Json:
    """A reply of Gemini's."""
    parts = [] if text is None else [{"text": text}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish} | more
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": 11,
            "candidatesTokenCount": 7,
            "totalTokenCount": 18,
        },
        "modelVersion": "gemini-test",
    }


def calls(*tools: tuple[str, Json]) -> Json:
    """A reply that asks for tools."""
    reply = says(None)
    reply["candidates"][0]["content"]["parts"] = [
        {"functionCall": {"name": name, "args": arguments}} for name, arguments in tools
    ]
    return reply


def fails(status: int, body: bytes | Json, **headers: str) -> httpx.Response:
    """An error, with words that must not get out."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(
        status, content=content, headers={"content-type": "application/json", **headers}
    )


class Gemini(httpx.AsyncBaseTransport):
    """Answers call after call from a script, the last step for ever, and keeps what it was sent."""

    def __init__(self, *script: Step) -> None:
        self._script = list(script)
        self.sent: list[Json] = []
        self.requests: list[httpx.Request] = []
        self.called = asyncio.Event()
        self.cancelled = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.called.set()
        self.requests.append(request)
        self.sent.append(json.loads(await request.aread()))
        step = self._script[min(len(self.sent), len(self._script)) - 1]
        if callable(step):
            step = step(self.sent[-1])
        try:
            answer = await step if isinstance(step, Awaitable) else step
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict):
            return httpx.Response(200, json=answer)
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)


async def never(_: Json | None = None) -> Json:
    """A step that hangs."""
    await asyncio.Event().wait()
    raise AssertionError


def answering(
    gemini: httpx.AsyncBaseTransport, *, model_calls: int = 4, bounds: Bounds | None = None
) -> Answering:
    """The real thing before a scripted model."""
    client = build_genai_client(
        api_key="test-key",
        base_url="http://gemini.test",
        timeout_seconds=5,
        async_client=build_http_client(transport=gemini),
        ssl_context=build_ssl_context(),
    )
    return Answering(
        "gemini-test",
        client=lambda: client,
        limits=AnswerLimits(model_calls, max_output_tokens=512),
        bounds=bounds,
    )


def prompt(message: str = "Where do I live?", **changes: Any) -> Prompt:
    """A prompt for the agent that recalls."""
    values: Json = {
        "agent": "recall",
        "message": message,
        "earlier": [],
        "context": "",
        "person": str(uuid4()),
        "session": str(uuid4()),
    }
    return Prompt(**(values | changes))


class Stores:
    """Zep and Mem0: what each knows, what each was asked, and whether it works.

    Attributes:
        facts, memories: as the wire has them.
        status: of the answers of a store (`zep`, `mem0`).
        hanging: stores that never answer.
        asked: (store, path, body) of each call.
    """

    def __init__(self) -> None:
        self.facts: list[Json] = []
        self.memories: list[Json] = []
        self.status = {"zep": 200, "mem0": 200}
        self.hanging: set[str] = set()
        self.asked: list[tuple[str, str, Json]] = []
        self.timeouts: list[float] = []
        self.breakers: dict[Provider, Breaker] = {}

    def watch(self, clock: Callable[[], float]) -> None:
        """From here on their clients ask breakers that look at this clock."""
        self.breakers = {
            name: Breaker(name, clock=clock, jitter=lambda: 0.0) for name in ("zep", "mem0")
        }

    def gather(self) -> Gather:
        """The real thing before these stores."""
        return Gather(
            ZepClient(self._http("zep"), api_key=lambda: "test-key"),
            Mem0Client(self._http("mem0"), api_key=lambda: "test-key"),
            stage="test",
            breakers=list(self.breakers.values()),
        )

    def toolbox(self, **changes: Any) -> Toolbox:
        values: Json = {
            "gather": self.gather(),
            "person": Person(AccountId(uuid4()), ZepUuid(uuid4())),
            "deadline": Deadline(29.0),
            "seconds": 2.5,
            "degraded": set(),
        }
        return Toolbox(**(values | changes))

    def _one(self, name: str) -> httpx.Response:
        """A fact or a memory by its id."""
        for known in [*self.memories, *self.facts]:
            if name in (known.get("id"), known.get("uuid")):
                return httpx.Response(200, json=known)
        return httpx.Response(404, json={})

    def _http(self, store: Any) -> ProviderHttp:
        async def answer(request: httpx.Request) -> httpx.Response:
            if request.method == "GET" and self.status[store] == 200:
                return self._one(request.url.path.strip("/").rpartition("/")[2])
            body = json.loads(request.content or b"{}")
            self.asked.append((store, request.url.path, body))
            if store in self.hanging:
                await never()
            if self.status[store] != 200:
                return httpx.Response(self.status[store], json={"message": "the store's words"})
            if store == "mem0":
                return httpx.Response(200, json={"results": self.memories})
            if request.url.path.endswith("/context"):
                results = {"edges": self.facts, "nodes": []}
                return httpx.Response(200, json={"context": "", "results": results})
            return httpx.Response(200, json={"items": self.facts})

        async def at_once(_: float) -> None:
            await asyncio.sleep(0)

        client = build_http_client(
            base_url=f"http://{store}.test", transport=httpx.MockTransport(answer)
        )
        return ProviderHttp(store, client, breaker=self.breakers.get(store), sleep=at_once)


def fact(text: str, *, since: str | None = None, until: str | None = None, **more: Any) -> Json:
    """An edge of Zep's graph."""
    return {"uuid": str(uuid4()), "fact": text, "valid_at": since, "invalid_at": until} | more


def memory(text: str, *, said_at: datetime | None = None, turn: UUID | None = None) -> Json:
    """A memory of Mem0's."""
    return {
        "id": str(uuid4()),
        "memory": text,
        "created_at": said_at.isoformat() if said_at else None,
        "metadata": {"turn_id": str(turn)} if turn else {},
        "score": 0.5,
    }
