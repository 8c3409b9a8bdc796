"""How long the delivery job's steps take and its rests last."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tandem.deadline import Deadline

_LONGEST_REST_SECONDS: Final = 300.0
_LONGEST_ASKED_REST_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, and what passes the time.

    Attributes:
        lease_seconds: of a lease, from the last time that it was prolonged.
        poll_seconds: how long a run waits for ingestion before it leaves.
        call_seconds: the longest that one method of a store takes.
        doubt_seconds: how long after a call was made it may still have its effect.
        sleep, clock: wait, and monotonic seconds.
        random_share: a number in [0, 1), to spread repeated tries.
    """

    lease_seconds: float
    poll_seconds: float
    call_seconds: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    random_share: Callable[[], float] = random.random
    doubt_seconds: float = 60.0

    def timer(self, seconds: float) -> Deadline:
        """Runs out so many seconds from now."""
        return Deadline(seconds, clock=self.clock)

    def rest_seconds(self, failures: int, asked_seconds: int | None) -> float:
        """How long to leave a store alone that has failed so often in a row: 2, 4, 8 … seconds up
        to five minutes, give or take a quarter; or as long as it asks for, up to a quarter of an
        hour, which is as far ahead as a wake-up can be ordered."""
        growing = min(2.0 ** min(max(failures, 1), 10), _LONGEST_REST_SECONDS)
        spread = growing * (0.75 + self.random_share() / 2)
        return max(spread, min(float(asked_seconds or 0), _LONGEST_ASKED_REST_SECONDS))
