"""What runs beside a piece of work and is waited for by nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from tandem.errors import AppError


class Beside:
    """Calls whose results nobody needs, as a context: what isn't done when the work ends, however
    it ends, is dropped.

    Nothing of it is left when the context has been left, because Lambda freezes the process once
    the answer is out, and what was under way would wake up in somebody else's request.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Begins with it at once; what it returns or raises is not told to anybody."""
        self._tasks.append(asyncio.create_task(_quietly(work)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _quietly(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except AppError:
        return  # the line of the call says it
