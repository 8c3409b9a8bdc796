"""A wake-up never keeps a person waiting for longer than its limit, whatever the queue does.

The limit is made shorter here than it is in earnest.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import httpx
import pytest

from local.faulty_wire import FaultyWire, Mode
from tandem import sqs
from tandem.clients.connections import build_http_client
from tandem.delivery.wake import Wake
from tandem.ids import SessionRowId

pytestmark = pytest.mark.integration

LIMIT_SECONDS = 0.4
MARGIN_SECONDS = 0.6


class Queue(BaseHTTPRequestHandler):
    """Takes everything, and keeps its connections open."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"Failed": []}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyWire]:
    monkeypatch.setattr(sqs, "_WHOLE_SECONDS", LIMIT_SECONDS)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Queue)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with FaultyWire(lambda: server.server_port) as wire:
        yield wire
    server.shutdown()
    thread.join()
    server.server_close()


async def wake_up(wire: FaultyWire, mode: Mode, *, cut: bool = False) -> tuple[bool, bool, float]:
    """Whether a wake-up arrived before the mode, and in it; and what the latter took."""
    client: httpx.AsyncClient = build_http_client(
        base_url=f"http://127.0.0.1:{wire.port}", timeouts=sqs._TIMEOUTS
    )
    async with client:
        wake = Wake("http://sqs.test/123456789012/DeliveryQueue", client)
        before = await wake.send(SessionRowId(uuid4()))
        wire.mode = mode
        if cut:
            wire.cut()
        started = time.monotonic()
        arrived = await wake.send(SessionRowId(uuid4()))
        return before, arrived, time.monotonic() - started


@pytest.mark.parametrize("mode", ["refuse", "reset", "hang", "slow"])
def test_a_wake_up_is_given_up_in_time_when_the_queue_does_not_take_it(
    mode: Mode, wire: FaultyWire
) -> None:
    before, arrived, seconds = asyncio.run(wake_up(wire, mode))
    assert (before, arrived) == (True, False)
    assert seconds < LIMIT_SECONDS + MARGIN_SECONDS


def test_the_repetition_after_a_connection_died_is_within_the_same_limit(wire: FaultyWire) -> None:
    before, arrived, _ = asyncio.run(wake_up(wire, "pass", cut=True))
    assert (before, arrived) == (True, True)
    wire.delay_seconds = LIMIT_SECONDS * 0.75
    before, arrived, seconds = asyncio.run(wake_up(wire, "slow", cut=True))
    assert seconds < LIMIT_SECONDS + MARGIN_SECONDS
