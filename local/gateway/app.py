"""The HTTP API as an ASGI application."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.gateway import cors
from local.gateway.authorization import Authorizations, Invoker, Refused
from local.gateway.events import build_event, new_request_id
from local.gateway.request import Request
from local.gateway.responses import Response, from_outcome, gateway_error
from local.gateway.routing import Match, choose, within_stage
from local.resources import HttpApi
from local.runtime.outcome import Outcome

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True)
class Limits:
    """Documented ("Quotas for HTTP APIs"): none of them can be raised."""

    head_bytes: int = 10_240
    payload_bytes: int = 10_000_000
    integration_seconds: float = 30.0


class Gateway:
    """Answers HTTP as API Gateway does for the API of the template.

    Args:
        api: routes, authorizers and CORS.
        invoker: runs functions.
        clock: monotonic seconds, for the authorizer's cache.
        now: the time that events carry, aware UTC.
        limits: sizes and the integration timeout.
    """

    def __init__(
        self,
        api: HttpApi,
        invoker: Invoker,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        limits: Limits = Limits(),
    ) -> None:
        self._api = api
        self._invoker = invoker
        self._now = now
        self._limits = limits
        self._running: set[asyncio.Task[Outcome]] = set()
        self.authorizations = Authorizations(invoker, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry; only `http` scopes get here."""
        request_id = new_request_id()
        request = await self._read(scope, receive)
        response = await self._respond(request, request_id)
        if self._api.cors is not None and not cors.is_preflight(request):
            response = cors.decorate(self._api.cors, request, response)
        # Observed by others: the id that the event carries is in this header.
        await _send(send, response.with_headers(("apigw-requestid", request_id)))

    async def _read(self, scope: Scope, receive: Receive) -> Request:
        client, server = scope.get("client") or ("127.0.0.1", 0), scope.get("server") or ("", 80)
        return Request(
            method=scope["method"],
            raw_path=scope["raw_path"].split(b"?")[0].decode("ascii"),
            raw_query=scope["query_string"].decode("latin-1"),
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]),
            body=await self._read_body(receive),
            protocol=f"HTTP/{scope['http_version']}",
            scheme=scope["scheme"],
            source_ip=client[0],
            port=server[1] or 80,
        )

    async def _read_body(self, receive: Receive) -> bytes:
        """The body, or a little more than the limit of it."""
        body = bytearray()
        while len(body) <= self._limits.payload_bytes:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(body)

    async def _respond(self, request: Request, request_id: str) -> Response:
        if request.head_bytes > self._limits.head_bytes:
            return gateway_error(431)
        if len(request.body) > self._limits.payload_bytes:
            return gateway_error(413)
        if self._api.cors is not None and cors.is_preflight(request):
            return cors.preflight(self._api.cors, request)
        path = within_stage(request.raw_path, self._api.stage)
        match = None if path is None else choose(self._api.routes, request.method, path)
        # Documented: neither an unknown path nor a wrong method is anything but a 404.
        return gateway_error(404) if match is None else await self._run(request, match, request_id)

    async def _run(self, request: Request, match: Match, request_id: str) -> Response:
        event = build_event(
            request, match, stage=self._api.stage, request_id=request_id, now=self._now()
        )
        if match.route.authorizer is not None:
            authorizer = self._api.authorizers[match.route.authorizer]
            verdict = await self.authorizations.check(authorizer, request, event)
            if isinstance(verdict, Refused):
                return gateway_error(verdict.status)
            # Documented: values keep their JSON types. Observed by others: null without a context.
            event["requestContext"]["authorizer"] = {"lambda": verdict.context}
        return await self._integrate(match.route.function_id, event)

    async def _integrate(self, function_id: str, event: dict[str, Any]) -> Response:
        payload = json.dumps(event, separators=(",", ":")).encode()
        running = asyncio.create_task(self._invoker.invoke(function_id, payload))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        # Documented: after 30 s the client gets a 503 while the function goes on.
        done, _ = await asyncio.wait({running}, timeout=self._limits.integration_seconds)
        return from_outcome(running.result()) if done else gateway_error(503)


async def _send(send: Send, response: Response) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers]
    if response.status not in _WITHOUT_BODY:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if response.status in _WITHOUT_BODY else response.body
    await send({"type": "http.response.body", "body": body})
