"""Migrations: applied once however many want to, all or nothing, never edited."""

import threading
from collections.abc import Iterator

import pg8000.native
import pytest

from tandem.db.connection import OneRoundTrip, connect
from tandem.db.migrate import Migration, migrate, shipped
from tandem.errors import ConfigurationError
from tandem.settings import DatabaseSettings

pytestmark = pytest.mark.integration

TABLES = "select count(*) from information_schema.tables where table_schema = 'public'"


@pytest.fixture
def connection(empty_database: str) -> Iterator[OneRoundTrip]:
    opened = connect(empty_database, DatabaseSettings(database_statement_seconds=30))
    opened.run("drop schema public cascade")
    opened.run("create schema public")
    yield opened
    opened.close()


def test_four_that_migrate_at_once_apply_each_file_once(
    connection: OneRoundTrip, empty_database: str
) -> None:
    applied: list[list[str]] = []
    together = threading.Barrier(4)

    def run() -> None:
        own = connect(empty_database, DatabaseSettings(database_statement_seconds=30))
        together.wait()
        applied.append(migrate(own))
        own.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    names = [migration.name for migration in shipped()]
    assert sorted(applied) == [[], [], [], names]
    assert connection.run("select name from schema_migrations order by name") == [
        [name] for name in names
    ]


def test_a_second_run_changes_nothing_and_a_new_file_is_applied_after_the_old_ones(
    connection: OneRoundTrip,
) -> None:
    first = [Migration("0001_a.sql", "create table a (n int)")]
    second = [*first, Migration("0002_b.sql", "create table b (n int); insert into a values (1)")]

    assert migrate(connection, first) == ["0001_a.sql"]
    assert migrate(connection, first) == []
    assert migrate(connection, second) == ["0002_b.sql"]
    assert connection.run("select n from a") == [[1]]


def test_a_failing_file_leaves_nothing_behind_and_the_lock_free(connection: OneRoundTrip) -> None:
    broken = [
        Migration("0001_a.sql", "create table a (n int)"),
        Migration("0002_b.sql", "create table b (n nonsense)"),
    ]

    with pytest.raises(pg8000.native.DatabaseError):
        migrate(connection, broken)

    assert connection.run(TABLES) == [[0]]
    assert migrate(connection, broken[:1]) == ["0001_a.sql"]


def test_an_applied_file_may_not_be_edited(connection: OneRoundTrip) -> None:
    migrate(connection, [Migration("0001_a.sql", "create table a (n int)")])

    with pytest.raises(ConfigurationError, match=r"0001_a\.sql"):
        migrate(connection, [Migration("0001_a.sql", "create table a (n bigint)")])


def test_older_code_leaves_what_newer_code_has_applied(connection: OneRoundTrip) -> None:
    newer = [
        Migration("0001_a.sql", "create table a (n int)"),
        Migration("0002_b.sql", "create table b (n int)"),
    ]
    migrate(connection, newer)

    assert migrate(connection, newer[:1]) == []


def test_shipped_files_are_numbered_without_gaps() -> None:
    numbers = [int(migration.name.split("_")[0]) for migration in shipped()]

    assert numbers == list(range(1, len(numbers) + 1))
