"""A stretch of network between a function and a service: it takes time, and counts its use."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

from local.processes import LOOPBACK

_CHUNK_BYTES = 65_536


class Wire:
    """A TCP proxy in which every round trip takes a while longer.

    A round trip is what the client sends until it waits, and the answer to it. What the client
    sends is held for the delay and then passed on together with all that has followed in the
    meantime, so the server can't begin to answer a half-sent question; answers pass at once.
    What is sent later than that counts as another round trip, and takes the delay again.

    Args:
        target: port of the service on the loopback interface; asked at each new connection, so
            that the wire can be there before the service is.
        delay_seconds: added to each round trip. More than nothing, or pipelined questions would
            be counted one by one.

    Attributes:
        round_trips: how often a question was answered. Opening a connection costs several.
        connections: how often one was opened.
    """

    def __init__(self, target: Callable[[], int], *, delay_seconds: float) -> None:
        self._target = target
        self._delay_seconds = delay_seconds
        self._listener = socket.create_server((LOOPBACK, 0))
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.round_trips = 0
        self.connections = 0
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Where the client connects to."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Ends every connection, and takes no more."""
        for end in (self._listener, *self._ends):
            _shut(end)
        for thread in tuple(self._threads):
            thread.join(timeout=5)
        for end in (self._listener, *self._ends):
            end.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._target()))
            except OSError:
                return
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends.append(end)
            self.connections += 1
            asked = threading.Event()
            self._run(self._questions, client, server, asked)
            self._run(self._answers, server, client, asked)

    def _questions(
        self, client: socket.socket, server: socket.socket, asked: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK_BYTES):
                time.sleep(self._delay_seconds)
                data += _ready(client)
                asked.set()
                server.sendall(data)
        _shut(server)

    def _answers(
        self, server: socket.socket, client: socket.socket, asked: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK_BYTES):
                # Counted first: whoever has the answer may read the count.
                if asked.is_set():
                    asked.clear()
                    self.round_trips += 1
                client.sendall(data)
        _shut(client)


def _ready(end: socket.socket) -> bytes:
    """What has arrived by now, without waiting for more."""
    data = bytearray()
    with contextlib.suppress(BlockingIOError):
        while chunk := end.recv(_CHUNK_BYTES, socket.MSG_DONTWAIT):
            data += chunk
    return bytes(data)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
