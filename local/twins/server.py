"""What the three twins share: routing, control endpoints, recording, latency and the process."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import socket
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.twins.records import Recorder

Json = dict[str, Any]
HOST = "127.0.0.1"
_LOG = logging.getLogger("local.twins")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read whole."""

    method: str
    path: str
    """As sent, percent-encoded, without the query."""
    headers: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    """Path parameters, decoded."""
    body: Json = field(default_factory=dict)
    """The JSON object that was sent; {} when there was none, and always with GET."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer, plain text when `text` is given, server-sent events when `events` are."""

    body: Any = None
    status: int = 200
    text: str | None = None
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds to wait before it is sent."""
    events: Sequence[Json] | None = None
    """Streamed, each in a chunk of its own."""


class Refusal(Exception):
    """A request that is not served; carries the whole answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Handler = Callable[[Call], Answer]


@dataclass(kw_only=True)
class Twin:
    """A provider's service: its routes and its ways of saying no."""

    name: str
    routes: list[tuple[str, str, Handler]]
    """(method, Starlette path, handler)."""
    guard: Callable[[Call], None]
    """Raises `Refusal` when the key is missing."""
    bad_body: Callable[[], Answer]
    unknown: Callable[[Call], Answer]
    broken: Callable[[], Answer]
    reset: Callable[[], None]
    around: Callable[[Call, Handler], Answer] = lambda call, handler: handler(call)
    """Calls the handler, inside a transaction where there is one."""
    work: Callable[[], Awaitable[None]] | None = None
    close: Callable[[], None] = lambda: None
    control: list[tuple[str, str, Handler]] = field(default_factory=list)
    """Endpoints of its own below /_twin, which need no key."""


def create_app(twin: Twin, *, latency_ms: float = 0) -> ASGIApp:
    """The twin as an ASGI app with `/_twin/{health,requests,latency,reset}`."""
    recorder, pace = Recorder(), {"ms": latency_ms}

    async def latency(request: Request) -> Response:
        pace["ms"] = float((await request.json())["milliseconds"])
        return JSONResponse({"milliseconds": pace["ms"]})

    async def reset(_: Request) -> Response:
        twin.reset()
        recorder.clear()
        pace["ms"] = latency_ms
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/_twin/health", _fixed({"status": "ok"})),
        Route("/_twin/requests", _requests(recorder)),
        Route("/_twin/latency", latency, methods=["POST"]),
        Route("/_twin/reset", reset, methods=["POST"]),
        *(Route(p, _endpoint(twin, h, guarded=False), methods=[m]) for m, p, h in twin.control),
        *(Route(path, _endpoint(twin, handler), methods=[m]) for m, path, handler in twin.routes),
    ]
    unknown = _endpoint(twin, twin.unknown)
    app = Starlette(
        routes=routes,
        lifespan=_lifespan(twin),
        exception_handlers={404: _as_error(unknown), 405: _as_error(unknown)},
    )
    app.router.redirect_slashes = False
    return _Recorded(app, recorder, pace)


def _fixed(body: Json) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return JSONResponse(body)

    return answer


def _requests(recorder: Recorder) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return JSONResponse({"requests": recorder.newest()})

    return answer


def _as_error(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _: Exception) -> Response:
        return await endpoint(request)

    return answer


def _endpoint(
    twin: Twin, handler: Handler, *, guarded: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            result = await _answered(twin, handler, request, guarded=guarded)
        except Refusal as refusal:
            result = refusal.answer
        except Exception:
            _report()
            result = twin.broken()
        if result.delay:
            await asyncio.sleep(result.delay)
        return _response(result)

    return answer


async def _answered(twin: Twin, handler: Handler, request: Request, *, guarded: bool) -> Answer:
    head = Call(
        method=request.method,
        path=request.scope["path"],
        headers=request.headers,
        query=request.query_params,
        params={name: unquote(value) for name, value in request.path_params.items()},
        url=str(request.url),
    )
    if guarded:
        twin.guard(head)
    body = await _body(request)
    if body is None:
        return twin.bad_body()
    call = Call(
        method=head.method,
        path=head.path,
        headers=head.headers,
        query=head.query,
        params=head.params,
        body=body,
        url=head.url,
    )
    return twin.around(call, handler) if guarded else handler(call)


async def _body(request: Request) -> Json | None:
    """The JSON object that was sent, {} when there is none; None when it is no such thing."""
    raw = await request.body()
    if not raw or request.method == "GET":
        return {}
    body = _object(raw)
    # A body of DELETE means nothing in HTTP, so junk is no mistake; some services read one.
    return {} if body is None and request.method == "DELETE" else body


def _object(raw: bytes) -> Json | None:
    try:
        body = json.loads(raw)
        if _SURROGATE.search(raw):
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


async def _chunks(events: Sequence[Json]) -> AsyncIterator[bytes]:
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        yield f"data: {text}\r\n\r\n".encode()
        await asyncio.sleep(0)  # so that each leaves on its own


def _response(answer: Answer) -> Response:
    headers = dict(answer.headers)
    if answer.events is not None:
        headers = {"content-type": "text/event-stream", **headers}
        return StreamingResponse(_chunks(answer.events), answer.status, headers)
    if answer.text is not None:
        return Response(answer.text, answer.status, headers, media_type=answer.media_type)
    return JSONResponse(answer.body, answer.status, headers)


def _report() -> None:
    """Logs where it broke. The message is left out: it may hold what a person said."""
    kind, _, frames = sys.exc_info()
    where = "".join(traceback.format_tb(frames))
    _LOG.error("%s\n%s", kind.__name__ if kind else "error", where)


def _lifespan(twin: Twin) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        work = asyncio.ensure_future(twin.work()) if twin.work else None
        try:
            yield
        finally:
            if work:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
            twin.close()

    return lifespan


class _Recorded:
    """Delays and records every call that is not for the twin itself."""

    def __init__(self, app: ASGIApp, recorder: Recorder, pace: dict[str, float]) -> None:
        self._app, self._recorder, self._pace = app, recorder, pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Routes are matched on the path as sent: an encoded slash is part of an id.
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?")[0]
        scope = {**scope, "path": path}
        if path.startswith("/_twin/"):
            await self._app(scope, receive, send)
            return
        if self._pace["ms"] > 0:
            await asyncio.sleep(self._pace["ms"] / 1000)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._recorder.add(method=scope["method"], path=path, status=message["status"])
            await send(message)

        await self._app(scope, receive, noting)


def arguments(name: str, *, stored: bool) -> argparse.ArgumentParser:
    """The options every twin has; `stored` adds --data and --ingestion-ms."""
    parser = argparse.ArgumentParser(prog=f"python -m local.twins.{name}")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=float, default=0, help="added to every answer")
    if stored:
        parser.add_argument("--data", type=Path, required=True, help="folder of its database")
        parser.add_argument("--ingestion-ms", type=float, default=150)
    return parser


def serve(app: ASGIApp, *, name: str, port: int) -> None:
    """Serves on loopback until SIGTERM or SIGINT. A taken port ends the process with 1."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s %(levelname)s %(message)s")
    # asyncio turns Nagle's delay off only for sockets that say they are TCP; with it, an answer on
    # a connection in use waits 40 ms for the client's acknowledgement of its head.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        print(f"{name} twin: port {port} on {HOST} is taken.", file=sys.stderr)
        raise SystemExit(1) from None
    # Whoever reads the address may call at once: the call waits here until the app is up.
    listener.listen(128)
    print(f"{name} twin on http://{HOST}:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        http="h11",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
