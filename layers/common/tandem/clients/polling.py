"""Waiting for work that a provider does after it has answered."""

from collections.abc import Awaitable, Callable
from typing import Final

from tandem.clients.http import ProviderHttp
from tandem.errors import UpstreamTimeout

LONGEST_WAIT_SECONDS: Final = 5.0

_LAST_LOOK_SECONDS: Final = 0.3
_LEAST_WAIT_SECONDS: Final = 0.01
_SLOWEST: Final = 10


async def wait_until[A](
    http: ProviderHttp,
    ask: Callable[[float], Awaitable[A]],
    *,
    finished: Callable[[A], bool],
    operation: str,
    timeout_seconds: float,
) -> A:
    """The first answer of `ask` that is `finished`.

    Asks at once, then after about 0.2, 0.4, 0.8, … s, at most 5 s apart, and once more shortly
    before the time is over.

    Args:
        http: whose clock, sleep and jitter are used.
        ask: gets the seconds that are left.
        finished: whether an answer is the last one.
        operation: named in the error.
        timeout_seconds: for everything together.

    Raises:
        UpstreamTimeout: it wasn't finished in time; it may be later.
        UpstreamError: what `ask` raises. Asking has its own retries, so that ends the waiting.
    """
    deadline = http.deadline(timeout_seconds)
    attempt = 1
    while True:
        answer = await ask(http.remaining(deadline))
        if finished(answer):
            return answer
        spare = http.remaining(deadline) - _LAST_LOOK_SECONDS
        if spare < _LEAST_WAIT_SECONDS:
            raise UpstreamTimeout(http.provider, operation=operation, reason="deadline", sent=True)
        await http.pause(attempt, most_seconds=min(spare, LONGEST_WAIT_SECONDS))
        attempt = min(attempt + 1, _SLOWEST)
