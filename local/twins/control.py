"""`/_twin/*`: what a developer or a test asks of a twin. Needs no key and suffers no faults."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.twins.entrance import Entrance
from local.twins.fault_fields import BadRule, is_number
from local.twins.faults import Faults
from local.twins.records import Recorder

Endpoint = Callable[[Request], Awaitable[Response]]
_OK = {"status": "ok"}
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Control:
    """The endpoints over the parts that they control."""

    def __init__(
        self, *, recorder: Recorder, faults: Faults, reset: Callable[[], None], latency_ms: float
    ) -> None:
        self._recorder, self._faults = recorder, faults
        self._reset, self._latency_ms = reset, latency_ms
        self.entrance: Entrance | None = None
        """Set once the app is whole."""

    def routes(self) -> list[Route]:
        """All of them."""
        served: list[tuple[str, str, Endpoint]] = [
            ("GET", "health", self._health),
            ("GET", "requests", self._requests),
            ("POST", "requests", self._record),
            ("DELETE", "requests", self._forget),
            ("GET", "faults", self._rules),
            ("POST", "faults", self._add_rules),
            ("DELETE", "faults", self._remove_rules),
            ("POST", "latency", self._delay),
            ("POST", "reset", self._start_over),
        ]
        return [
            Route(f"/_twin/{name}", _told(point), methods=[method])
            for method, name, point in served
        ]

    async def _health(self, _: Request) -> Response:
        return JSONResponse(_OK)

    async def _requests(self, _: Request) -> Response:
        return JSONResponse(self._recorder.shown())

    async def _record(self, request: Request) -> Response:
        given = await _sent(request)
        if not isinstance(given, dict) or set(given) != {"whole"}:
            return _bad('The body must be {"whole": true} or {"whole": false}.')
        if not isinstance(given["whole"], bool):
            return _bad("whole must be true or false.")
        self._recorder.whole = given["whole"]
        return JSONResponse({"whole": self._recorder.whole})

    async def _forget(self, _: Request) -> Response:
        self._recorder.clear()
        return JSONResponse(_OK)

    async def _rules(self, _: Request) -> Response:
        return JSONResponse(self._faults.shown())

    async def _add_rules(self, request: Request) -> Response:
        self._faults.add(await _sent(request))
        return JSONResponse(self._faults.shown())

    async def _remove_rules(self, _: Request) -> Response:
        self._faults.clear()
        return JSONResponse(self._faults.shown())

    async def _delay(self, request: Request) -> Response:
        given = await _sent(request)
        value: Any = given.get("milliseconds") if isinstance(given, dict) else None
        if not is_number(value):
            return _bad("milliseconds must be a number of at least 0.")
        self._set_latency(float(value))
        return JSONResponse({"milliseconds": float(value)})

    async def _start_over(self, _: Request) -> Response:
        self._reset()
        self._recorder.clear()
        self._recorder.whole = False
        self._faults.clear()
        self._set_latency(self._latency_ms)
        return JSONResponse(_OK)

    def _set_latency(self, milliseconds: float) -> None:
        if self.entrance:
            self.entrance.latency_ms = milliseconds


def elsewhere(served: Iterable[Route]) -> list[Route]:
    """For control paths that are not among those served: says what there is."""
    known: dict[str, list[str]] = {}
    for route in served:
        known.setdefault(route.path, []).extend(sorted((route.methods or set()) - {"HEAD"}))
    listed = ", ".join(f"{' '.join(methods)} {path}" for path, methods in known.items())

    async def tell(request: Request) -> Response:
        methods = known.get(request.url.path)
        if methods:
            sentence = f"{request.url.path} takes {' and '.join(methods)} alone."
            return JSONResponse({"error": sentence}, 405, {"allow": ", ".join(methods)})
        return JSONResponse({"error": f"No such endpoint; there are {listed}."}, 404)

    return [Route("/_twin/{rest:path}", tell, methods=_METHODS)]


def _told(endpoint: Endpoint) -> Endpoint:
    """The endpoint, which tells in a sentence what is wrong with what it was sent."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except BadRule as wrong:
            return _bad(str(wrong))

    return answer


async def _sent(request: Request) -> Any:
    body = await request.body()
    if not body.strip():
        raise BadRule("The body is empty; it must be JSON.")
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRule(f"The body is no JSON: {where}: {error.msg}.") from None
    except (ValueError, RecursionError):
        raise BadRule("The body is no JSON.") from None


def _bad(sentence: str) -> Response:
    return JSONResponse({"error": sentence}, 400)
