"""The wire that makes a service fail: what each mode does to open and to new connections."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from local.faulty_wire import FaultyWire, Mode

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 10


class Echo:
    """Answers each line with the same line, on any number of connections."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def close(self) -> None:
        for end in (self.listener, *self.connections):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                self.threads.append(
                    threading.Thread(target=self._serve, args=(connection,), daemon=True)
                )
                self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            for line in lines:
                self.heard.append(line)
                connection.sendall(line)


@pytest.fixture
def echo() -> Iterator[Echo]:
    service = Echo()
    yield service
    service.close()


@pytest.fixture
def wire(echo: Echo) -> Iterator[FaultyWire]:
    with FaultyWire(lambda: echo.port) as wire:
        yield wire


def connected(wire: FaultyWire) -> socket.socket:
    return socket.create_connection(("127.0.0.1", wire.port), timeout=PATIENCE_SECONDS)


def answer(client: socket.socket) -> bytes:
    said = b""
    while not said.endswith(b"\n"):
        piece = client.recv(65_536)
        if not piece:
            raise EOFError
        said += piece
    return said


def ask(client: socket.socket, question: bytes) -> bytes:
    client.sendall(question)
    return answer(client)


def hears_nothing(client: socket.socket, seconds: float = 0.1) -> bool:
    client.settimeout(seconds)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE_SECONDS)
    return False


def until(condition: object) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (condition() if callable(condition) else condition):
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_what_passes_is_not_changed_however_much_it_is(wire: FaultyWire) -> None:
    much = os.urandom(8_000_000).replace(b"\n", b"-") + b"\n"
    with connected(wire) as client:
        sender = threading.Thread(target=client.sendall, args=(much,))
        sender.start()
        assert answer(client) == much
        sender.join(PATIENCE_SECONDS)
        assert ask(client, b"again\n") == b"again\n"
    assert wire.connections == 1


def test_a_farewell_of_either_side_reaches_the_other_and_nothing_is_left_open(
    wire: FaultyWire, echo: Echo
) -> None:
    with connected(wire) as client:
        client.sendall(b"last\n")
        client.shutdown(socket.SHUT_WR)
        assert answer(client) == b"last\n"
        assert client.recv(1) == b""
    until(lambda: wire.open_connections == 0)

    with connected(wire) as client:
        ask(client, b"a\n")
        echo.connections[-1].shutdown(socket.SHUT_RDWR)
        assert client.recv(1) == b""
    until(lambda: wire.open_connections == 0)


def test_refused_means_that_nobody_listens_until_it_passes_again_on_the_same_port(
    wire: FaultyWire,
) -> None:
    port = wire.port
    with connected(wire) as client:
        ask(client, b"a\n")
        wire.mode = "refuse"
        assert client.recv(1) == b""
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            connected(wire)

    wire.mode = "pass"

    assert wire.port == port
    with connected(wire) as client:
        assert ask(client, b"b\n") == b"b\n"


def test_the_port_stays_the_wire_s_own_while_it_refuses(wire: FaultyWire) -> None:
    wire.mode = "refuse"
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", wire.port))


def test_reset_strikes_open_and_new_connections(wire: FaultyWire, echo: Echo) -> None:
    with connected(wire) as client:
        ask(client, b"a\n")
        wire.mode = "reset"
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionError), connected(wire) as client:
        ask(client, b"b\n")
    assert echo.heard == [b"a\n"]

    wire.mode = "pass"
    with connected(wire) as client:
        assert ask(client, b"c\n") == b"c\n"


def test_a_cut_resets_what_is_open_once_and_new_connections_pass(wire: FaultyWire) -> None:
    with connected(wire) as one, connected(wire) as other:
        ask(one, b"a\n")
        ask(other, b"b\n")
        wire.cut()
        for client in (one, other):
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    with connected(wire) as client:
        assert ask(client, b"c\n") == b"c\n"


