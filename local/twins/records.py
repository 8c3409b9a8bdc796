"""What was called: method, path and status of the newest requests, never a body or a query."""

from __future__ import annotations

from collections import deque
from typing import TypedDict

from local.twins import moments

KEPT = 1000


class Record(TypedDict):
    """One finished call."""

    method: str
    path: str
    status: int
    at: str


class Recorder:
    """The newest calls, oldest first."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT)

    def add(self, *, method: str, path: str, status: int) -> None:
        """Keeps one call with the time of now."""
        at = moments.stamp(moments.now())
        self._records.append(Record(method=method, path=path, status=status, at=at))

    def newest(self) -> list[Record]:
        """All kept calls, oldest first."""
        return list(self._records)

    def clear(self) -> None:
        """Forgets every call."""
        self._records.clear()
