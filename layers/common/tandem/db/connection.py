"""One connection to PostgreSQL a container, one network round trip a statement.

Stock pg8000 sends Parse, Describe and Bind each with its own Sync: three round trips, between
which a transaction pooler may change the backend. The subclass here sends them together. It uses
pg8000's internals, so pg8000 is pinned and a test counts the round trips on the socket.

No session state is kept (no SET, no prepared statements, no advisory session locks), so poolers
work. The statement timeout belongs to the role; the first migration sets it.

A statement takes no longer than the limit to connect and its own together, whatever happens to it
on the way: waiting for its turn, opening a connection, a second attempt.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import pg8000.native
from pg8000.converters import make_params
from pg8000.core import DESCRIBE, NULL_BYTE, SYNC_MSG, Context, _flush, _write
from pg8000.native import to_statement

from tandem import observability
from tandem.db.sockets import TimedSocket, is_quiet, open_socket, tls_of
from tandem.errors import ConfigurationError, Unavailable
from tandem.settings import DatabaseSettings

Row = dict[str, Any]
DatabaseError = pg8000.native.DatabaseError

# Undone whole, and the connection is as good as before.
_UNDONE: Final = {"57014": "statement timeout", "40P01": "deadlock"}
# It is starting, stopping, or has no connection left.
_AWAY: Final = {"57P01", "57P02", "57P03", "53300"}
_GONE: Final = _AWAY | {"57P05", "08006", "08001"}

_FIRST_PAUSE_SECONDS: Final = 0.04
_LONGEST_PAUSE_SECONDS: Final = 0.15

_IDLE_SECONDS: Final = 60.0
_SHARE_AFTER_IDLENESS: Final = 0.25
_GRACE_SECONDS: Final = 0.1
_FAREWELL_SECONDS: Final = 0.05


class OneRoundTrip(pg8000.native.Connection):  # type: ignore[misc]  # pg8000 is untyped
    """A pg8000 connection that sends a statement with parameters in one round trip."""

    def __init__(self, **options: Any) -> None:
        try:
            super().__init__(**options)
        except BaseException:
            self._drop(getattr(self, "_sock", None), getattr(self, "_usock", None))
            raise

    def close(self) -> None:
        """Says farewell and closes the socket; when that is dead, only the latter."""
        stream, plain = self._sock, self._usock
        if plain is not None:
            self.end_at(time.monotonic() + _FAREWELL_SECONDS)
        with contextlib.suppress(pg8000.native.InterfaceError, OSError):
            super().close()
        self._drop(stream, plain)

    @staticmethod
    def _drop(*ends: Any) -> None:
        # pg8000 leaves its buffered stream to the garbage collector, which keeps the socket open
        # and writes a warning when it can't flush what is left in it.
        for end in ends:
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()

    @property
    def is_quiet(self) -> bool:
        """Whether it looks alive, without asking."""
        return is_quiet(self._usock)

    def end_at(self, moment: float) -> None:
        """Waits for nothing after this moment of the monotonic clock, until told another."""
        self._usock.ends_at = moment

    def wait_each_time(self, seconds: float) -> None:
        """Waits so long whenever something is to come or to go, however often that is."""
        self._usock.ends_at = None
        self._usock.settimeout(seconds)

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


def connect(url: str, settings: DatabaseSettings, *, ends_at: float | None = None) -> OneRoundTrip:
    """A new connection to the database that `url` names. Blocks for the limit to connect at most.

    While PostgreSQL refuses because it is starting, stopping or full, it is tried again after
    small pauses: nothing has been asked of it yet.

    TLS follows `sslmode`: `disable`, `require` (encrypted, unverified: what libpq means by it) or
    `verify-full`, which is what a host other than loopback gets when the address doesn't say.

    Args:
        ends_at: a moment of the monotonic clock, when less time is left.

    Raises:
        ConfigurationError: the address can't be used; it is not quoted.
        OSError, pg8000.native.Error: the database can't be reached or refuses.
    """
    moment = time.monotonic() + settings.database_connect_seconds
    moment = moment if ends_at is None else min(moment, ends_at)
    pause, refusal = _FIRST_PAUSE_SECONDS, None
    while True:
        try:
            connection = _connected(url, moment)
            break
        except (OSError, pg8000.native.Error) as error:
            if refusal is not None and _is_timeout(error):
                raise refusal from None  # which says more than that the time is over
            wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 - nothing secret
            if not _is_away_for_now(error) or time.monotonic() + wait >= moment:
                raise
            refusal = error
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    connection.wait_each_time(settings.database_statement_seconds)
    return connection


def _connected(url: str, ends_at: float) -> OneRoundTrip:
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        # Its text quotes what it chokes on, which may be the password.
        raise ConfigurationError(setting="DATABASE_URL", reason="can't be read") from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.hostname or not parts.path[1:]:
        raise ConfigurationError(setting="DATABASE_URL", reason="is not a postgresql:// address")
    tls = tls_of(parts.hostname, parse_qs(parts.query))
    opened: TimedSocket = open_socket(parts.hostname, port, tls, ends_at=ends_at)
    try:
        return OneRoundTrip(
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            database=unquote(parts.path[1:]),
            ssl_context=False,  # the socket speaks TLS by itself
            sock=opened,
        )
    except BaseException:
        opened.close()
        raise


def _is_away_for_now(error: Exception) -> bool:
    if isinstance(error, DatabaseError):
        return _code_of(error) in _AWAY
    if isinstance(error, pg8000.native.InterfaceError):
        return error.args == ("network error",) and not _is_timeout(error)
    return isinstance(error, ConnectionError)


def _code_of(error: pg8000.native.DatabaseError) -> str | None:
    return str(error.args[0].get("C")) if error.args else None


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)


class Database:
    """The container's connection: opened on first use, replaced when it dies.

    pg8000 blocks and returns wrong rows when two threads share a connection, so every statement
    runs in a worker thread under one lock. A thread's lock, not the loop's: a request that is
    cancelled leaves its thread behind, and nobody may use the connection before that is done.

    Args:
        url: reads the address; it is a secret and may change.
        clock: seconds that go on while a container is frozen, which a monotonic clock's may not.
    """

    def __init__(
        self,
        url: Callable[[], str],
        settings: DatabaseSettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._settings = settings
        self._clock = clock
        self._connection: OneRoundTrip | None = None
        self._used_at = 0.0
        self._mutex = threading.Lock()

    async def rows(self, sql: str, *, repeatable: bool = False, **parameters: Any) -> list[Row]:
        """All rows of one statement, each a dict by column name.

        Takes no longer than the limit to connect and that of a statement together.

        Args:
            sql: one statement with `:named` parameters.
            repeatable: it is a read or carries its own key, so when the connection turns out to be
                dead it is sent once more on a fresh one, if time is left.

        Raises:
            Unavailable: the database can't be reached, is starting or stopping, has no connection
                left, took too long or ended the statement because two waited for each other.
            DatabaseError: it refused the statement.
        """
        seconds = (
            self._settings.database_connect_seconds + self._settings.database_statement_seconds
        )
        ends_at = time.monotonic() + seconds
        try:
            # The thread keeps the limit by itself, but for looking up the host's name.
            async with asyncio.timeout(seconds + _GRACE_SECONDS):
                return await asyncio.to_thread(self._run, sql, repeatable, parameters, ends_at)
        except TimeoutError as error:
            raise _unavailable(_Gone(error)) from error

    async def row(self, sql: str, *, repeatable: bool = False, **parameters: Any) -> Row:
        """The only row of a statement that always has exactly one. Raises as `rows` does."""
        [row] = await self.rows(sql, repeatable=repeatable, **parameters)
        return row

    def close(self) -> None:
        """Drops the connection; the next statement opens another (before a snapshot)."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run(
        self, sql: str, repeatable: bool, parameters: dict[str, Any], ends_at: float
    ) -> list[Row]:
        if not self._mutex.acquire(timeout=max(0.0, ends_at - time.monotonic())):
            raise _unavailable(_Gone(TimeoutError()))
        try:
            return self._answered(sql, repeatable, parameters, ends_at)
        except _Gone as gone:
            raise _unavailable(gone) from gone.__cause__
        finally:
            self._mutex.release()

    def _answered(
        self, sql: str, repeatable: bool, parameters: dict[str, Any], ends_at: float
    ) -> list[Row]:
        has_rested = self._clock() - self._used_at > _IDLE_SECONDS
        if self._connection is not None and (
            not self._connection.is_quiet or (has_rested and not repeatable)
        ):
            self.close()
        is_fresh = self._connection is None
        seconds = self._settings.database_statement_seconds
        if has_rested and not is_fresh:
            seconds *= _SHARE_AFTER_IDLENESS
        try:
            return self._attempt(sql, parameters, ends_at, seconds)
        except _Gone as gone:
            # A fresh connection that is too slow is not the connection's fault.
            if not repeatable or gone.was_opening or (is_fresh and gone.is_timeout):
                raise
        return self._attempt(sql, parameters, ends_at, self._settings.database_statement_seconds)

    def _attempt(
        self, sql: str, parameters: dict[str, Any], ends_at: float, seconds: float
    ) -> list[Row]:
        connection = self._connection or self._opened(ends_at)
        connection.end_at(min(ends_at, time.monotonic() + seconds))
        try:
            rows = connection.run(sql, **parameters)
            names = [column["name"] for column in connection.columns or ()]
            answer = [dict(zip(names, row, strict=True)) for row in rows or ()]
        except DatabaseError as error:
            code = _code_of(error)
            if code in _UNDONE:
                raise _unavailable(_Gone(error, _UNDONE[code])) from error
            if code in _GONE:
                self.close()
                raise _Gone(error, f"refused {code}") from error
            raise
        except (pg8000.native.InterfaceError, OSError) as error:
            self.close()
            raise _Gone(error) from error
        except BaseException:
            # Part of an answer may still be on its way, and the next caller would be given it.
            self.close()
            raise
        self._used_at = self._clock()
        return answer

    def _opened(self, ends_at: float) -> OneRoundTrip:
        try:
            self._connection = connect(self._url(), self._settings, ends_at=ends_at)
        except DatabaseError as error:
            raise _Gone(error, f"refused {_code_of(error)}", was_opening=True) from error
        except (pg8000.native.InterfaceError, OSError) as error:
            raise _Gone(error, was_opening=True) from error
        return self._connection


class _Gone(Exception):
    """The connection is of no use any more, or there was none to be had."""

    def __init__(
        self, error: Exception, reason: str | None = None, *, was_opening: bool = False
    ) -> None:
        self.is_timeout = _is_timeout(error)
        self.was_opening = was_opening
        super().__init__(reason or (TimeoutError if self.is_timeout else type(error)).__name__)


def _unavailable(gone: _Gone) -> Unavailable:
    observability.count("DatabaseUnavailable")
    return Unavailable(code="database_unavailable", reason=str(gone))
