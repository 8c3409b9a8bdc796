"""How much time is left of a piece of work, passed down so that no step outlives the whole."""

import time
from collections.abc import Callable
from typing import Any

RESERVE_SECONDS = 3.5
"""What a step may not use: the time to store the outcome and to answer."""


class Deadline:
    """A moment by which the work must have ended.

    Args:
        seconds: from now.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = clock() + seconds

    def left(self) -> float:
        """Seconds until the end; negative once it has passed."""
        return self._ends_at - self._clock()

    def step(self, own_limit_seconds: float, *, reserve_seconds: float = RESERVE_SECONDS) -> float:
        """Seconds that one step may take: its own limit, or what is left but for the reserve.

        At least a hundredth of a second, so that a step that comes too late fails as a time-out
        of that step.
        """
        return max(0.01, min(own_limit_seconds, self.left() - reserve_seconds))


def deadline_of(lambda_context: Any, *, at_most_seconds: float) -> Deadline:
    """The deadline of this invocation: what Lambda leaves, and never more than a limit of ours.

    Without a context (a test that calls the app itself) the limit alone counts.
    """
    remaining = getattr(lambda_context, "get_remaining_time_in_millis", None)
    seconds = remaining() / 1_000 if callable(remaining) else at_most_seconds
    return Deadline(min(seconds, at_most_seconds))
