"""Real PostgreSQL for the tests: one server a run, one fresh migrated database a module.

Also a proxy that counts round trips on the socket, for budgets that are promised in them.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from local.postgres import Postgres
from tandem.db.connection import OneRoundTrip, connect
from tandem.db.migrate import migrate
from tandem.settings import DatabaseSettings


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
