"""People who talk in several sessions at once, and remember what they were told."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx

from local.person import Person

GIVES_UP: Final = 0.25
"""The share of messages whose first failure is the last try."""
PATIENCE_SECONDS: Final = 75.0
"""Longer than a turn's lease: who is patient gets the answer of a turn whose owner was killed."""

_PAUSES_SECONDS: Final = (0.3, 0.6, 1.2, 2.4)
_REPEATED: Final = frozenset({409, 429, 500, 502, 503, 504})
_NONE: Final = 0

Outcome = Literal["answered", "given up", "refused"]


@dataclass(slots=True)
class Said:
    """One message, as its client knows it.

    Attributes:
        key: its Idempotency-Key.
        word: stands in no other message.
        turn_id, reply: what an answer told; `turn_id` also what a failure told.
        failures: statuses and codes of the attempts that were not answered.
        seconds: of the attempt that was answered.
        waited: from the first attempt to the end of the last one.
        began, ended: the first attempt's start and the last one's end, monotonic.
    """

    email: str
    session_id: str
    number: int
    key: str
    word: str
    text: str
    outcome: Outcome = "given up"
    turn_id: str | None = None
    reply: str | None = None
    degraded: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    began: float = 0.0
    ended: float = 0.0

    @property
    def waited(self) -> float:
        """From the first attempt to the end of the last one."""
        return self.ended - self.began


@dataclass(frozen=True)
class Talk:
    """One session: who talks, what will be said, and when.

    Attributes:
        times: when each message is due, in seconds from the start of the load.
        last_word: what the last message waits for, besides its time.
    """

    person: Person
    session_id: str
    said: Sequence[Said]
    times: Sequence[float]
    last_word: threading.Event | None = None


class Crowd:
    """All talks, each in a thread of its own.

    Attributes:
        waiting: the talks that have only their last word left and wait for it to be asked for.
    """

    def __init__(self, talks: Sequence[Talk], *, seed: str) -> None:
        self.talks = talks
        self._seed = seed
        self._threads: list[threading.Thread] = []
        self._started = 0.0
        self.waiting: set[str] = set()

    def start(self) -> None:
        """Begins the load."""
        self._started = time.monotonic()
        for talk in self.talks:
            thread = threading.Thread(target=self._hold, args=(talk,), daemon=True)
            self._threads.append(thread)
            thread.start()

    @property
    def is_done(self) -> bool:
        """Whether everybody has said everything."""
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def only_last_words(self) -> bool:
        """Whether everybody else is done, and those who wait for their last word do."""
        return sum(thread.is_alive() for thread in self._threads) == len(self.waiting)

    @property
    def seconds(self) -> float:
        """Since the load began."""
        return time.monotonic() - self._started

    def said(self) -> list[Said]:
        """Every message that was begun."""
        return [said for talk in self.talks for said in talk.said if said.began]

    def _hold(self, talk: Talk) -> None:
        for said, due in zip(talk.said, talk.times, strict=True):
            time.sleep(max(0.0, self._started + due - time.monotonic()))
            if talk.last_word is not None and said is talk.said[-1]:
                self.waiting.add(talk.said[0].key)
                talk.last_word.wait()
            draw = random.Random(f"{self._seed}/{said.key}")  # noqa: S311 - has to be repeatable
            say(talk.person.http, said, draw=draw)


def say(
    http: httpx.Client,
    said: Said,
    *,
    draw: random.Random,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Sends a message until it is answered or its client has had enough, always under one key."""
    gives_up = draw.random() < GIVES_UP
    said.began = clock()
    attempt = 0
    while True:
        started = clock()
        status, pause = _attempt(http, said)
        said.ended = clock()
        if said.outcome != "given up":
            said.seconds = said.ended - started
            return
        rest = pause or _PAUSES_SECONDS[min(attempt, len(_PAUSES_SECONDS) - 1)]
        attempt += 1
        # 429 is our own: nothing was accepted, and nobody gives up for it.
        impatient = gives_up and status not in {429, 409}
        if impatient or said.waited + rest > PATIENCE_SECONDS:
            return
        sleep(rest * (0.75 + draw.random() / 2))


def _attempt(http: httpx.Client, said: Said) -> tuple[int, float]:
    """The status (0: no answer) and the seconds that it asks to wait; `said` is told the rest."""
    body = {"session_id": said.session_id, "message": said.text}
    try:
        answer = http.post("/api/chat", json=body, headers={"idempotency-key": said.key})
    except httpx.TransportError as error:
        said.failures.append(type(error).__name__)
        return _NONE, 0.0
    told = _json(answer)
    said.turn_id = told.get("turn_id", said.turn_id)
    if answer.status_code == httpx.codes.OK:
        said.outcome, said.reply, said.degraded = "answered", told["reply"], told["degraded"]
        return answer.status_code, 0.0
    said.failures.append(f"{answer.status_code} {told.get('code', 'of the gateway')}")
    if answer.status_code not in _REPEATED:
        said.outcome = "refused"
    given = answer.headers.get("retry-after", "")
    return answer.status_code, float(given) if given.isdigit() else 0.0


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def failures(said: Sequence[Said]) -> Counter[str]:
    """How often each failure was met, by status and code."""
    return Counter(failure for one in said for failure in one.failures)
