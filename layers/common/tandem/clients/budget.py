"""How many calls a provider may still be sent, by all who share its key.

Who answers a person has no round trip to spare for the question: a `Tally` counts in the process,
and the statement that is sent anyway tells the count and learns what may still go out (`Tallies`).
Jobs ask before each handful of calls; see `shared_budget.py`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

from tandem.errors import Provider

HOLD_SECONDS: Final = 1
"""How long nobody asks a provider that says 429 and not for how long. Short: it stops everybody."""


class Budget(Protocol):
    """Asked before every attempt of a call; see `tandem.clients.http.ProviderHttp`."""

    async def take(self, operation: str, *, seconds: float) -> None:
        """Returns when an attempt may go out.

        Args:
            operation: constant name for the error.
            seconds: how long it may wait for that at most.

        Raises:
            UpstreamRateLimited: it would not within `seconds`. Its context says `sent=False` and
                `reason="budget"`, its `retry_after_seconds` when to come back.
        """

    async def refused(self, retry_after_seconds: int | None) -> None:
        """Hears that the provider refused an attempt for now (429), so that everybody who shares
        the key slows down, this process included. May be cancelled; what it raises of ours is not
        told to anybody.

        Args:
            retry_after_seconds: what the provider asked for, if it did.
        """


class Asked(NamedTuple):
    """What one statement says of one provider.

    Attributes:
        per_minute: how many calls it allows; 0 when that isn't known.
        told: calls that have gone out and that were not granted.
        asked: calls that are to go out.
    """

    provider: Provider
    per_minute: int
    told: int = 0
    asked: int = 0


class Granted(NamedTuple):
    """What it learns.

    Attributes:
        calls: how many may go out, within three seconds.
        wait_seconds: 0 when some may; else for how long nobody of this kind may call.
    """

    provider: Provider
    calls: int
    wait_seconds: float


Pause = Callable[[Provider, int | None], Awaitable[None]]
"""Tells everybody to leave a provider alone; see `tandem.db.rate_budgets.RateBudgets.pause`."""


class Tally:
    """Counts this process's calls to one provider and lets them all pass: that nobody may call is
    for the breaker to say, which hears of it before the first one."""

    def __init__(
        self,
        provider: Provider,
        *,
        per_minute: int,
        hold: Callable[[float], None],
        pause: Pause,
    ) -> None:
        """Takes a limit, 0 for none, and whom to tell.

        Args:
            hold: the breaker's: nobody of this process calls for so many seconds.
            pause: the same for all who share the key.
        """
        self.provider: Provider = provider
        self._per_minute = per_minute
        self._hold = hold
        self._pause = pause
        self._granted = 0
        self._untold = 0

    async def take(self, operation: str, *, seconds: float) -> None:  # noqa: ARG002 - as in Budget
        """Counts a call: one that was granted, or one more."""
        if self._granted:
            self._granted -= 1
        else:
            self._untold += 1

    async def refused(self, retry_after_seconds: int | None) -> None:
        """Holds the breaker and tells the others. Raises `Unavailable` when the database is
        away."""
        self._hold(HOLD_SECONDS if retry_after_seconds is None else retry_after_seconds)
        await self._pause(self.provider, retry_after_seconds)

    def told(self, asks: int) -> Asked:
        """What the next statement is to say. What was granted before and not used is forfeit: it
        was for then."""
        told, self._untold, self._granted = self._untold, 0, 0
        return Asked(self.provider, self._per_minute, told, asks)

    def put_back(self, told: int) -> None:
        """These were not told after all."""
        self._untold += told

    def learned(self, granted: Granted) -> None:
        """What the statement has learned."""
        self._granted = granted.calls
        if granted.wait_seconds > 0:
            self._hold(granted.wait_seconds)


class Tallies:
    """What one process tells and learns with the statements that it sends anyway."""

    def __init__(self, *tallies: Tally) -> None:
        self._tallies = {tally.provider: tally for tally in tallies}

    def told(self, asks: Sequence[Provider] = ()) -> list[Asked]:
        """What the next statement is to say.

        Args:
            asks: providers that are to be called once, at least, right after it.
        """
        return [tally.told(int(name in asks)) for name, tally in self._tallies.items()]

    def put_back(self, asked: Sequence[Asked]) -> None:
        """The statement failed: the next one tells it."""
        for one in asked:
            self._tallies[one.provider].put_back(one.told)

    def learned(self, granted: Sequence[Granted]) -> None:
        """What the statement says."""
        for one in granted:
            self._tallies[one.provider].learned(one)
