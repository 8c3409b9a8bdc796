"""A real ledger to put sessions and their turns into."""

import pytest

from tandem.db.connection import OneRoundTrip
from tests.integration.history.session_ledger import Ledger


@pytest.fixture
def ledger(database: str, connection: OneRoundTrip) -> Ledger:
    return Ledger(database, connection)
