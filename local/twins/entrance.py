"""What every call passes before and after its handler: records, delays and faults."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.twins.faults import Faults, Rule
from local.twins.records import Record, Recorder, add_whole, clock
from local.twins.striking import Failed, Visit, strike

CONTROL = "/_twin/"


class Entrance:
    """The twin's app behind what strikes and records every call that is not for `/_twin/`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        recorder: Recorder,
        faults: Faults,
        failed: Failed,
        route: Callable[[str, str], str | None],
    ) -> None:
        """`route`: the pattern that (method, path) fits."""
        self._app, self._failed, self._route = app, failed, route
        self._recorder, self._faults = recorder, faults
        self.latency_ms = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Routes are matched on the path as sent: an encoded slash is part of an id.
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?")[0]
        scope = {**scope, "path": path}
        if path.startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        record = self._recorder.begin(
            method=scope["method"],
            path=path,
            route=self._route(scope["method"], path),
            headers=Headers(scope=scope),
        )
        began = clock()
        visit = Visit(scope, receive, _noting(send, record, began))
        try:
            await self._admit(visit, record)
        finally:
            if record["milliseconds"] is None:
                record["milliseconds"] = round(clock() - began, 3)

    async def _admit(self, visit: Visit, record: Record) -> None:
        drawn = self._faults.drawn(visit.scope["method"], visit.scope["path"])
        early = [rule for rule in drawn if rule.when == "before"]
        late = [rule for rule in drawn if rule.when == "after"]
        whole, wait = self._recorder.whole, self.latency_ms
        if (whole or wait or early) and not await visit.read():
            return
        if whole:
            query = visit.scope.get("query_string", b"").decode("latin-1")
            add_whole(record, headers=Headers(scope=visit.scope), query=query, body=visit.body)
        if not await visit.hold(wait + _latency(early, record)):
            return
        if await self._strikes(early, visit, record):
            return
        if late:
            await self._answer_late(late, visit, record)
        else:
            await self._app(visit.scope, visit.receive, visit.send)

    async def _answer_late(self, late: list[Rule], visit: Visit, record: Record) -> None:
        """Has the handler do its work, and then strikes."""
        await visit.catch(self._app)
        # Without an answer nothing was done: the client left before it had asked.
        if not visit.answer or not await visit.hold(_latency(late, record)):
            return
        if not await self._strikes(late, visit, record):
            await visit.deliver()

    async def _strikes(self, rules: list[Rule], visit: Visit, record: Record) -> bool:
        for rule in rules:
            if rule.kind != "latency" and rule.strike():
                record["fault"] = rule.kind
                await strike(rule, visit, self._failed)
                return True
        return False


def _latency(rules: list[Rule], record: Record) -> float:
    """The milliseconds that those of kind latency add."""
    total = 0.0
    for rule in rules:
        if rule.kind == "latency" and rule.strike():
            record["fault"] = rule.kind
            total += rule.milliseconds()
    return total


def _noting(send: Send, record: Record, began: float) -> Send:
    """Notes before it sends, so that who has the answer finds it recorded."""

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            record["status"] = message["status"]
        elif not message.get("more_body"):
            record["milliseconds"] = round(clock() - began, 3)
        await send(message)

    return noting
