"""A stretch of network between a function and a service: it takes its time, and counts its use."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from local.processes import LOOPBACK

_CHUNK_BYTES = 65_536


@dataclass
class _Exchange:
    """What one connection is at: when the question began that has no answer yet."""

    asked_at: float | None = None
    mutex: threading.Lock = field(default_factory=threading.Lock)


class Wire:
    """A TCP proxy in which each round trip takes a given time, or longer if the service does.

    A round trip is what the client sends until it waits, and the answer to it. No part of an
    answer is passed on before that time has passed since the question began, so all that a client
    sends without waiting is one question, also when the service answers in pieces.

    Args:
        target: port of the service on the loopback interface; asked at each new connection, so
            that the wire can be there before the service is.
        takes_seconds: how long a round trip takes at least. With nothing, questions that are sent
            side by side may be counted one by one.

    Attributes:
        takes_seconds: may be changed at any time, for the questions that follow.
        round_trips: how often a question was answered. Opening a connection costs several.
        connections: how often one was opened.
    """

    def __init__(self, target: Callable[[], int], *, takes_seconds: float = 0.0) -> None:
        self._target = target
        self._listener = socket.create_server((LOOPBACK, 0))
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.takes_seconds = takes_seconds
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

    @property
    def url(self) -> str:
        """The same for clients that speak HTTP."""
        return f"http://{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Ends every connection, and takes no more."""
        ends = (self._listener, *self._ends)
        for end in ends:
            _shut(end)
        for thread in tuple(self._threads):
            thread.join(timeout=5)
        for end in ends:
            end.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((LOOPBACK, self._target()))
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends.append(end)
            self.connections += 1
            exchange = _Exchange()
            self._run(self._pass_questions, client, server, exchange)
            self._run(self._pass_answers, server, client, exchange)

    def _pass_questions(
        self, client: socket.socket, server: socket.socket, exchange: _Exchange
    ) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK_BYTES):
                with exchange.mutex:
                    if exchange.asked_at is None:
                        exchange.asked_at = time.monotonic()
                server.sendall(data)
        _shut(server)

    def _pass_answers(
        self, server: socket.socket, client: socket.socket, exchange: _Exchange
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK_BYTES):
                self._await_its_time(exchange)
                client.sendall(data)
        _shut(client)

    def _await_its_time(self, exchange: _Exchange) -> None:
        if exchange.asked_at is None:
            return  # more of an answer that has begun
        time.sleep(max(0.0, exchange.asked_at + self.takes_seconds - time.monotonic()))
        with exchange.mutex:
            exchange.asked_at = None
        # Counted before it is passed on: whoever has the answer may read the count.
        self.round_trips += 1


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
