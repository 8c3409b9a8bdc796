"""Work that becomes due later, done in order by one task of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Step = Callable[[], float | None]


class Worker:
    """Calls `step` whenever something is due; it answers the seconds until the next, or None."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something new may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Works until cancelled; sleeps when nothing is due."""
        while True:
            self._woken.clear()
            pause = self._step()
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                continue
