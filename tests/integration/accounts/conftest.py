"""Instances of the auth function, none of which has seen a failed login."""

from collections.abc import Iterator

import pytest

from tandem.db.connection import OneRoundTrip
from tests.integration.accounts.instances import Container, Hashing


@pytest.fixture
def hashing() -> Hashing:
    return Hashing()


@pytest.fixture
def containers(database: str, hashing: Hashing) -> Iterator[list[Container]]:
    """Eight function instances; each has a connection of its own once it is used."""
    made = [Container(database, hashing) for _ in range(8)]
    yield made
    for container in made:
        container.database.close()


@pytest.fixture(autouse=True)
def _no_failures_yet(connection: OneRoundTrip) -> None:
    connection.run("truncate login_failures")
