"""Somebody whose memory is tidied, and a second pair of hands."""

from collections.abc import Iterator

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tests.integration.changes.journal import Tidier
from tests.integration.turn_ledger import database_at


@pytest.fixture
def tidier(container: Database, connection: OneRoundTrip) -> Tidier:
    return Tidier.of_somebody(container, connection)


@pytest.fixture
def other(tidier: Tidier, database: str) -> Iterator[Tidier]:
    """Somebody else at work for the same person, on a connection of their own."""
    opened = database_at(database)
    yield tidier.beside(opened)
    opened.close()
