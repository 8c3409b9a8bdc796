"""The gateway in this process, with functions that are plain Python."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from local.gateway.app import Gateway, Limits
from local.resources import Authorizer, Cors, HttpApi, Route
from local.runtime.outcome import Outcome

NOW = datetime(2026, 11, 20, 9, 5, 7, 250_000, tzinfo=UTC)
AUTHORIZER = Authorizer("gate", "Gate", ("$request.header.Authorization",), 60)
ROUTES = (
    Route("GET", "/open", "Open", None),
    Route("POST", "/open", "Open", None),
    Route("GET", "/closed", "Closed", "gate"),
    Route("POST", "/closed", "Closed", "gate"),
    Route("GET", "/other", "Closed", "gate"),
)


def api(
    routes: tuple[Route, ...] = ROUTES,
    *,
    authorizer: Authorizer = AUTHORIZER,
    cors: Cors | None = None,
    stage: str = "$default",
) -> HttpApi:
    return HttpApi(stage, routes, {authorizer.name: authorizer}, cors)


def returns(value: Any) -> Outcome:
    return Outcome(json.dumps(value).encode())


class Functions:
    """An invoker: answers by function id, and remembers the events."""

    def __init__(self, **answers: Outcome | Callable[[dict[str, Any]], Outcome]) -> None:
        self._answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.delay_seconds = 0.0
        self.finished = 0
        self.has_finished = asyncio.Event()

    async def invoke(self, function_id: str, payload: bytes) -> Outcome:
        event = json.loads(payload)
        self.calls.append((function_id, event))
        await asyncio.sleep(self.delay_seconds)
        self.finished += 1
        self.has_finished.set()
        answer = self._answers.get(function_id, returns({"statusCode": 200, "body": "ok"}))
        return answer(event) if callable(answer) else answer

    def events(self, function_id: str) -> list[dict[str, Any]]:
        return [event for called, event in self.calls if called == function_id]


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Browser:
    """Sends requests to a gateway; one event loop each, as no rule spans two requests' loops."""

    def __init__(
        self,
        functions: Functions,
        http_api: HttpApi | None = None,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.gateway = Gateway(
            http_api or api(),
            functions,
            clock=clock or Clock(),
            now=lambda: NOW,
            limits=limits or Limits(),
        )

    def send(self, method: str, target: str, **options: Any) -> httpx.Response:
        return asyncio.run(self.asend(method, target, **options))

    async def asend(self, method: str, target: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.gateway, client=("192.0.2.7", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            return await client.request(method, target, **options)
