"""One stack for all tests that leave it whole; a seed that is printed."""

import os
import random
import secrets
from collections.abc import Iterator
from uuid import uuid4

import pytest

from local.person import Person, until
from local.stack import Stack
from tests.e2e.harness import FAST_TALKER, newcomer, nothing_is_owed, row_counts

_SEED = os.environ.get("TANDEM_SEED") or secrets.token_hex(4)


def pytest_report_header() -> str:
    """Says how to repeat what was drawn."""
    return f"drawn by TANDEM_SEED={_SEED}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> random.Random:
    """Draws the same again for the same test when TANDEM_SEED is set to what was printed."""
    print(f"TANDEM_SEED={_SEED}")  # noqa: T201 - shown when the test fails
    return random.Random(f"{_SEED}/{request.node.name}")  # noqa: S311 - has to be repeatable


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything, as it is; do not kill or stop parts of it."""
    with Stack(extra_environment=FAST_TALKER) as running:
        yield running


@pytest.fixture
def person(stack: Stack) -> Iterator[Person]:
    """Somebody new, logged in."""
    with newcomer(stack.url) as someone:
        yield someone


@pytest.fixture(scope="module")
def anna(stack: Stack) -> Iterator[Person]:
    """Somebody with a session `one`, a title and a turn that both stores have ingested."""
    with newcomer(stack.url, user_id=f"anna-{uuid4().hex[:8]}") as person:
        said = person.chat("one", "I like archery.")
        person.until_learned([said["turn_id"]])
        person.memory()  # which links what both stores say
        yield person


@pytest.fixture
def nothing_stored(stack: Stack, anna: Person) -> Iterator[None]:
    """Every table has as many rows after the test as before."""
    assert anna
    # What earlier tests said may still be on its way, and adds rows when it arrives.
    until(lambda: nothing_is_owed(stack), "nothing is owed to a store")
    before = row_counts(stack)
    assert before["turns"] >= 1
    yield
    assert row_counts(stack) == before
