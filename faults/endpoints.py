"""The six calls that are measured, and what is noted of an answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from local.person import Person

SESSION: Final = "home"
"""In which everybody has said what both stores have learned."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one round of calls is about: a session and a message that no other round has."""

    session_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    Attributes:
        code: of the problem document; empty when all went well, or when it is the gateway's own.
        degraded: the stores that the answer names as missing, sorted.
        seconds: at the client.
        is_filled: it holds what the call is for: a reply, messages, memories, a token.
        turn_id: of the answer, or of the problem.
        retry_after: the header, None without one.
        reply: of a turn.
    """

    status: int
    code: str
    degraded: tuple[str, ...]
    seconds: float
    is_filled: bool = True
    turn_id: str | None = None
    retry_after: str | None = None
    reply: str | None = None

    @property
    def is_fine(self) -> bool:
        """Nothing failed and nothing is missing."""
        return self.status < httpx.codes.BAD_REQUEST and not self.degraded and self.is_filled


Call = Callable[[Person, Asked], httpx.Response]


def _chat(person: Person, asked: Asked) -> httpx.Response:
    body = {"session_id": asked.session_id, "message": asked.message}
    return person.http.post("/api/chat", json=body)


def _history(person: Person, _: Asked) -> httpx.Response:
    return person.http.get("/api/history", params={"session_id": SESSION})


def _memory_view(person: Person, _: Asked) -> httpx.Response:
    return person.http.get("/api/memory")


def _search(person: Person, _: Asked) -> httpx.Response:
    body = {"query": "Where do I live?", "scope": "hybrid"}
    return person.http.post("/api/memory/search", json=body)


def _session_start(person: Person, asked: Asked) -> httpx.Response:
    return person.http.post("/api/session/start", json={"session_id": asked.session_id})


def _login(person: Person, _: Asked) -> httpx.Response:
    body = {"email": person.email, "password": person.password}
    return person.http.post("/api/auth/login", json=body)


# With the field that an answer is for.
_CALLS: Final[Mapping[str, tuple[Call, str]]] = {
    "chat": (_chat, "reply"),
    "history": (_history, "items"),
    "memory view": (_memory_view, "facts"),
    "search": (_search, "items"),
    "session start": (_session_start, "session_id"),
    "login": (_login, "access_token"),
}
ENDPOINTS: Final = tuple(_CALLS)


def measure(endpoint: str, person: Person, asked: Asked) -> Answer:
    """Makes one call and notes what came of it."""
    call, wanted = _CALLS[endpoint]
    started = time.perf_counter()
    response = call(person, asked)
    return answer_of(response, time.perf_counter() - started, wanted)


def answer_of(response: httpx.Response, seconds: float, wanted: str) -> Answer:
    """What is noted of a response; `wanted` is the field that must not be empty."""
    try:
        body: Any = response.json()
    except ValueError:
        body = {}
    return Answer(
        status=response.status_code,
        code=str(body.get("code", "")),
        degraded=tuple(sorted(body.get("degraded") or ())),
        seconds=seconds,
        is_filled=bool(body.get(wanted)),
        turn_id=body.get("turn_id"),
        retry_after=response.headers.get("retry-after"),
        reply=body.get("reply"),
    )
