"""One connection to PostgreSQL a container, one network round trip a statement.

Stock pg8000 sends Parse, Describe and Bind each with its own Sync: three round trips, between
which a transaction pooler may change the backend. The subclass here sends them together. It uses
pg8000's internals, so pg8000 is pinned and a test counts the round trips on the socket.

No session state is kept (no SET, no prepared statements, no advisory session locks), so poolers
work. The statement timeout belongs to the role; the first migration sets it.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pg8000.native
from pg8000.converters import make_params
from pg8000.core import DESCRIBE, NULL_BYTE, SYNC_MSG, Context, _flush, _write
from pg8000.native import to_statement

from tandem.errors import ConfigurationError, Unavailable
from tandem.settings import DatabaseSettings

Row = dict[str, Any]
DatabaseError = pg8000.native.DatabaseError

# Undone whole, and the connection is as good as before.
_UNDONE = {"57014": "statement timeout", "40P01": "deadlock"}
_GONE = {"57P01", "57P02", "57P03", "53300", "08006", "08001"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class OneRoundTrip(pg8000.native.Connection):  # type: ignore[misc]  # pg8000 is untyped
    """A pg8000 connection that sends a statement with parameters in one round trip."""

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except BaseException:
            self._drop(getattr(self, "_sock", None), getattr(self, "_usock", None))
            raise

    def close(self) -> None:
        """Says farewell and closes the socket, also when that is dead and the farewell fails."""
        stream, plain = self._sock, self._usock
        try:
            super().close()
        finally:
            self._drop(stream, plain)

    @staticmethod
    def _drop(*ends: Any) -> None:
        # pg8000 leaves its buffered stream to the garbage collector, which keeps the socket open
        # and writes a warning when it can't flush what is left in it.
        for end in ends:
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()

    def run(self, sql: str, stream: Any = None, types: Any = None, **params: Any) -> Any:
        """All rows of one statement, as pg8000 gives them."""
        if not params or stream is not None or types is not None:
            return super().run(sql, stream=stream, types=types, **params)
        statement, values_of = _parsed(sql)
        self._context = self.execute_unnamed(statement, values_of(params))
        return self._context.rows

    def execute_unnamed(
        self, statement: str, vals: Any = (), oids: Any = (), stream: Any = None
    ) -> Context:
        """Runs one statement: Parse, Bind, Describe, Execute and a single Sync."""
        if stream is not None:
            return super().execute_unnamed(statement, vals=vals, oids=oids, stream=stream)
        params, context = make_params(self.py_types, vals), Context(statement)
        self.send_PARSE(NULL_BYTE, statement, oids)
        self.send_BIND(NULL_BYTE, params)
        self._send_message(DESCRIBE, b"P" + NULL_BYTE)
        self.send_EXECUTE()
        _write(self._sock, SYNC_MSG)
        _flush(self._sock)
        self.handle_messages(context)
        return context


@lru_cache(maxsize=256)
def _parsed(sql: str) -> Any:
    """The statement with `$1` for `:name`, and what puts the values in that order.

    pg8000 reads every statement letter by letter on every run, which takes a millisecond for a
    long one; ours are constants.
    """
    return to_statement(sql)


def connect(url: str, settings: DatabaseSettings) -> OneRoundTrip:
    """A new connection to the database that `url` names. Blocks.

    TLS follows `sslmode`: `disable`, `require` (encrypted, unverified: what libpq means by it) or
    `verify-full`, which is what a host other than loopback gets when the address doesn't say.

    Raises:
        ConfigurationError: the address can't be used; it is not quoted.
        OSError, pg8000.native.Error: the database can't be reached or refuses.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        # Its text quotes what it chokes on, which may be the password.
        raise ConfigurationError(setting="DATABASE_URL", reason="can't be read") from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.hostname or not parts.path[1:]:
        raise ConfigurationError(setting="DATABASE_URL", reason="is not a postgresql:// address")
    options = parse_qs(parts.query)
    plain = socket.create_connection(
        (parts.hostname, port), timeout=settings.database_connect_seconds
    )
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(settings.database_statement_seconds)
        return OneRoundTrip(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            database=unquote(parts.path[1:]),
            ssl_context=tls_of(parts.hostname, options),
            sock=plain,
        )
    except BaseException:
        plain.close()
        raise


