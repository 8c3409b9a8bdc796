"""Several things at the same time, none of which outlives the others."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import cast


async def all_of[T](work: Iterable[Awaitable[T]]) -> list[T]:
    """The results, in order.

    When one fails, the others are broken off and have ended before its error is raised: Lambda
    freezes the process once the answer is out, and what was left would wake up in somebody else's
    request.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def both[A, B](one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Two results. Ends as `all_of` does."""
    first, second = await all_of([cast(Awaitable[A | B], one), cast(Awaitable[A | B], other)])
    return cast(A, first), cast(B, second)
