"""What every call to a provider asks before it goes out, and who hears when it was too much."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tandem.clients.breaker import Breaker, Passage
from tandem.clients.budget import HOLD_SECONDS, Budget
from tandem.errors import AppError, UpstreamError, UpstreamRateLimited

_CLOCKS_DIFFER_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Bounds:
    """The breaker of one provider in this process and the budget of all who share its key. Where
    there is none, nothing is asked of it."""

    breaker: Breaker | None = None
    budget: Budget | None = None

    async def enter(
        self,
        operation: str,
        *,
        seconds: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> Passage:
        """A way for one call, with all its attempts, to be left again. Raises as
        `Breaker.enter`.

        Args:
            operation: constant name for the error.
            seconds: how long it may wait until the provider may be asked again. A single 429 stops
                everybody for a second, and to answer a second later is better than without what
                the provider knows.
            sleep: waits.
        """
        if self.breaker is None:
            return Passage(None)
        held_seconds = self.breaker.held_seconds
        if 0 < held_seconds <= seconds:
            self.breaker.check(operation, patience_seconds=seconds)
            await sleep(held_seconds + _CLOCKS_DIFFER_SECONDS)
        return self.breaker.enter(operation)

    async def take(self, operation: str, *, seconds: float) -> None:
        """Returns when an attempt may go out. Raises as `Budget.take`."""
        if self.budget is not None:
            await self.budget.take(operation, seconds=max(0.0, seconds))

    async def failed(self, error: UpstreamError, *, seconds: float) -> None:
        """Hears how an attempt failed. If the provider refused it for now (429), nobody asks for a
        while: neither this process nor those who share the key. Never raises for that.

        Args:
            seconds: how long it may take to tell them.
        """
        if not isinstance(error, UpstreamRateLimited) or error.status is None:
            return
        asked = error.retry_after_seconds
        if self.budget is not None:
            with suppress(AppError, TimeoutError):
                async with asyncio.timeout(max(0.0, seconds)):
                    await self.budget.refused(asked)
        elif self.breaker is not None:
            self.breaker.hold(HOLD_SECONDS if asked is None else asked)
