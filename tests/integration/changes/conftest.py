"""Somebody whose memory is tidied, and a second pair of hands."""

from collections.abc import Iterator

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tests.integration.changes.both_stores import Stores
from tests.integration.changes.journal import Tidier
from tests.integration.turn_ledger import database_at
from tests.integration.twin_process import TwinProcess, running


@pytest.fixture
def tidier(container: Database, connection: OneRoundTrip) -> Tidier:
    return Tidier.of_somebody(container, connection)


@pytest.fixture
def other(tidier: Tidier, database: str) -> Iterator[Tidier]:
    """Somebody else at work for the same person, on a connection of their own."""
    opened = database_at(database)
    yield tidier.beside(opened)
    opened.close()


@pytest.fixture(scope="module")
def zep_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    folder = tmp_path_factory.mktemp("zep")
    with running("zep", "--data", str(folder), "--ingestion-ms", "1") as twin:
        yield twin


@pytest.fixture(scope="module")
def mem0_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    folder = tmp_path_factory.mktemp("mem0")
    with running("mem0", "--data", str(folder), "--ingestion-ms", "1") as twin:
        yield twin


@pytest.fixture
def zep(zep_twin: TwinProcess) -> Iterator[TwinProcess]:
    yield zep_twin
    zep_twin.heal()


@pytest.fixture
def mem0(mem0_twin: TwinProcess) -> Iterator[TwinProcess]:
    yield mem0_twin
    mem0_twin.post("/_twin/expiration", {"refuse_past": False})
    mem0_twin.heal()


@pytest.fixture
def stores(zep: TwinProcess, mem0: TwinProcess, tidier: Tidier) -> Stores:
    return Stores(zep, mem0, tidier)
