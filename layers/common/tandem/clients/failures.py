"""Which of our errors a provider's failure is.

    no connection, no slot in the pool    UpstreamUnavailable or UpstreamTimeout, `sent=False`
    cut connection                        UpstreamUnavailable
    deadline or phase timeout, 408, 504   UpstreamTimeout: the outcome is unknown
    429                                   UpstreamRateLimited
    401, 402, 403                         UpstreamUnavailable: about our key or plan, not about this
                                          request, which will be fine once an operator has acted;
                                          so is any 4xx whose body says that (`Told`)
    any other 4xx                         UpstreamRejected with its status (404 among them)
    1xx, 3xx, 5xx, junk, over 8 MiB       UpstreamUnavailable

`error.context["sent"]` is False when the provider can't have seen the request, and
`error.context["reason"]` says in a word what happened. Neither a URL, nor an id, nor a word of the
provider's is in an error or in its cause.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx

from tandem.clients.retries import retry_after_seconds
from tandem.errors import (
    Provider,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_OURS: Final = {"breaker_open", "held", "budget", "pool", "bad_id", "unsendable"}
_TIMEOUT_STATUSES: Final = frozenset({408, 504})
_ACCOUNT_STATUSES: Final = frozenset({401, 402, 403})
_TRANSPORT: Final[list[tuple[type[httpx.HTTPError], type[UpstreamError], str, bool]]] = [
    (httpx.ConnectTimeout, UpstreamTimeout, "connect", False),
    (httpx.ConnectError, UpstreamUnavailable, "connect", False),
    (httpx.PoolTimeout, UpstreamTimeout, "pool", False),
    (httpx.TimeoutException, UpstreamTimeout, "phase", True),
    (httpx.NetworkError, UpstreamUnavailable, "cut", True),
    (httpx.RemoteProtocolError, UpstreamUnavailable, "cut", True),
    (httpx.HTTPError, UpstreamUnavailable, "transport", True),
]


@dataclass(frozen=True, slots=True)
class Told:
    """What the body of a refusal says beside its status, without a word of it.

    Attributes:
        about_us: it is about our key or plan, not about this request.
        retry_after_seconds: how long to wait, for where no Retry-After says so.
    """

    about_us: bool = False
    retry_after_seconds: int | None = None


def transport_error(provider: Provider, operation: str, failure: httpx.HTTPError) -> UpstreamError:
    """The error for a call that got no answer."""
    kind, reason, sent = next(row[1:] for row in _TRANSPORT if isinstance(failure, row[0]))
    return kind(provider, operation=operation, reason=reason, sent=sent)


def never_left(error: BaseException) -> bool:
    """Whether the provider was not even tried, so that the error says nothing about it: we were
    out of time or connections, had nothing that can be sent, or wouldn't ask for now."""
    if not isinstance(error, UpstreamError):
        return False
    reason = error.context.get("reason")
    return reason in _OURS or (reason == "deadline" and error.context.get("sent") is False)


def tellable(failure: httpx.HTTPError) -> httpx.HTTPError | None:
    """`failure` if it may be the cause of an error of ours, else None.

    It may when it tells what happened to our socket: what httpx says of a broken protocol quotes
    what came over the wire.
    """
    return failure if isinstance(failure, httpx.NetworkError | httpx.TimeoutException) else None


def status_error(
    provider: Provider,
    operation: str,
    response: httpx.Response,
    *,
    now: datetime,
    told: Told,
) -> UpstreamError:
    """The error for an answer whose status is no success. `now` (aware) is held against a
    Retry-After that is a date."""
    status = response.status_code
    wait_seconds = retry_after_seconds(response.headers.get("retry-after"), now=now)
    kind: type[UpstreamError] = UpstreamUnavailable
    if status in _TIMEOUT_STATUSES:
        kind = UpstreamTimeout
    elif status == httpx.codes.TOO_MANY_REQUESTS:
        kind = UpstreamRateLimited
    elif response.is_client_error and status not in _ACCOUNT_STATUSES and not told.about_us:
        kind = UpstreamRejected
    return kind(
        provider,
        operation=operation,
        status=status,
        retry_after_seconds=told.retry_after_seconds if wait_seconds is None else wait_seconds,
        reason="status",
        sent=True,
    )


def unreadable(
    provider: Provider, operation: str, status: int, *, reason: str
) -> UpstreamUnavailable:
    """The error for a success that can't be used. `reason`: unreadable or too_large."""
    return UpstreamUnavailable(
        provider, operation=operation, status=status, reason=reason, sent=True
    )
