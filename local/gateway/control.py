"""Control of the gateway's process, on a port of its own: jobs, process ids, the cache."""

import json
from typing import Any

from local.gateway.app import Gateway, Receive, Scope, Send
from local.runtime.pool import Runtime

TOKEN_HEADER = "x-control-token"  # noqa: S105 - the name of a header


class Control:
    """ASGI application that only the stack itself talks to.

    `POST /invoke/{function}` runs a function with the body as its event; `GET /pids` names the
    instances; `POST /authorizations/reset` empties the authorizer's cache.
    """

    def __init__(self, runtime: Runtime, gateway: Gateway | None, *, token: str) -> None:
        self._runtime = runtime
        self._gateway = gateway
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        headers = dict(scope["headers"])
        if headers.get(TOKEN_HEADER.encode(), b"").decode("latin-1") != self._token:
            status, answer = 403, None
        else:
            status, answer = await self._answer(scope["method"], scope["path"], receive)
        body = json.dumps(answer).encode()
        start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, method: str, path: str, receive: Receive) -> tuple[int, Any]:
        if method == "GET" and path == "/pids":
            return 200, self._runtime.pids
        if method == "POST" and path == "/authorizations/reset" and self._gateway is not None:
            self._gateway.authorizations.reset()
            return 200, None
        if method == "POST" and path.startswith("/invoke/"):
            return await self._invoke(path.removeprefix("/invoke/"), await _body(receive))
        return 404, None

    async def _invoke(self, function_id: str, payload: bytes) -> tuple[int, Any]:
        try:
            outcome = await self._runtime.invoke(function_id, payload)
        except KeyError:
            return 404, None
        return 200, {"failure": outcome.failure, "payload": outcome.value()}


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