def test_what_is_said_while_it_hangs_is_lost_for_good(wire: FaultyWire, echo: Echo) -> None:
    with connected(wire) as open_before, connected(wire) as silent:
        ask(open_before, b"a\n")
        ask(silent, b"b\n")
        wire.mode = "hang"
        with connected(wire) as opened_then:
            for client in (open_before, opened_then):
                client.sendall(b"lost\n")
                assert hears_nothing(client)

            wire.mode = "pass"

            for client in (open_before, opened_then):
                client.sendall(b"dead\n")
                assert hears_nothing(client)
        assert ask(silent, b"nothing was lost here\n") == b"nothing was lost here\n"
        with connected(wire) as client:
            assert ask(client, b"c\n") == b"c\n"
    assert echo.heard == [b"a\n", b"b\n", b"nothing was lost here\n", b"c\n"]
    until(lambda: wire.open_connections == 0)


def test_an_answer_that_comes_while_it_hangs_is_lost_as_well(wire: FaultyWire, echo: Echo) -> None:
    with connected(wire) as client:
        ask(client, b"a\n")
        wire.mode = "hang"
        echo.connections[-1].sendall(b"late\n")
        echo.connections[-1].shutdown(socket.SHUT_RDWR)
        assert hears_nothing(client)
        wire.mode = "pass"
        assert hears_nothing(client)
    until(lambda: wire.open_connections == 0)


def test_slow_answers_take_their_time_and_keep_their_order(wire: FaultyWire, echo: Echo) -> None:
    with connected(wire) as client:
        ask(client, b"quick\n")
        wire.delay_seconds = 0.3
        wire.mode = "slow"
        started = time.monotonic()
        client.sendall(b"1\n")
        until(lambda: b"1\n" in echo.heard)  # the question is not held
        wire.delay_seconds = 0.0
        client.sendall(b"2\n")
        assert client.recv(2) + client.recv(2, socket.MSG_WAITALL) == b"1\n2\n"
        assert time.monotonic() - started >= 0.3


def test_what_is_held_goes_at_once_when_it_passes_again_and_is_lost_when_it_hangs(
    wire: FaultyWire, echo: Echo
) -> None:
    wire.delay_seconds = 3_600.0
    wire.mode = "slow"
    with connected(wire) as client:
        client.sendall(b"held\n")
        until(lambda: echo.heard)
        assert hears_nothing(client)
        wire.mode = "pass"
        assert answer(client) == b"held\n"

        wire.mode = "slow"
        client.sendall(b"lost\n")
        until(lambda: len(echo.heard) == 2)
        assert hears_nothing(client)
        wire.mode = "hang"
        wire.mode = "pass"
        client.sendall(b"dead\n")
        assert hears_nothing(client)


def test_a_service_that_is_away_resets_and_one_that_moved_is_found(echo: Echo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = int(gone.getsockname()[1])
    ports: list[int | str] = ["not a port yet", port]
    with FaultyWire(lambda: int(ports[-1])) as wire:
        with pytest.raises(ConnectionError), connected(wire) as client:
            ask(client, b"a\n")
        ports.pop()
        with pytest.raises(ConnectionError), connected(wire) as client:
            ask(client, b"a\n")
        ports.append(echo.port)
        with connected(wire) as client:
            assert ask(client, b"b\n") == b"b\n"


@pytest.mark.parametrize("mode", ["pass", "refuse", "hang", "reset", "slow"])
def test_closing_leaves_no_thread_and_no_socket(mode: Mode, echo: Echo) -> None:
    threads = threading.active_count()
    with FaultyWire(lambda: echo.port) as wire:
        wire.mode = mode
        clients = []
        with contextlib.suppress(OSError):
            clients.append(connected(wire))
            clients[0].sendall(b"a\n")
    for client in clients:
        client.close()
    with pytest.raises(ConnectionRefusedError):
        connected(wire)
    wire.mode = "pass"  # nothing comes of it
    wire.close()
    until(lambda: threading.active_count() <= threads + 1)  # the echo's own for this connection
