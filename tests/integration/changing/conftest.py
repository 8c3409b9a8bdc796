"""The memory function and the jobs between both stores' twins, a queue and a real PostgreSQL."""

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tandem.db.connection import OneRoundTrip
from tests.conftest import MakeEvent
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.delivery.conftest import jobs, mem0, queue, zep
from tests.integration.delivery.stores_and_queue import Queue, Twin

__all__ = ["jobs", "mem0", "queue", "zep"]


@pytest.fixture
def world(
    database: str,
    connection: OneRoundTrip,
    zep: Twin,
    mem0: Twin,
    queue: Queue,
    http_event: MakeEvent,
) -> Iterator[MemoryWorld]:
    world = MemoryWorld(database, connection, zep, mem0, queue)
    world.make_event = http_event
    yield world
    world.close()


@pytest.fixture
def memory(world: MemoryWorld, jobs: Callable[[str], ModuleType]) -> MemoryWorld:
    """The world with its delivery job."""
    world.deliver_job = jobs("deliver").handler
    return world
