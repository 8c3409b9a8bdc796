"""Waiting until a statement waits for another one's lock, so that a test can let it go on."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tandem.db.connection import OneRoundTrip

DEADLINE_SECONDS = 10


async def until_somebody_waits(connection: OneRoundTrip, *, count: int = 1) -> None:
    """Returns once so many connections wait for a lock.

    It looks at the locks and not at what connections do: of that, a transaction sees only how it
    was when it first looked, and `connection` may be the one that holds the lock.
    """
    waiting = "select count(distinct pid) from pg_locks where not granted"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (await asyncio.to_thread(connection.run, waiting) or [[0]])[0][0] < count:
        assert time.monotonic() < deadline, "nobody waits"
        await asyncio.sleep(0.005)


def commit_once_waited_for[T](holder: OneRoundTrip, work: Callable[[], T]) -> T:
    """What `work` gives, which has to wait for the transaction that `holder` has open."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(work)
        asyncio.run(until_somebody_waits(holder))
        holder.run("commit")
        return waiting.result(timeout=DEADLINE_SECONDS)
