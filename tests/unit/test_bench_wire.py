"""The wire that benches put between a function and a service: its time, and its counting."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.wire import Wire

TAKES_SECONDS = 0.05


class Service:
    """Answers each line with two pieces, the second a little later, like a slow server."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connection: socket.socket | None = None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def close(self) -> None:
        for end in (self.connection, self.listener):
            if end is not None:
                end.close()
        self.thread.join(timeout=5)

    def _serve(self) -> None:
        self.connection, _ = self.listener.accept()
        with self.connection.makefile("rb") as lines:
            for line in lines:
                self.connection.sendall(b"<" + line.strip())
                self.connection.sendall(b">\n")


@pytest.fixture
def wire() -> Iterator[Wire]:
    service = Service()
    with Wire(lambda: service.port, takes_seconds=TAKES_SECONDS) as wire:
        yield wire
    service.close()


def ask(client: socket.socket, question: bytes, answers: int = 1) -> bytes:
    client.sendall(question)
    said = b""
    while said.count(b"\n") < answers:
        said += client.recv(1_024)
    return said


def connected(wire: Wire) -> socket.socket:
    return socket.create_connection(("127.0.0.1", wire.port), timeout=5)


def test_a_round_trip_takes_its_time_and_is_counted_once_however_it_is_cut(wire: Wire) -> None:
    with connected(wire) as client:
        for number in (1, 2, 3):
            started = time.monotonic()
            client.sendall(b"half a ques")
            assert ask(client, b"tion\n") == b"<half a question>\n"
            assert time.monotonic() - started >= TAKES_SECONDS
            assert wire.round_trips == number
    assert wire.connections == 1


def test_what_is_sent_without_waiting_is_one_round_trip(wire: Wire) -> None:
    with connected(wire) as client:
        client.sendall(b"a\n")
        assert ask(client, b"b\n", answers=2) == b"<a>\n<b>\n"
    assert wire.round_trips == 1


def test_the_time_can_be_changed_for_the_questions_that_follow(wire: Wire) -> None:
    wire.takes_seconds = 0.0
    with connected(wire) as client:
        started = time.monotonic()
        ask(client, b"a\n")
        quick = time.monotonic() - started
        wire.takes_seconds = 1.0
        started = time.monotonic()
        ask(client, b"b\n")
    assert time.monotonic() - started >= 1.0 > quick


def test_a_client_s_farewell_reaches_the_service_and_a_service_that_is_away_ends_the_client() -> (
    None
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        with Wire(lambda: port) as wire:
            with connected(wire):
                server, _ = listener.accept()
            with server:
                server.settimeout(5)
                assert server.recv(1) == b""
            listener.close()
            with connected(wire) as client:
                assert client.recv(1) == b""
