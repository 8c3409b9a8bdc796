"""What runs beside a piece of work and is waited for by nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

from tandem import observability
from tandem.errors import AppError

LEAST_SECONDS: Final = 0.15
"""What everything beside is given, so that work that is quicker than the stores hears of them, too.
A model takes longer."""


class Beside:
    """Calls whose results nobody needs, as a context: what isn't done when the work ends, however
    it ends, is dropped.

    Nothing of it is left when the context has been left, because Lambda freezes the process once
    the answer is out, and what was under way would wake up in somebody else's request.
    """

    def __init__(self, *, least_seconds: float = LEAST_SECONDS) -> None:
        """`least_seconds`: nothing is dropped before it has had so long, unless the work fails."""
        self._least_seconds = least_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._begun_at = 0.0

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Begins with it at once; what it returns or raises is not told to anybody."""
        self._begun_at = asyncio.get_running_loop().time()
        self._tasks.append(asyncio.create_task(_quietly(work)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        owed = self._begun_at + self._least_seconds - asyncio.get_running_loop().time()
        if self._tasks and error is None and owed > 0:
            await asyncio.wait(self._tasks, timeout=owed)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _quietly(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except AppError:
        return  # the line of the call says it
    except Exception as error:  # nobody else would hear of it
        observability.warning("beside_failed", **observability.describe(error))
