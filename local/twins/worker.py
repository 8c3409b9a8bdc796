"""Work that becomes due later, done in order by one task of the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

_LOG = logging.getLogger("local.twins")
_AGAIN_SECONDS = 1.0
Step = Callable[[], float | None]


class Worker:
    """Calls `step` whenever something is due; it answers the seconds until the next, or None.

    A step does little and answers 0 when more is due: calls are served between two steps.
    """

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
            pause = self._pause()
            if pause == 0:
                await asyncio.sleep(0)
                continue
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _pause(self) -> float | None:
        try:
            return self._step()
        except Exception as failure:  # what fails now must not stop what comes later
            _LOG.error("a step of the worker failed: %s", type(failure).__name__)
            return _AGAIN_SECONDS
