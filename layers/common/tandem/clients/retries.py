"""When a provider's "not now" means "again in a moment", in seconds."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_RETRY_AFTER_SECONDS: Final = 24 * 60 * 60


def backoff_seconds(attempt: int, *, jitter: Callable[[], float]) -> float:
    """How long to wait after attempt 1, 2, …: 0.2, 0.4, … s, give or take half of it."""
    return math.ldexp(FIRST_WAIT_SECONDS, attempt - 1) * (0.5 + jitter())


def retry_after_seconds(header: str | None, *, now: datetime) -> int | None:
    """Whole seconds that a Retry-After header asks for, 0 to one day; None when it can't be read.

    Both forms of RFC 9110 §10.2.3 are read: seconds, and a date, which is held against `now`.
    """
    value = (header or "").strip()
    if value.isascii() and value.isdigit():
        seconds = int(value[:9])
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = math.ceil((aware - now).total_seconds())
    return min(max(seconds, 0), LONGEST_RETRY_AFTER_SECONDS)
