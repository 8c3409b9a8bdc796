"""What was called: who, what, when, and how it ended.

Bodies, queries and headers hold what a person said or who they are. They are kept only after
somebody asked for it (`whole`), in memory, and until the next reset.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict
from urllib.parse import parse_qsl

from local.twins import moments

KEPT = 10_000
_PRODUCT = re.compile(r"[A-Za-z][\w.-]{0,39}/[\w.+-]{1,20}")
# A program says its own name in the first of these; the last is often that of its HTTP library.
_NAMED_IN = ("x-goog-api-client", "x-mem0-client", "user-agent")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-goog-api-key"})
_SECRET_QUERY = frozenset({"key"})


class Record(TypedDict):
    """One call; what is not known yet, because it still goes on, is None."""

    method: str
    path: str
    at: str
    status: int | None
    """None too when it ended without an answer."""
    milliseconds: float | None
    route: str | None
    client: str | None
    fault: str | None
    headers: NotRequired[dict[str, str]]
    query: NotRequired[list[tuple[str, str]]]
    body: NotRequired[Any]


class Recorder:
    """The newest calls in the order in which they came."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT)
        self._dropped = 0
        self.whole = False
        """Whether bodies, queries and headers are kept too."""

    def begin(
        self, *, method: str, path: str, route: str | None, headers: Mapping[str, str]
    ) -> Record:
        """Keeps a call with the time of now; the caller fills in how it goes on."""
        record = Record(
            method=method,
            path=path,
            at=moments.stamp(moments.now()),
            status=None,
            milliseconds=None,
            route=route,
            client=_client(headers),
            fault=None,
        )
        self._dropped += len(self._records) == KEPT
        self._records.append(record)
        return record

    def shown(self) -> dict[str, Any]:
        """All kept calls, oldest first, and how many older ones were dropped."""
        return {"requests": list(self._records), "dropped": self._dropped, "whole": self.whole}

    def clear(self) -> None:
        """Forgets every call."""
        self._records.clear()
        self._dropped = 0


def add_whole(record: Record, *, headers: Mapping[str, str], query: str, body: bytes) -> None:
    """Adds everything that was sent; keys are replaced, all else is as it came."""
    record["headers"] = {name: _masked(name, value) for name, value in headers.items()}
    record["query"] = [
        (name, "***" if name in _SECRET_QUERY else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    try:
        record["body"] = json.loads(body) if body else None
    except (ValueError, RecursionError):
        record["body"] = body.decode(errors="replace")


def clock() -> float:
    """A count of milliseconds, to take differences of."""
    return time.perf_counter() * 1000


def _client(headers: Mapping[str, str]) -> str | None:
    for name in _NAMED_IN:
        product = _PRODUCT.match(headers.get(name, ""))
        if product:
            return product[0]
    return None


def _masked(name: str, value: str) -> str:
    if name not in _SECRET_HEADERS:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space else "***"
