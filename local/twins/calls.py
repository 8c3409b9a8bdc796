"""What handlers are given and what they answer."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

Json = dict[str, Any]
_DEEPEST = 500
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


async def sent_object(request: Request) -> Json | None:
    """The JSON object that was sent, {} when there is none; None when it is no such thing.

    Raises:
        ClientDisconnect: the client went away before it had sent everything.
    """
    raw = await request.body()
    if not raw or request.method == "GET":
        return {}
    body = parsed(raw)
    # A body of DELETE means nothing in HTTP, so junk is no mistake; some services read one.
    return {} if body is None and request.method == "DELETE" else body


def parsed(raw: bytes) -> Json | None:
    """The object that JSON tells; None when it is no JSON, or none that can be kept."""
    try:
        body = json.loads(raw.decode(), parse_constant=_refused, parse_float=_finite)
        if _SURROGATE.search(raw):
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or _too_deep(raw, body):
        return None
    return body


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("no number of JSON that could be given back")
    return value


def _too_deep(raw: bytes, body: Any) -> bool:
    """Deeper than the database can look into, which is not as deep as Python can."""
    if raw.count(b"[") + raw.count(b"{") <= _DEEPEST:
        return False
    level = [body]
    for _ in range(_DEEPEST):
        nested = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [one for part in nested for one in part if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def response(answer: Answer) -> Response:
    """The answer as it is sent."""
    headers = dict(answer.headers)
    if answer.events is not None:
        headers = {"content-type": "text/event-stream", **headers}
        return StreamingResponse(_chunks(answer.events), answer.status, headers)
    if answer.text is not None:
        return Response(answer.text, answer.status, headers, media_type=answer.media_type)
    return JSONResponse(answer.body, answer.status, headers)


async def _chunks(events: Sequence[Json]) -> AsyncIterator[bytes]:
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        yield f"data: {text}\r\n\r\n".encode()
        await asyncio.sleep(0)  # so that each leaves on its own
