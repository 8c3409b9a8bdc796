"""Stops asking a provider that has failed several times in a row, and tries again now and then.

    closed      calls go out; several failures in a row open it, of a store five within a minute
    open        nobody is asked, for about 10 s; twice as long each time a probe fails, up to 60 s
    half_open   one call goes out as a probe: an answer closes it, a failure opens it again

What counts is whether the provider is there. A refusal of one request (400, 404) is a sign of life
and so is 429; a refused key (401) is a failure, because each call will fail until an operator has
acted. What never left the house says nothing, and neither does an answer that nobody waited for
long enough; of probes the waits add up.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

from tandem.clients.failures import never_left
from tandem.errors import (
    Provider,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

FIRST_OPEN_SECONDS: Final = 10.0
LONGEST_OPEN_SECONDS: Final = 60.0
LONGEST_HOLD_SECONDS: Final = 300.0


class Patience(NamedTuple):
    """What is put up with from a provider.

    Attributes:
        failures: in a row open the breaker,
        within_seconds: if they lie so close together.
        answer_seconds: a call without an answer counts as failed only when it was given at least
            so long.
    """

    failures: int
    within_seconds: float
    answer_seconds: float


# Gemini is waited for for 20 s, in which a container does nothing else: five such calls would take
# longer than a minute.
PATIENCE: Final[dict[Provider, Patience]] = {
    "zep": Patience(5, 60.0, 1.0),
    "mem0": Patience(5, 60.0, 1.0),
    "gemini": Patience(3, 120.0, 10.0),
}

State = Literal["closed", "open", "half_open"]
_Sign = Literal["life", "failure", "nothing"]


class Breaker:
    """What this process knows about whether one provider is there. Not for several threads."""

    def __init__(
        self,
        provider: Provider,
        *,
        on_open: Callable[[Provider, float], None] | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Closed at first.

        Args:
            provider: named in errors; how much is put up with depends on it, see `PATIENCE`.
            on_open: is told the provider and for how many seconds, each time it opens.
            clock: seconds. Not a monotonic clock, which may stand still while the container is
                frozen; that this one may be set back is provided for.
            jitter: a number in [0, 1); containers that fail together don't come back together.
        """
        self.provider: Provider = provider
        self._patience = PATIENCE[provider]
        self._on_open = on_open
        self._clock = clock
        self._jitter = jitter
        self._failed_at: list[float] = []
        self._open_seconds = 0.0  # 0 while closed
        self._open_until = 0.0
        self._held_until = 0.0
        self._probe: Passage | None = None
        self._unanswered_seconds = 0.0  # of all probes since it became half open
        self._period = 0

    @property
    def _opened(self) -> bool:
        return self._open_seconds > 0

    @property
    def state(self) -> State:
        """closed, open, or half_open once a probe may go out and while one is out."""
        if not self._opened:
            return "closed"
        return "open" if self._left(self._open_until, LONGEST_OPEN_SECONDS) else "half_open"

    @property
    def held_seconds(self) -> float:
        """For how long nobody may call because the provider, or the budget, has said so."""
        return self._left(self._held_until, LONGEST_HOLD_SECONDS)

    def check(self, operation: str, *, patience_seconds: float = 0.0) -> None:
        """Does nothing if a call may go out now.

        Args:
            operation: constant name for the error.
            patience_seconds: for how long the caller would wait for the end of a hold.

        Raises:
            UpstreamUnavailable: it is open, or half open and another call is the probe
                (`reason="breaker_open"`, `sent=False`).
            UpstreamRateLimited: nobody may call for now (`reason="held"`, `sent=False`).
        """
        open_seconds = self._left(self._open_until, LONGEST_OPEN_SECONDS)
        if self._opened and (open_seconds or self._probe is not None):
            raise self._refusal(UpstreamUnavailable, operation, "breaker_open", open_seconds)
        held_seconds = self.held_seconds
        if held_seconds > patience_seconds:
            raise self._refusal(UpstreamRateLimited, operation, "held", held_seconds)

    def enter(self, operation: str) -> "Passage":
        """Lets one call pass, which must be left again whatever becomes of it. Raises as `check`
        does."""
        self.check(operation)
        passage = Passage(self, self._period, clock=self._clock)
        if self._opened:
            self._probe = passage
        return passage

    def hold(self, seconds: float) -> None:
        """Nobody may call for so long, at most five minutes. Never shortens an earlier hold."""
        until = self._clock() + min(seconds, LONGEST_HOLD_SECONDS)
        if self.held_seconds < seconds:
            self._held_until = until

    def heard(self, passage: "Passage", error: BaseException | None, seconds: float) -> None:
        """Hears how a call went; `Passage` says so."""
        if passage.period != self._period:
            return  # it went out before this breaker last opened or closed
        waited = seconds
        if self._probe is passage:
            self._probe = None
            waited += self._unanswered_seconds
            self._unanswered_seconds = waited
        sign = self._sign(error, waited)
        if sign == "life":
            self._failed_at.clear()
            if self._opened:
                self._open_seconds = 0.0
                self._next_period()
        elif sign == "failure":
            self._count_failure()

    def _sign(self, error: BaseException | None, seconds: float) -> _Sign:
        if error is None:
            return "life"
        unanswered = isinstance(error, asyncio.CancelledError) or (
            isinstance(error, UpstreamTimeout) and error.context.get("reason") == "deadline"
        )
        if never_left(error) or (unanswered and seconds < self._patience.answer_seconds):
            return "nothing"
        if isinstance(error, UpstreamRateLimited | UpstreamRejected):
            return "life"
        return "failure" if unanswered or isinstance(error, UpstreamError) else "nothing"

    def _count_failure(self) -> None:
        now = self._clock()
        near = [at for at in self._failed_at if abs(now - at) <= self._patience.within_seconds]
        self._failed_at = [*near, now]
        if not self._opened and len(self._failed_at) < self._patience.failures:
            return
        longest = 2 * self._open_seconds or FIRST_OPEN_SECONDS
        self._open_seconds = min(longest, LONGEST_OPEN_SECONDS)
        seconds = self._open_seconds * (1 - self._jitter() / 4)
        self._failed_at.clear()
        self._open_until = now + seconds
        self._next_period()
        if self._on_open is not None:
            self._on_open(self.provider, seconds)

    def _next_period(self) -> None:
        self._period += 1
        self._unanswered_seconds = 0.0

    def _left(self, until: float, longest: float) -> float:
        """Seconds until then; none if it is further off than it was ever put, because then the
        clock has been set back."""
        left = until - self._clock()
        return left if 0 < left <= longest else 0.0

    def _refusal(
        self, kind: type[UpstreamError], operation: str, reason: str, seconds: float
    ) -> UpstreamError:
        return kind(
            self.provider,
            operation=operation,
            retry_after_seconds=max(1, math.ceil(seconds)),
            reason=reason,
            sent=False,
        )


class Passage:
    """One call that a breaker has let pass. As a context it leaves by itself, with what is raised.

    Attributes:
        period: of the breaker, when the call passed.
    """

    def __init__(
        self, breaker: Breaker | None, period: int = 0, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Without a breaker nobody hears of it."""
        self.period = period
        self._breaker = breaker
        self._clock = clock
        self._asked_at: float | None = None

    def asked(self) -> None:
        """From now on, the first time that this is said, the provider is being waited for."""
        if self._asked_at is None:
            self._asked_at = self._clock()

    def leave(self, error: BaseException | None) -> None:
        """Tells the breaker what came of the call: None for an answer that can be used."""
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            seconds = 0.0 if self._asked_at is None else self._clock() - self._asked_at
            breaker.heard(self, error, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave(error)
