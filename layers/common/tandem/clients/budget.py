"""How many calls a provider may still be sent, by all who share its key."""

from typing import Protocol


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
        the key slows down. May be cancelled; what it raises of ours is not told to anybody.

        Args:
            retry_after_seconds: what the provider asked for, if it did.
        """