def tls_of(host: str, options: dict[str, list[str]]) -> ssl.SSLContext | bool:
    """How to speak TLS with this host: a context, or False for not at all.

    Args:
        options: of the address's query: `sslmode` as `connect` describes it, `sslrootcert` a file
            of certificate authorities instead of the system's.

    Raises:
        ConfigurationError: an `sslmode` that we don't know.
    """
    default = "disable" if host in _LOOPBACK else "verify-full"
    mode = options.get("sslmode", [default])[0]
    if mode == "disable":
        return False
    if mode not in {"require", "verify-full"}:
        raise ConfigurationError(setting="DATABASE_URL", reason="has an sslmode we don't know")
    context = ssl.create_default_context(cafile=options.get("sslrootcert", [None])[0])
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Database:
    """The container's connection: opened on first use, replaced when it dies.

    pg8000 blocks and returns wrong rows when two threads share a connection, so every statement
    runs in a worker thread under one lock. A thread's lock, not the loop's: a request that is
    cancelled leaves its thread behind, and nobody may use the connection before that is done.

    Args:
        url: reads the address; it is a secret and may change.
    """

    def __init__(self, url: Callable[[], str], settings: DatabaseSettings) -> None:
        self._url = url
        self._settings = settings
        self._connection: OneRoundTrip | None = None
        self._mutex = threading.Lock()

    async def rows(self, sql: str, *, repeatable: bool = False, **parameters: Any) -> list[Row]:
        """All rows of one statement, each a dict by column name.

        Args:
            sql: one statement with `:named` parameters.
            repeatable: it is a read or carries its own key, so when the connection turns out to be
                dead it is sent once more on a fresh one.

        Raises:
            Unavailable: the database can't be reached, is starting or stopping, has no connection
                left, took too long or ended the statement because two waited for each other.
            DatabaseError: it refused the statement.
        """
        return await asyncio.to_thread(self._run, sql, repeatable, parameters)

    async def row(self, sql: str, *, repeatable: bool = False, **parameters: Any) -> Row:
        """The only row of a statement that always has exactly one. Raises as `rows` does."""
        [row] = await self.rows(sql, repeatable=repeatable, **parameters)
        return row

    def close(self) -> None:
        """Drops the connection; the next statement opens another (before a snapshot)."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # It may be dead already, which is all that is wanted here.
            with contextlib.suppress(pg8000.native.Error, OSError):
                connection.close()

    def _run(self, sql: str, repeatable: bool, parameters: dict[str, Any]) -> list[Row]:
        with self._mutex:
            was_open = self._connection is not None
            try:
                return self._attempt(sql, parameters)
            except _Gone as gone:
                if not (repeatable and was_open):
                    raise _unavailable(gone) from gone.__cause__
            try:
                return self._attempt(sql, parameters)
            except _Gone as gone:
                raise _unavailable(gone) from gone.__cause__

    def _attempt(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        try:
            if self._connection is None:
                self._connection = connect(self._url(), self._settings)
            rows = self._connection.run(sql, **parameters)
            names = [column["name"] for column in self._connection.columns or ()]
            return [dict(zip(names, row, strict=True)) for row in rows or ()]
        except DatabaseError as error:
            code = error.args[0].get("C") if error.args else None
            if code in _UNDONE:
                raise _unavailable(_Gone(_UNDONE[code])) from error
            if code in _GONE or self._connection is None:
                self.close()
                raise _Gone(f"refused {code}") from error
            raise
        except (pg8000.native.InterfaceError, OSError) as error:
            self.close()
            raise _Gone(type(error).__name__) from error
        except BaseException:
            # Part of an answer may still be on its way, and the next caller would be given it.
            self.close()
            raise


class _Gone(Exception):
    """The connection is of no use any more, or there was none to be had."""


def _unavailable(gone: _Gone) -> Unavailable:
    return Unavailable(code="database_unavailable", reason=str(gone))
