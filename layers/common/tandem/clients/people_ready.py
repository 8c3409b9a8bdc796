"""What bounds the calls of the functions that people wait for: a breaker and a tally for each
provider, and what statements tell of all of them."""

from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.clients.budget import Pause, Tallies, Tally
from tandem.clients.call_log import log_opened
from tandem.errors import Provider
from tandem.settings import RateSettings


class PeopleBounds:
    """Of one process.

    Attributes:
        rates: for the statements; see `tandem.db.rate_budgets.Rates`.
    """

    def __init__(self, limits: RateSettings, *providers: Provider, pause: Pause) -> None:
        """Takes the plans' limits, whom this process calls, and how to tell everybody that one of
        them wants to be left alone."""
        self._breakers: dict[Provider, Breaker] = {}
        self._bounds: dict[Provider, Bounds] = {}
        tallies = []
        for provider in providers:
            breaker = Breaker(provider, on_open=log_opened)
            per_minute = limits.per_minute(provider)
            tally = Tally(provider, per_minute=per_minute, hold=breaker.hold, pause=pause)
            tallies.append(tally)
            self._breakers[provider] = breaker
            self._bounds[provider] = Bounds(breaker, tally)
        self.rates = Tallies(*tallies)

    def breaker(self, provider: Provider) -> Breaker:
        """Tells whether this provider may be called."""
        return self._breakers[provider]

    def __getitem__(self, provider: Provider) -> Bounds:
        """What each call to this provider asks."""
        return self._bounds[provider]
