"""One person at the API, as a product's own client would speak for them."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import httpx

_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.05
_DONE = {"ingested", "refused", "cancelled"}


class UnexpectedAnswerError(Exception):
    """The API answered something else than the story needs."""


class Person:
    """A person with an account. Every call returns the answer's JSON or raises.

    Attributes:
        said: by session, every message sent and every reply got, in order: (role, text).
    """

    def __init__(self, api_url: str, *, email: str, password: str) -> None:
        self.email = email
        self.password = password
        self.said: dict[str, list[tuple[str, str]]] = {}
        self.refresh_token = ""
        self.http = httpx.Client(base_url=api_url, timeout=35, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def call(self, method: str, path: str, *, status: int = 200, **request: Any) -> Any:
        """The answer's JSON, or None if it has no body.

        Raises:
            UnexpectedAnswerError: another status than expected.
        """
        answer = self.http.request(method, path, **request)
        if answer.status_code != status:
            raise UnexpectedAnswerError(
                f"{method} {path}: expected {status}, got {answer.status_code}: {answer.text}"
            )
        return answer.json() if answer.content else None

    def sign_up(self, **names: str) -> Any:
        """A new account."""
        body = {"email": self.email, "password": self.password, **names}
        return self.call("POST", "/api/auth/signup", status=201, json=body)

    def log_in(self) -> None:
        """A login; its token goes with every call from here on."""
        body = {"email": self.email, "password": self.password}
        tokens = self.call("POST", "/api/auth/login", json=body)
        self.refresh_token = tokens["refresh_token"]
        self.http.headers["authorization"] = f"Bearer {tokens['access_token']}"

    def log_out(self) -> None:
        """Ends the login; the token stays in place, so that its refusal can be seen."""
        self.call("POST", "/api/auth/logout", status=204)

    def chat(self, session_id: str, message: str, **headers: str) -> Any:
        """One turn. What was said and answered is noted in `said`."""
        body = {"session_id": session_id, "message": message}
        answer = self.call("POST", "/api/chat", json=body, headers=headers)
        said = self.said.setdefault(session_id, [])
        said += [("user", message), ("assistant", answer["reply"])]
        return answer

    def history(self, session_id: str, *, limit: int) -> list[Any]:
        """All messages of a session, read page by page."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            query = {"session_id": session_id, "limit": str(limit)}
            page = self.call(
                "GET", "/api/history", params=query | ({"cursor": cursor} if cursor else {})
            )
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def memory(self, **query: str) -> dict[str, list[Any]]:
        """The memory view, read page by page: `entities`, `facts`, `pending`."""
        view: dict[str, list[Any]] = {"entities": [], "facts": [], "pending": []}
        cursor: str | None = None
        while True:
            page = self.call(
                "GET", "/api/memory", params=query | ({"cursor": cursor} if cursor else {})
            )
            view["facts"] += page["facts"]
            view["entities"] += [e for e in page["entities"] if e not in view["entities"]]
            view["pending"] = page["pending"]
            cursor = page["next_cursor"]
            if cursor is None:
                return view

    def search(self, query: str, *, scope: str | None = None) -> list[Any]:
        """What a search finds, best first."""
        body = {"query": query} | ({"scope": scope} if scope is not None else {})
        found: list[Any] = self.call("POST", "/api/memory/search", json=body)["items"]
        return found

    def until_learned(self, turn_ids: Sequence[str]) -> None:
        """Returns once both stores have ingested these turns.

        Raises:
            TimeoutError: they have not within a minute.
        """
        for turn_id in turn_ids:
            until(partial(self._is_done, turn_id), f"turn {turn_id} is ingested")

    def _is_done(self, turn_id: str) -> bool:
        deliveries = self.call("GET", f"/api/chat/{turn_id}")["deliveries"]
        return bool(deliveries) and all(one["state"] in _DONE for one in deliveries)


def until(
    condition: Callable[[], bool], what: str, *, within_seconds: float = _WAIT_SECONDS
) -> None:
    """Returns once the condition holds.

    Raises:
        TimeoutError: it did not in time; the text says what was waited for.
    """
    ends_at = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"waited {within_seconds:.0f} s in vain until {what}")
        time.sleep(_POLL_SECONDS)
