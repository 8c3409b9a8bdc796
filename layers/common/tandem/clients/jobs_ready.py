"""What bounds the calls of jobs: a breaker for each provider, and a budget that waits."""

from dataclasses import dataclass

from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.clients.call_log import log_opened
from tandem.clients.shared_budget import Buckets, Share, SharedBudget
from tandem.errors import Provider
from tandem.settings import RateSettings


@dataclass(frozen=True, slots=True)
class JobBounds:
    """Of one process."""

    limits: RateSettings
    buckets: Buckets
    share: Share

    def of(self, provider: Provider) -> Bounds:
        """What each call to this provider asks; to be made once."""
        budget = SharedBudget(
            provider,
            self.buckets,
            per_minute=self.limits.per_minute(provider),
            share=self.share,
        )
        return Bounds(Breaker(provider, on_open=log_opened), budget)
