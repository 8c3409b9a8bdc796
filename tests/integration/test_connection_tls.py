"""The connection over TLS: it works, and its time limits hold as they do in plain.

The servers that tests start have no TLS, so a door before one of them speaks it.
"""

import asyncio
import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.faulty_wire import FaultyWire
from tandem.db.connection import Database
from tandem.errors import Unavailable
from tandem.settings import DatabaseSettings

pytestmark = pytest.mark.integration

SETTINGS = DatabaseSettings(database_connect_seconds=1.0, database_statement_seconds=0.3)


class TlsDoor:
    """Takes PostgreSQL's request for TLS, and hands on in plain what it hears."""

    def __init__(self, target: int, certificate: Path) -> None:
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(end, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for end in self._ends:
            end.close()

    def _run(self, work: object, *arguments: socket.socket) -> None:
        assert callable(work)
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._ends.append(client)
                assert client.recv(8) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
                client.sendall(b"S")
                secret = self._context.wrap_socket(client, server_side=True)
                server = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [secret, server]
                self._run(self._pass, secret, server)
                self._run(self._pass, server, secret)

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sink, socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own authority for 127.0.0.1, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    encoding = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(encoding)
    )
    return path


@pytest.fixture
def wire(database: str, certificate: Path) -> Iterator[FaultyWire]:
    """The way to a PostgreSQL that speaks TLS."""
    parts = urlsplit(database)
    with (
        closing(TlsDoor(parts.port or 0, certificate)) as door,
        FaultyWire(lambda: door.port) as wire,
    ):
        yield wire


def url_of(database: str, wire: FaultyWire, query: str, host: str = "127.0.0.1") -> str:
    parts = urlsplit(database)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@{host}:{wire.port}", query=query).geturl()


@pytest.mark.parametrize("query", ["sslmode=require", "sslmode=verify-full&sslrootcert="])
def test_statements_work_over_tls(
    query: str, wire: FaultyWire, database: str, certificate: Path
) -> None:
    async def story(container: Database) -> list[str]:
        return [
            (await container.row("select cast(:text as text) as text", text=text))["text"]
            for text in ("a", "b" * 100_000)
        ]

    query += str(certificate) if query.endswith("=") else ""
    url = url_of(database, wire, query, "localhost")
    with closing(Database(lambda: url, DatabaseSettings())) as container:
        assert asyncio.run(story(container)) == ["a", "b" * 100_000]
    assert wire.connections == 1


def test_a_server_that_can_not_be_verified_is_not_spoken_to_nor_tried_again(
    wire: FaultyWire, database: str
) -> None:
    url = url_of(database, wire, "sslmode=verify-full")
    with (
        closing(Database(lambda: url, DatabaseSettings())) as container,
        pytest.raises(Unavailable) as refused,
    ):
        asyncio.run(container.rows("select 1"))
    assert refused.value.context["reason"] == "SSLCertVerificationError"
    assert wire.connections == 1


def test_a_hanging_server_is_given_up_in_time_over_tls_and_found_when_it_hung_up(
    wire: FaultyWire, database: str
) -> None:
    url = url_of(database, wire, "sslmode=require")

    async def story(container: Database) -> None:
        await container.row("select 1 as one")
        wire.cut()
        await container.row("select 1 as one")
        assert wire.connections == 2
        wire.mode = "hang"
        started = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            await container.row("select 1 as one")
        assert refused.value.context["reason"] == "TimeoutError"
        assert 0.25 < time.monotonic() - started < 0.3 + 0.6
        # Now while TLS itself is being agreed on.
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await container.row("select 1 as one", repeatable=True)
        assert time.monotonic() - started < 1.3 + 0.6

    with closing(Database(lambda: url, SETTINGS)) as container:
        asyncio.run(story(container))
