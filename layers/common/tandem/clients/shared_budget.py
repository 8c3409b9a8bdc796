"""The budget of jobs: they ask before they call, and wait rather than be refused."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, Protocol

from tandem.clients.budget import HOLD_SECONDS, Asked, Granted
from tandem.errors import Provider, Unavailable, UpstreamRateLimited

Share = Literal["deliveries", "jobs"]
KEEPS: Final[dict[Share, float]] = {"deliveries": 0.25, "jobs": 0.5}
"""Which share of a provider's calls each leaves to those before it: people come first."""

LONGEST_WAIT_SECONDS: Final = 300.0

_GOOD_SECONDS: Final = 2.0
_MOST_AT_ONCE: Final = 5
_AT_ONCE_WITHOUT_LIMIT: Final = 50
_AWAY_SECONDS: Final = 2.0


class Buckets(Protocol):
    """What all containers share; see `tandem.db.rate_budgets.RateBudgets`."""

    async def take(self, asked: Asked, *, keep: float) -> Granted: ...
    async def pause(self, provider: Provider, retry_after_seconds: int | None) -> None: ...


class SharedBudget:
    """One provider's budget in one process. It takes a handful of calls at a time; those that are
    not used within two seconds are forfeit."""

    def __init__(  # noqa: PLR0913 - three for tests
        self,
        provider: Provider,
        buckets: Buckets,
        *,
        per_minute: int,
        share: Share,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Takes a limit, 0 for none, and how much of it is left to others.

        Args:
            clock: seconds; not a monotonic clock, which may stand still while the container is
                frozen.
            jitter: a number in [0, 1); those who wait together don't come back together.
        """
        self._provider: Provider = provider
        self._buckets = buckets
        at_once = min(_MOST_AT_ONCE, max(1, per_minute // 120))
        self._asked = Asked(
            provider, per_minute, asked=at_once if per_minute else _AT_ONCE_WITHOUT_LIMIT
        )
        self._keep = KEEPS[share]
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._one_at_a_time = asyncio.Lock()
        self._calls = 0
        self._taken_at = 0.0
        self._none_before = 0.0

    async def take(self, operation: str, *, seconds: float) -> None:
        """Returns when a call may go out.

        Raises:
            UpstreamRateLimited: not within `seconds`, or the database is away
                (`reason="budget"`, `sent=False`).
        """
        last = self._clock() + seconds
        try:
            async with asyncio.timeout(seconds):
                while (wait_seconds := await self._wait_seconds()) > 0:
                    wait_seconds += 0.05 * self._jitter()
                    if wait_seconds > last - self._clock():
                        raise self._refusal(operation, wait_seconds)
                    await self._sleep(wait_seconds)
        except (Unavailable, TimeoutError) as error:
            raise self._refusal(operation, _AWAY_SECONDS) from error

    async def refused(self, retry_after_seconds: int | None) -> None:
        """Waits itself and tells the others. Raises `Unavailable` when the database is away."""
        seconds = HOLD_SECONDS if retry_after_seconds is None else retry_after_seconds
        self._calls = 0
        self._none_before = self._clock() + min(seconds, LONGEST_WAIT_SECONDS)
        await self._buckets.pause(self._provider, retry_after_seconds)

    async def _wait_seconds(self) -> float:
        """0 when a call has been taken, else when to ask again."""
        async with self._one_at_a_time:
            now = self._clock()
            if not (self._calls and 0 <= now - self._taken_at < _GOOD_SECONDS):
                wait_seconds = self._none_before - now
                if 0 < wait_seconds <= LONGEST_WAIT_SECONDS:
                    return wait_seconds
                granted = await self._buckets.take(self._asked, keep=self._keep)
                # From when it was asked for: the grant can't be older.
                self._calls, self._taken_at = granted.calls, now
                if not self._calls:
                    self._none_before = self._clock() + granted.wait_seconds
                    return max(granted.wait_seconds, 0.01)
            self._calls -= 1
            return 0.0

    def _refusal(self, operation: str, wait_seconds: float) -> UpstreamRateLimited:
        return UpstreamRateLimited(
            self._provider,
            operation=operation,
            retry_after_seconds=max(1, math.ceil(wait_seconds)),
            reason="budget",
            sent=False,
        )
