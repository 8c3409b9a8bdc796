"""Many clients that send the same request until they are answered."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

MOST_HELD_SECONDS: Final = 18.0
"""The model has 20 s."""
EXPECTED_KINDS: Final = frozenset({"answered", "in_progress", "busy", "lost"})
_PATIENCE_SECONDS: Final = 90.0
_BUSY_SECONDS: Final = 0.1
_APART_SECONDS: Final = 0.002


@dataclass(slots=True)
class Crowd:
    """What came of the requests so far; each is counted once in `reached`.

    Attributes:
        reached: requests that a container has answered, whatever it said.
        told: answers by what they were: `answered`, `in_progress`, `busy`, `lost`, or else.
        replies: different answers (turn, reply).
    """

    reached: set[int] = field(default_factory=set)
    told: Counter[str] = field(default_factory=Counter)
    replies: set[tuple[str, str]] = field(default_factory=set)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: int, answer: httpx.Response) -> str:
        """Notes an answer, and says what it was."""
        body: Any = answer.json()
        kind = _kind(answer.status_code, str(body.get("code", "")))
        with self.mutex:
            self.told[kind] += 1
            if kind not in {"busy", "lost"}:
                self.reached.add(number)
            if kind == "answered":
                self.replies.add((body["turn_id"], body["reply"]))
        return kind


def _kind(status: int, code: str) -> str:
    if status == httpx.codes.OK:
        return "answered"
    if code == "turn_in_progress":
        return "in_progress"
    if not code and status in {500, 503}:  # the gateway's own
        return "busy" if status == 503 else "lost"
    return f"{status} {code}"


def insist(
    ask: Callable[[], httpx.Response], crowd: Crowd, number: int, go_on: threading.Event
) -> None:
    """One client: asks until it is answered. Who was told to wait lets the others go first.

    Raises:
        TimeoutError: it was not answered in a minute and a half.
    """
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends_at:
        answer = ask()
        kind = crowd.note(number, answer)
        if kind == "in_progress":
            go_on.wait(MOST_HELD_SECONDS)
            time.sleep(float(answer.headers["retry-after"]))
        elif kind in {"busy", "lost"}:
            time.sleep(_BUSY_SECONDS + number * _APART_SECONDS)
        else:
            return
    raise TimeoutError(f"request {number} was not answered in time")
