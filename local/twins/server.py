"""What the three twins share: routing, the guard, errors, and the app that `serving` serves."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from local.twins.calls import Answer, Call, Handler, Json, Refusal, response, sent_object
from local.twins.control import Control, elsewhere
from local.twins.entrance import Entrance
from local.twins.faults import Faults
from local.twins.records import Recorder
from local.twins.serving import arguments, serve
from local.twins.striking import Failed

__all__ = [
    "Answer",
    "Call",
    "Handler",
    "Json",
    "Refusal",
    "Twin",
    "arguments",
    "create_app",
    "serve",
]

_LOG = logging.getLogger("local.twins")


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
    failed: Failed | None = None
    """The envelope of a status that a fault asks for; `broken`'s when there is none."""


def create_app(twin: Twin, *, latency_ms: float = 0) -> ASGIApp:
    """The twin as an ASGI app with `/_twin/{health,requests,faults,latency,reset}`."""
    recorder, faults = Recorder(), Faults()
    control = Control(recorder=recorder, faults=faults, reset=twin.reset, latency_ms=latency_ms)
    unknown = _endpoint(twin, twin.unknown)
    own = [Route(p, _endpoint(twin, h, guarded=False), methods=[m]) for m, p, h in twin.control]
    known = [*control.routes(), *own]
    served = [Route(p, _endpoint(twin, h), methods=[m]) for m, p, h in twin.routes]
    app = Starlette(
        routes=[*known, *elsewhere(known), *served],
        lifespan=_lifespan(twin),
        exception_handlers={404: _as_error(unknown), 405: _as_error(unknown)},
    )
    app.router.redirect_slashes = False
    control.entrance = Entrance(
        app,
        recorder=recorder,
        faults=faults,
        failed=twin.failed or (lambda status, _: replace(twin.broken(), status=status)),
        route=_patterns(twin),
    )
    control.entrance.latency_ms = latency_ms
    return control.entrance


def _patterns(twin: Twin) -> Callable[[str, str], str | None]:
    """Finds the route that a call fits, as the router does: the first one."""
    known = [(method, path, compile_path(path)[0]) for method, path, _ in twin.routes]

    def pattern(method: str, path: str) -> str | None:
        wanted = "GET" if method == "HEAD" else method
        fitting = (f"{m} {p}" for m, p, regex in known if m == wanted and regex.match(path))
        return next(fitting, None)

    return pattern


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
        except ClientDisconnect:
            return _Unsent()
        except Exception:
            _report()
            result = twin.broken()
        if result.delay:
            await asyncio.sleep(result.delay)
        return response(result)

    return answer


async def _answered(twin: Twin, handler: Handler, request: Request, *, guarded: bool) -> Answer:
    call = Call(
        method=request.method,
        path=request.scope["path"],
        headers=request.headers,
        query=request.query_params,
        params={name: unquote(value) for name, value in request.path_params.items()},
        url=str(request.url),
    )
    if guarded:
        twin.guard(call)
    body = await sent_object(request)
    if body is None:
        return twin.bad_body()
    call = replace(call, body=body)
    # From here to the answer nothing is awaited: no call sees another one's half, and a client
    # that goes away can't stop it. What changed is committed before the answer is sent.
    return twin.around(call, handler) if guarded else handler(call)


class _Unsent(Response):
    """In the place of an answer that nobody waits for: the request did not come whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends nothing."""


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
