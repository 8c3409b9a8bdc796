"""The Lambda Runtime API for one function instance, on a loopback port of its own.

The role's keys are handed out there too, to whom shows the instance's token.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API" (version 2018-06-01), and the
requests that awslambdaric 4.2.2 makes.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local.processes import LOOPBACK
from local.runtime.credentials import CREDENTIALS_PATH, RuntimeAddress, credentials_document
from local.runtime.outcome import PAYLOAD_LIMIT_BYTES, Failure, Outcome, failed

_ROOT = "/2018-06-01/runtime"
_RESULT = re.compile(rf"{_ROOT}/invocation/([^/]+)/(response|error)")
_HEAD_LIMIT = 2 * 1024 * 1024  # an error carries its trace in a header of up to 1 MiB
_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Too Large",
}


@dataclass(frozen=True)
class Invocation:
    """One event on its way through an instance."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str
    outcome: asyncio.Future[Outcome] = field(compare=False)


@dataclass
class _Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class RuntimeApi:
    """What the runtime client of one instance talks to.

    Args:
        on_waiting: called each time the instance asks for its next event.
        on_init_error: called with the error document when the instance could not start.
    """

    def __init__(
        self, *, on_waiting: Callable[[], None], on_init_error: Callable[[bytes], None]
    ) -> None:
        self._on_waiting = on_waiting
        self._on_init_error = on_init_error
        self._token = secrets.token_hex(16)
        self._events: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: Invocation | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> RuntimeAddress:
        """Listens; returns where."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0, limit=_HEAD_LIMIT)
        port = self._server.sockets[0].getsockname()[1]
        return RuntimeAddress(f"{LOOPBACK}:{port}", self._token)

    def send(self, invocation: Invocation) -> None:
        """Hands the event to the instance, which must be waiting."""
        self._events.put_nowait(invocation)

    def close(self) -> None:
        """Stops listening and drops the instance's connection."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._connections):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, headers = _parse_head(head)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if (method, path) == ("GET", CREDENTIALS_PATH):
                    answer = self._credentials(headers)
                else:
                    answer = await self._answer(method, path, body)
                writer.write(_render(answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the instance went away; whoever watches the process deals with it
        finally:
            self._connections.discard(writer)
            writer.close()

    def _credentials(self, headers: Mapping[str, str]) -> _Answer:
        shown = headers.get("authorization", "")
        if not secrets.compare_digest(shown.encode(), self._token.encode()):
            return _Answer(403)
        return _Answer(200, credentials_document(), {"Content-Type": "application/json"})

    async def _answer(self, method: str, path: str, body: bytes) -> _Answer:
        if (method, path) == ("GET", f"{_ROOT}/invocation/next"):
            return await self._next()
        if (method, path) == ("GET", f"{_ROOT}/restore/next"):
            return _Answer(200)  # the snapshot is restored at once
        if method == "POST" and path in (f"{_ROOT}/init/error", f"{_ROOT}/restore/error"):
            self._on_init_error(body)
            return _Answer(202, b'{"status":"OK"}')
        result = _RESULT.fullmatch(path)
        if method == "POST" and result:
            return self._result(result.group(1), body, is_error=result.group(2) == "error")
        return _Answer(404)

    async def _next(self) -> _Answer:
        self._current = None
        self._on_waiting()
        event = self._current = await self._events.get()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
        }
        return _Answer(200, event.payload, headers)

    def _result(self, request_id: str, body: bytes, *, is_error: bool) -> _Answer:
        event = self._current
        if event is None or event.request_id != request_id:
            return _Answer(400, b'{"errorType":"InvalidRequestID"}')
        if len(body) > PAYLOAD_LIMIT_BYTES:
            kind = Failure.RESPONSE_TOO_LARGE
            text = f"Response payload size exceeded maximum allowed ({PAYLOAD_LIMIT_BYTES} bytes)."
            outcome, answer = (
                failed(kind, text),
                _Answer(413, json.dumps({"errorType": kind}).encode()),
            )
        else:
            outcome = Outcome(body, Failure.FUNCTION if is_error else None)
            answer = _Answer(202, b'{"status":"OK"}')
        if not event.outcome.done():
            event.outcome.set_result(outcome)
        return answer


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    fields = (line.partition(":") for line in lines[1:])
    return method, path, {name.lower(): value.strip() for name, _, value in fields}


def _render(answer: _Answer) -> bytes:
    headers = {**answer.headers, "Content-Length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body
