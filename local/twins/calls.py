"""What handlers are given and what they answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

Json = dict[str, Any]
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
