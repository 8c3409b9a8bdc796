"""A session's deliveries in the ledger; and the jobs between both stores' twins and a queue.

Zep's twin forgets Idempotency-Keys at once, so that what arrives once does so by our own care.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tests.integration.delivery.job_world import World
from tests.integration.delivery.stores_and_queue import Queue, Twin
from tests.integration.delivery.talk import Talk
from tests.integration.turn_ledger import Someone
from tests.local_servers import serving


@pytest.fixture
def talk(container: Database, ada: Someone) -> Talk:
    return Talk(container, ada)


@pytest.fixture(scope="module")
def zep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    twin = Twin("zep", tmp_path_factory.mktemp("twins"), "--idempotency-seconds", "0")
    yield twin
    twin.stop()


@pytest.fixture(scope="module")
def mem0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    twin = Twin("mem0", tmp_path_factory.mktemp("twins"))
    yield twin
    twin.stop()


@pytest.fixture
def queue() -> Iterator[Queue]:
    with serving(Queue()) as server:
        yield server


@pytest.fixture
def world(
    database: str, connection: OneRoundTrip, zep: Twin, mem0: Twin, queue: Queue
) -> Iterator[World]:
    world = World(database, connection, zep, mem0, queue)
    yield world
    world.container.close()


@pytest.fixture
def jobs(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a job afresh, as a new container does, with the world's addresses."""
    monkeypatch.delenv("SECRET_ARN", raising=False)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    started: list[ModuleType] = []

    def start(name: str) -> ModuleType:
        sys.modules.pop(f"memory_api.jobs.{name}", None)
        started.append(importlib.import_module(f"memory_api.jobs.{name}"))
        return started[-1]

    yield start
    for module in started:
        if hasattr(module, "database"):
            module.database.close()
        sys.modules.pop(module.__name__, None)
