"""Real PostgreSQL for the tests: one server a run, one fresh migrated database a module.

Also a proxy that counts round trips on the socket, for budgets that are promised in them.
"""

import contextlib
import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from local.postgres import Postgres
from tandem.db.connection import Database, OneRoundTrip, connect
from tandem.db.migrate import migrate
from tandem.settings import DatabaseSettings
from tests.integration.turn_ledger import Someone, database_at

_FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Makes room for what is printed at the end."""
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests have counted."""
    for line in terminalreporter.config.stash[_FIGURES]:
        terminalreporter.write_line(line)


@pytest.fixture
def figures(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are printed when all tests have run."""
    return pytestconfig.stash[_FIGURES]


def open_connection(url: str) -> OneRoundTrip:
    return connect(url, DatabaseSettings(database_statement_seconds=30))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A throwaway server."""
    with tempfile.TemporaryDirectory(prefix="tandem-tests-") as folder:
        server = Postgres(Path(folder) / "postgres", durable=False)
        server.start()
        yield server
        server.remove()


@pytest.fixture(scope="module")
def empty_database(postgres: Postgres) -> str:
    """Address of this module's own database, with nothing in it."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(name)
    return postgres.url(name)


@pytest.fixture(scope="module")
def database(empty_database: str) -> str:
    """Address of this module's own migrated database.

    Migrated each time: a copy of a migrated one would lack the settings that the first migration
    gives the role in its database, and it takes no longer.
    """
    connection = open_connection(empty_database)
    migrate(connection)
    connection.close()
    return empty_database


@pytest.fixture
def connection(database: str) -> Iterator[OneRoundTrip]:
    """A connection beside the functions', to look and to hold transactions open."""
    opened = open_connection(database)
    yield opened
    opened.close()


@pytest.fixture
def container(database: str) -> Iterator[Database]:
    """The connection of one function instance."""
    opened = database_at(database)
    yield opened
    opened.close()


@pytest.fixture
def ada(connection: OneRoundTrip) -> Someone:
    return Someone.sign_up(connection)


class CountingProxy:
    """A TCP proxy in front of PostgreSQL that counts round trips and can cut connections.

    The server ends each answer that a client waits for with ReadyForQuery, however many packets
    it takes, so these are counted. Opening a connection costs several round trips and ends with
    one of them: `reset` after the first statement.
    """

    def __init__(self, database_url: str) -> None:
        self._target = urlsplit(database_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._mutex = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self.round_trips = 0
        self.connections = 0
        self.refusing = False

    @property
    def url(self) -> str:
        """The database's address, by way of this proxy."""
        host, port = self._listener.getsockname()
        login = self._target.netloc.rpartition("@")[0]
        return self._target._replace(netloc=f"{login}@{host}:{port}").geturl()

    def reset(self) -> None:
        """Counts from nought again."""
        self.round_trips = self.connections = 0

    def cut(self) -> None:
        """Ends every connection, as a network does with idle ones; new ones are let through."""
        with self._mutex:
            pairs, self._pairs = self._pairs, []
        for end in (end for pair in pairs for end in pair):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            server = socket.create_connection((self._target.hostname, self._target.port))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._mutex:
                self._pairs.append((client, server))
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client, server), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        answers = _Answers()
        with client, server, selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.register(server, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                try:
                    if client in ready:
                        server.sendall(_received(client))
                    if server in ready:
                        data = _received(server)
                        # Counted first: whoever has the answer may read the count.
                        self.round_trips += answers.ended_in(data)
                        client.sendall(data)
                except OSError:
                    return


class _Answers:
    """Cuts what a server sends into messages: a letter, four bytes of length, the rest."""

    def __init__(self) -> None:
        self._rest = b""

    def ended_in(self, data: bytes) -> int:
        """How many answers end in what has just come."""
        self._rest += data
        ended = 0
        while len(self._rest) > 4:
            size = 1 + int.from_bytes(self._rest[1:5])
            if len(self._rest) < size:
                break
            ended += self._rest[:1] == b"Z"
            self._rest = self._rest[size:]
        return ended


def _received(end: socket.socket) -> bytes:
    data = end.recv(65_536)
    if not data:
        raise ConnectionError
    return data


@pytest.fixture
def counting_proxy(database: str) -> Iterator[CountingProxy]:
    """A proxy in front of this module's database."""
    proxy = CountingProxy(database)
    yield proxy
    proxy.close()
