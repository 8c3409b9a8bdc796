"""Both ends of a wire for the contract tests: a recorder in place of the network, and a loopback
server that misbehaves on purpose."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tandem.clients.breaker import Breaker
from tandem.clients.budget import Budget
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp, UpstreamCall
from tandem.errors import Provider

CAPTURES = Path(__file__).parent / "captures"
Reply = httpx.Response | Exception


def recorded_calls(file_name: str) -> list[dict[str, Any]]:
    """The calls of an official client that a captures file holds."""
    calls: list[dict[str, Any]] = json.loads((CAPTURES / file_name).read_text())["calls"]
    return calls


@dataclass
class Recorder:
    """Answers with `replies` in order, the last one for ever, and keeps every request."""

    replies: list[Reply]
    requests: list[httpx.Request] = field(default_factory=list)
    calls: list[UpstreamCall] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def http(
        self, provider: Provider, *, breaker: Breaker | None = None, budget: Budget | None = None
    ) -> ProviderHttp:
        """A transport to this recorder, with no jitter and a clock that only waiting moves."""

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        return ProviderHttp(
            provider,
            build_http_client(
                base_url="http://provider.test", transport=httpx.MockTransport(self._answer)
            ),
            breaker=breaker,
            budget=budget,
            on_call=self.calls.append,
            sleep=sleep,
            jitter=lambda: 0.5,
            clock=lambda: sum(self.waits),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        # A response object can be read once; the last reply serves many requests.
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    @property
    def body(self) -> Any:
        """The JSON of the newest request, None when it had none."""
        content = self.requests[-1].content
        return json.loads(content) if content else None

    @property
    def path(self) -> str:
        """The newest request's path as it was sent, still quoted."""
        return self.requests[-1].url.raw_path.decode().split("?")[0]


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class LoopbackServer:
    """What a loopback server has seen."""

    base_url: str = ""
    connections: int = 0
    requests: int = 0


async def read_request(reader: asyncio.StreamReader) -> dict[str, str]:
    """The headers (lower case) of the next request, whose body is read too; {} at the end."""
    lines = []
    while (line := await reader.readline()) not in {b"\r\n", b""}:
        lines.append(line.decode().strip())
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    await reader.readexactly(int(headers.get("content-length", "0")))
    return headers


def plain_answer(body: bytes, status: str = "200 OK") -> bytes:
    """One whole HTTP/1.1 answer with a JSON body."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def loopback(behave: Behaviour) -> AsyncIterator[LoopbackServer]:
    """A server on a free port of 127.0.0.1 that lets `behave` answer each request."""
    seen = LoopbackServer()
    open_now: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            while await read_request(reader) and not writer.is_closing():
                seen.requests += 1
                await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        open_now.add(task)
        task.add_done_callback(open_now.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    seen.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in list(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
