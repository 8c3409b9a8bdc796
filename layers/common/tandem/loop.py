"""The one event loop of a container, on which everything asynchronous in it runs."""

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any


@cache
def container_loop() -> asyncio.AbstractEventLoop:
    """The loop. Clients and connections made on it stay usable from one invocation to the next."""
    return asyncio.new_event_loop()


def use_container_loop() -> None:
    """Makes it the current loop, which is where Mangum looks.

    Before each use, since any `asyncio.run` in the process leaves no current loop behind.
    """
    asyncio.set_event_loop(container_loop())


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """The result of some work, for handlers of queues and schedules."""
    use_container_loop()
    return container_loop().run_until_complete(work)
