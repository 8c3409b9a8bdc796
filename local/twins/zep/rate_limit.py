"""The limit on requests per minute: X-RateLimit-* on every answer, 429 beyond it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

from local.twins.server import Answer, Refusal
from local.twins.zep.errors import error

_WINDOW = 60.0


class RateLimit:
    """Counts the calls of each minute, which begins with the first call after the one before."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.time) -> None:
        """`per_minute`: None for no limit, and then no headers either."""
        self._per_minute, self._clock = per_minute, clock
        self._ends, self._taken = 0.0, 0

    def take(self) -> None:
        """Counts one call, or raises a 429."""
        if self._per_minute is None:
            return
        now = self._clock()
        if now >= self._ends:
            self._ends, self._taken = now + _WINDOW, 0
        if self._taken >= self._per_minute:
            refused = self.shown(error(429, "rate_limited", "too many requests in this minute"))
            after = {"Retry-After": str(math.ceil(self._ends - now))}
            raise Refusal(replace(refused, headers={**refused.headers, **after}))
        self._taken += 1

    def shown(self, answer: Answer) -> Answer:
        """The answer with what is left of the minute."""
        if self._per_minute is None:
            return answer
        headers = {
            "X-RateLimit-Limit": str(self._per_minute),
            "X-RateLimit-Remaining": str(max(0, self._per_minute - self._taken)),
            "X-RateLimit-Reset": str(math.ceil(self._ends)),
            "X-RateLimit-Increment": "1",
        }
        return replace(answer, headers={**answer.headers, **headers})

    def reset(self) -> None:
        """Begins anew."""
        self._ends, self._taken = 0.0, 0
