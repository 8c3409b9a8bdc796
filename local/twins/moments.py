"""Moments as the twins write them: UTC, RFC 3339, of one width so that text sorts as time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`2026-11-20T09:00:00.000000Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse(text: str) -> datetime:
    """The moment an RFC 3339 text means, in UTC.

    Raises:
        ValueError: it is no such text, it has no offset, or UTC has no such year.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no year of UTC") from None
