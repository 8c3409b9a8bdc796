"""The one connection: round trips, death, time limits, TLS."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pg8000.native
import pytest

from tandem.db import connection
from tandem.db.connection import Database, DatabaseError, OneRoundTrip, connect
from tandem.db.sockets import tls_of
from tandem.errors import ConfigurationError, Unavailable
from tandem.settings import DatabaseSettings

pytestmark = pytest.mark.integration

DEADLINE_SECONDS = 10


@contextmanager
def using(url: str | Callable[[], str], **settings: float) -> Iterator[Database]:
    database = Database(
        url if callable(url) else lambda: url, DatabaseSettings.model_validate(settings)
    )
    try:
        yield database
    finally:
        database.close()


def test_a_statement_with_parameters_costs_one_round_trip_where_stock_pg8000_needs_three(
    counting_proxy: Any,
) -> None:
    sql = "select cast(:a as int) + cast(:b as int) as sum, cast(:text as text) as text"

    async def story(database: Database) -> dict[str, Any]:
        await database.row("select 1 as one")
        counting_proxy.reset()
        return await database.row(sql, a=1, b=2, text="x" * 100_000)

    with using(counting_proxy.url) as database:
        row = asyncio.run(story(database))
    assert row == {"sum": 3, "text": "x" * 100_000}
    assert counting_proxy.round_trips == 1

    ours = connect(counting_proxy.url, DatabaseSettings())
    counting_proxy.reset()
    pg8000.native.Connection.execute_unnamed(ours, "select $1::int", [1], oids=[23])
    assert counting_proxy.round_trips == 3
    ours.close()


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("select cast(:a as int) as a", {"a": 7}),
        ("select cast(:a as text) as a", {"a": None}),
        ("select cast(:a as timestamptz) as a", {"a": "2026-11-20T09:00:00Z"}),
        ("select cast(:a as bytea) as a", {"a": b"\x00\xff"}),
        ("select cast(:a as uuid) as a", {"a": "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"}),
        ("select cast(:a as jsonb) as a", {"a": '{"b": [1, null]}'}),
        ("select unnest(cast(:a as int[])) as a", {"a": [1, 2, 3]}),
        ("select 1 as a where cast(:a as bool)", {"a": False}),
        ("create temporary table things (a int)", {}),
        ("select cast(:a as int) / 0 as a", {"a": 1}),
        ("select nonsense", {}),
        ("select cast(:a as int) as a", {"a": "seven"}),
    ],
)
def test_answers_and_refusals_are_those_of_stock_pg8000(
    sql: str, parameters: dict[str, Any], database: str
) -> None:
    def outcome(kind: type[pg8000.native.Connection]) -> object:
        ours = connect(database, DatabaseSettings())
        ours.__class__ = kind
        try:
            return ours.run(sql, **parameters), ours.columns
        except DatabaseError as error:
            return error.args[0]["C"], ours.run("select 1")
        finally:
            ours.close()

    assert outcome(OneRoundTrip) == outcome(pg8000.native.Connection)


def test_a_statement_is_taken_apart_once_and_gets_each_run_s_own_values(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_apart: list[str] = []

    def noting(sql: str) -> Any:
        taken_apart.append(sql)
        return pg8000.native.to_statement(sql)

    monkeypatch.setattr(connection, "to_statement", noting)
    sql = "select cast(:a as text) as a, cast(:b as text) as b, 'taken apart once' as c"

    async def story(database: Database) -> list[dict[str, Any]]:
        return [await database.row(sql, a=a, b=b) for a, b in (("1", "2"), ("3", "4"))]

    with using(database) as ours:
        rows = asyncio.run(story(ours))
    assert [(row["a"], row["b"]) for row in rows] == [("1", "2"), ("3", "4")]
    assert taken_apart == [sql]


def test_a_repeatable_statement_is_sent_once_more_when_the_connection_was_cut_while_idle(
    counting_proxy: Any,
) -> None:
    async def story(database: Database) -> int:
        await database.row("select 1 as one")
        counting_proxy.cut()
        row = await database.row("select 2 as two", repeatable=True)
        return int(row["two"])

    with using(counting_proxy.url) as database:
        assert asyncio.run(story(database)) == 2
    assert counting_proxy.connections == 2


def test_a_backend_that_an_operator_ends_is_replaced(database: str) -> None:
    async def story(one: Database, other: Database) -> None:
        pid = (await one.row("select pg_backend_pid() as pid"))["pid"]
        await other.row("select pg_terminate_backend(:pid)", pid=pid)
        row = await one.row("select pg_backend_pid() as pid", repeatable=True)
        assert row["pid"] != pid

    with using(database) as one, using(database) as other:
        asyncio.run(story(one, other))


def test_while_postgresql_is_away_it_is_unavailable_and_afterwards_it_works_by_itself(
    counting_proxy: Any,
) -> None:
    async def story(database: Database) -> None:
        await database.row("select 1 as one")
        counting_proxy.refusing = True
        counting_proxy.cut()
        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                await database.row("select 1 as one", repeatable=True)
            assert refused.value.retry_after_seconds is not None
        counting_proxy.refusing = False
        assert await database.row("select 2 as two") == {"two": 2}

    with using(counting_proxy.url, database_connect_seconds=0.5) as database:
        asyncio.run(story(database))


def test_nobody_listening_is_unavailable_and_counted(metrics_written: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"postgresql://app:test-key@127.0.0.1:{gone.getsockname()[1]}/none"

    with (
        using(url, database_connect_seconds=0.1) as database,
        pytest.raises(Unavailable),
    ):
        asyncio.run(database.rows("select 1"))
    assert [each["DatabaseUnavailable"] for each in metrics_written()] == [[1.0]]


@pytest.mark.parametrize("change", [("app:", "nobody:"), ("test_", "missing_")])
def test_a_login_or_a_database_that_is_refused_is_unavailable_and_not_quoted(
    change: tuple[str, str], database: str
) -> None:
    with using(database.replace(*change)) as refused, pytest.raises(Unavailable) as error:
        asyncio.run(refused.rows("select 1"))

    assert str(error.value.context["reason"]).startswith("refused ")
    assert "missing_" not in str(error.value.context)


def test_a_statement_that_takes_too_long_is_ended_by_the_server_and_the_connection_stays(
    database: str,
) -> None:
    async def story(slow: Database) -> None:
        pid = (await slow.row("select pg_backend_pid() as pid"))["pid"]
        started = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            await slow.rows("select pg_sleep(30)")
        assert refused.value.context["reason"] == "statement timeout"
        assert time.monotonic() - started < 5
        assert (await slow.row("select pg_backend_pid() as pid"))["pid"] == pid

    with using(database) as slow:
        asyncio.run(story(slow))


def test_a_server_that_does_not_answer_is_given_up_by_the_socket_s_own_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://app:test-key@127.0.0.1:{port}/silent"
        with (
            using(url, database_connect_seconds=0.2) as database,
            pytest.raises(Unavailable) as refused,
        ):
            asyncio.run(database.rows("select 1"))

    assert refused.value.context["reason"] == "TimeoutError"


def test_a_refused_statement_is_an_error_of_the_database_and_the_connection_stays(
    database: str,
) -> None:
    async def story(one: Database) -> None:
        pid = (await one.row("select pg_backend_pid() as pid"))["pid"]
        with pytest.raises(DatabaseError):
            await one.rows("select nonsense")
        assert (await one.row("select pg_backend_pid() as pid"))["pid"] == pid

    with using(database) as one:
        asyncio.run(story(one))


def test_statements_of_parallel_tasks_never_get_each_other_s_rows(database: str) -> None:
    async def story(one: Database) -> list[int]:
        rows = await asyncio.gather(
            *(one.row("select cast(:n as int) as n, pg_sleep(0.001)", n=n) for n in range(100))
        )
        return [row["n"] for row in rows]

    with using(database) as one:
        assert asyncio.run(story(one)) == list(range(100))


def test_a_cancelled_request_leaves_the_connection_in_order_for_the_next(database: str) -> None:
    async def story(one: Database) -> dict[str, Any]:
        slow = asyncio.create_task(one.rows("select pg_sleep(0.5)"))
        await asyncio.wait([slow], timeout=0.1)
        slow.cancel()
        return await one.row("select 7 as seven")

    with using(database) as one:
        assert asyncio.run(story(one)) == {"seven": 7}


def test_the_role_s_time_limit_and_time_zone_hold_for_every_new_connection(database: str) -> None:
    fresh = connect(database, DatabaseSettings())

    assert fresh.run("show statement_timeout") == [["1900ms"]]
    assert fresh.run("show timezone") == [["UTC"]]
    fresh.close()


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "mysql://app:canary@127.0.0.1/db",
        "postgresql://127.0.0.1",
        "postgresql:///db",
        "postgresql://app:canary@127.0.0.1:1/db?sslmode=canary",
    ],
)
def test_an_address_that_can_not_be_used_is_named_as_a_setting_and_not_quoted(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = url.replace(":1/", f":{listener.getsockname()[1]}/")
        with pytest.raises(ConfigurationError) as refused:
            connect(url, DatabaseSettings())

    assert refused.value.setting == "DATABASE_URL"
    assert "canary" not in str(refused.value)


def test_loopback_speaks_plain_and_every_other_host_speaks_verified_tls() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        assert tls_of(host, {}) is None

    context = tls_of("db.example.com", {})
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_sslmode_says_how_to_speak() -> None:
    assert tls_of("db.example.com", {"sslmode": ["disable"]}) is None

    required = tls_of("127.0.0.1", {"sslmode": ["require"]})
    assert isinstance(required, ssl.SSLContext)
    assert (required.verify_mode, required.check_hostname) == (ssl.CERT_NONE, False)

    verified = tls_of("127.0.0.1", {"sslmode": ["verify-full"]})
    assert isinstance(verified, ssl.SSLContext)
    assert (verified.verify_mode, verified.check_hostname) == (ssl.CERT_REQUIRED, True)

    with pytest.raises(FileNotFoundError):
        tls_of("db.example.com", {"sslrootcert": ["/nowhere/ca.pem"]})


def test_a_server_that_has_no_tls_is_not_spoken_to_in_plain_when_tls_is_wanted() -> None:
    heard: list[bytes] = []

    def answer_no(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            heard.append(client.recv(1_000))
            client.sendall(b"N")
            heard.append(client.recv(1_000))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_no, args=(listener,))
        thread.start()
        url = f"postgresql://app:canary@127.0.0.1:{listener.getsockname()[1]}/db?sslmode=require"
        with using(url) as database, pytest.raises(Unavailable):
            asyncio.run(database.rows("select 1"))
        thread.join(DEADLINE_SECONDS)

    ssl_request, after = heard
    assert ssl_request == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
    assert after == b""
