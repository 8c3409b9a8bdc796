"""How each kind of fault is done to a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.twins.calls import Answer
from local.twins.faults import Rule

CONNECTION = "twin.connection"
_CHUNK = 2**16
_BODILESS = frozenset({204, 205, 304})
_WRONG = "wrong shape"
# Where the three services have objects or lists.
_SHAPED = (
    *("candidates", "usageMetadata", "embeddings", "models", "items", "results", "messages"),
    *("message", "threads", "users", "nodes", "edges", "episodes", "task", "tasks", "user"),
    *("thread", "graph", "metadata", "context", "error"),
)
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_PAGE = """<!DOCTYPE html>
<html><head><title>{status} {phrase}</title></head>
<body><center><h1>{status} {phrase}</h1></center><hr><center>twin</center></body></html>
"""


class Connection(Protocol):
    """The socket below a call."""

    endless: bool
    """Whether only the client ends the call, so that a stopping server need not wait for it."""

    def reset(self) -> None:
        """Breaks it off at once; the client sees a TCP reset."""

    def close(self) -> None:
        """Closes it after what was sent so far."""


@dataclass
class Visit:
    """One call on its way through the twin."""

    scope: Scope
    source: Receive
    """What the client sends."""
    send: Send
    body: bytes = b""
    """What the client sent, once it was read."""
    answer: list[Message] = field(default_factory=list)
    """What the handler answered, held back; empty when it was not called or nobody listens."""
    _unheard: list[Message] = field(default_factory=list)

    async def read(self) -> bool:
        """Takes in the whole request; False when the client left before its end."""
        parts: list[bytes] = []
        more = True
        while more:
            message = await self.source()
            if message["type"] != "http.request":
                return False
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        self.body = b"".join(parts)
        self._unheard = [{"type": "http.request", "body": self.body, "more_body": False}]
        return True

    async def receive(self) -> Message:
        """What the client sends, as the app is to see it."""
        return self._unheard.pop() if self._unheard else await self.source()

    async def catch(self, app: ASGIApp) -> None:
        """Has the call answered, and holds the answer back."""

        async def keep(message: Message) -> None:
            self.answer.append(message)

        await app(self.scope, self.receive, keep)

    async def hold(self, milliseconds: float) -> bool:
        """Lets the client wait for so long; False when it left meanwhile."""
        if not milliseconds:
            return True
        async with self.endless() as leaving:
            await asyncio.wait({leaving}, timeout=milliseconds / 1000)
            return not leaving.done()

    async def deliver(self) -> None:
        """Sends what was held back."""
        for message in self.answer:
            await self.send(message)

    @property
    def whole(self) -> bytes:
        """The body that was held back."""
        return b"".join(message.get("body", b"") for message in self.answer)

    async def gone(self) -> None:
        """Returns when the client has gone away."""
        while (await self.source())["type"] != "http.disconnect":
            pass

    async def reset(self) -> None:
        """Breaks the connection off."""
        self._connection().reset()
        await self.gone()

    async def close(self) -> None:
        """Closes the connection without ending the answer."""
        self._connection().close()
        await self.gone()

    @asynccontextmanager
    async def endless(self) -> AsyncIterator[asyncio.Task[None]]:
        """For what goes on until the client goes away: a task that is done then."""
        connection = self.scope.get(CONNECTION)
        if connection:
            connection.endless = True
        leaving = asyncio.ensure_future(self.gone())
        try:
            yield leaving
        finally:
            leaving.cancel()
            if connection:
                connection.endless = False

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends status and headers."""
        raw = [(name.lower().encode(), text.encode("latin-1")) for name, text in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def part(self, body: bytes, *, more: bool = False) -> None:
        """Sends a piece of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def say(
        self,
        body: bytes,
        *,
        status: int = 200,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Sends a whole answer."""
        given = {name.lower(): text for name, text in (headers or {}).items()}
        if status in _BODILESS:
            await self.head(status, given)
            await self.part(b"")
            return
        length = {"content-length": str(len(body))}
        await self.head(status, {"content-type": media_type, **given, **length})
        await self.part(body)

    def _connection(self) -> Connection:
        connection: Connection | None = self.scope.get(CONNECTION)
        if connection is None:  # no socket: whoever called the app in process gets the error
            raise ConnectionResetError("the twin ended the connection")
        return connection


Failed = Callable[[int, float | str | None], Answer]
"""(status, Retry-After) → the envelope in which a service tells of an error."""
Effect = Callable[[Rule, Visit, Failed], Awaitable[None]]


async def strike(rule: Rule, visit: Visit, failed: Failed) -> None:
    """Does to the call what the rule says."""
    await _EFFECTS[rule.kind](rule, visit, failed)


async def _status(rule: Rule, visit: Visit, failed: Failed) -> None:
    status, body, retry_after = (rule.options[n] for n in ("status", "body", "retry_after"))
    headers = dict(rule.options["headers"] or {})
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if isinstance(body, str):
        text, media_type = body, "text/plain; charset=utf-8"
    else:
        answer = failed(status, retry_after) if body is None else Answer(body)
        text = json.dumps(answer.body) if answer.text is None else answer.text
        media_type = "application/json" if answer.text is None else answer.media_type
    await visit.say(text.encode(), status=status, media_type=media_type, headers=headers)


async def _reset(_rule: Rule, visit: Visit, _failed: Failed) -> None:
    await visit.reset()


async def _hang(rule: Rule, visit: Visit, _failed: Failed) -> None:
    given = rule.options["milliseconds"]
    async with visit.endless() as leaving:
        done, _ = await asyncio.wait({leaving}, timeout=None if given is None else given / 1000)
    if not done:
        await visit.close()


async def _truncate(_rule: Rule, visit: Visit, _failed: Failed) -> None:
    body = visit.whole or json.dumps({name: [] for name in _SHAPED}).encode()
    start: Message = visit.answer[0] if visit.answer else {"status": 200, "headers": []}
    kind = Headers(raw=start["headers"]).get("content-type", "application/json")
    await visit.head(start["status"], {"content-type": kind, "content-length": str(len(body))})
    await visit.part(body[: len(body) // 2], more=True)
    await visit.close()


async def _junk(_rule: Rule, visit: Visit, _failed: Failed) -> None:
    await visit.say(b'{"status": "ok", "items": [1, 2,, }')


async def _wrong_shape(rule: Rule, visit: Visit, _failed: Failed) -> None:
    if rule.options["shape"] == "list":
        wrong: Any = [_WRONG]
    else:
        wrong = dict.fromkeys(_names(visit.whole) or list(_SHAPED), _WRONG)
    await visit.say(json.dumps(wrong).encode())


def _names(body: bytes) -> list[str]:
    """Names of the objects and lists in an answer."""
    try:
        answer = json.loads(body)
    except ValueError:
        return []
    if not isinstance(answer, dict):
        return []
    return [name for name, value in answer.items() if isinstance(value, dict | list)]


async def _html(rule: Rule, visit: Visit, _failed: Failed) -> None:
    status = rule.options["status"]
    page = _PAGE.format(status=status, phrase=_PHRASES.get(status, "Error")).encode()
    await visit.say(page, status=status, media_type="text/html; charset=utf-8")


async def _empty(_rule: Rule, visit: Visit, _failed: Failed) -> None:
    await visit.say(b"")


async def _redirect(rule: Rule, visit: Visit, _failed: Failed) -> None:
    await visit.say(b"", status=307, headers={"location": rule.options["to"]})


async def _huge(rule: Rule, visit: Visit, _failed: Failed) -> None:
    frame = len('{"padding": ""}')
    left = max(0, rule.options["bytes"] - frame)
    async with visit.endless() as leaving:
        await visit.head(200, {"content-type": "application/json"})
        await visit.part(b'{"padding": "', more=True)
        while left and not leaving.done():
            await visit.part(b"x" * min(left, _CHUNK), more=True)
            left -= min(left, _CHUNK)
            await asyncio.sleep(0)  # others have their turn, and `leaving` too
        await visit.part(b'"}')


async def _drip(rule: Rule, visit: Visit, _failed: Failed) -> None:
    async with visit.endless() as leaving:
        await visit.head(200, {"content-type": "application/json"})
        while not leaving.done():
            await visit.part(b" ", more=True)
            await asyncio.wait({leaving}, timeout=rule.options["milliseconds"] / 1000)


_EFFECTS: dict[str, Effect] = {
    "status": _status,
    "reset": _reset,
    "hang": _hang,
    "truncate": _truncate,
    "junk": _junk,
    "wrong_shape": _wrong_shape,
    "html": _html,
    "empty": _empty,
    "redirect": _redirect,
    "huge": _huge,
    "drip": _drip,
}
