"""The sockets below the connection: one moment ends every wait, and each address gets its turn."""

import contextlib
import socket
import threading
import time
from typing import Any

import pytest

from tandem.db.sockets import open_socket

pytestmark = pytest.mark.integration

MARGIN_SECONDS = 0.6


def test_an_answer_that_comes_bit_by_bit_is_given_up_when_the_time_is_over() -> None:
    stop = threading.Event()

    def dribble(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client, contextlib.suppress(OSError):
            while not stop.wait(0.02):
                client.sendall(b".")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=dribble, args=(listener,))
        thread.start()
        started = time.monotonic()
        port = listener.getsockname()[1]
        with (
            open_socket("127.0.0.1", port, None, ends_at=started + 0.2) as end,
            end.makefile("rb") as stream,
            pytest.raises(TimeoutError),
        ):
            stream.read(10_000)
        assert 0.2 <= time.monotonic() - started < 0.2 + MARGIN_SECONDS
        stop.set()
        thread.join(5)


def test_a_host_s_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_server(("127.0.0.1", 0)) as gone,
    ):
        ports = [gone.getsockname()[1], listener.getsockname()[1]]
        gone.close()

        def two_addresses(*_: Any, **__: Any) -> list[Any]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
            return [(*kind, ("127.0.0.1", port)) for port in ports]

        monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
        with open_socket("db.example.com", 5432, None, ends_at=time.monotonic() + 5) as end:
            assert end.getpeername()[1] == ports[1]
        ports.pop()
        with pytest.raises(ConnectionRefusedError):
            open_socket("db.example.com", 5432, None, ends_at=time.monotonic() + 5)


def test_no_time_means_no_attempt() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(TimeoutError),
    ):
        open_socket("127.0.0.1", listener.getsockname()[1], None, ends_at=time.monotonic() - 1)
