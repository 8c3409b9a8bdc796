"""What the two stores have, read over their own wire."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

_ZEP: Final = {"authorization": "Api-Key test-key"}
_MEM0: Final = {"authorization": "Token test-key"}
_STAGE: Final = "dev"


@dataclass(frozen=True)
class Message:
    """A message of a thread, in its place."""

    thread: str
    user: str
    role: str
    content: str
    turn_id: str | None
    seq: int | None
    part: int | None


@dataclass(frozen=True)
class Episode:
    """What a graph learned from. `again` is the turn whose words were given once more; None for a
    message of a thread."""

    user: str
    content: str
    again: str | None


@dataclass(frozen=True)
class Memory:
    """A statement of Mem0's. `owner` is the account's id."""

    owner: str
    text: str
    turn_id: str | None


@dataclass(frozen=True)
class Add:
    """An add that Mem0 took, whatever became of it."""

    owner: str
    turn_id: str | None
    status: str


class Stores:
    """Reads both twins as anybody with a key may."""

    def __init__(self, zep_url: str, mem0_url: str) -> None:
        self._zep_url = f"{zep_url}/api/v4"
        self._mem0_url = mem0_url
        self._http = httpx.Client(timeout=60, trust_env=False)

    def threads(self) -> Iterator[tuple[str, str]]:
        """(thread, user) of every thread that there is."""
        for thread in self._items("GET", "/threads"):
            yield thread["uuid"], thread["user_uuid"]

    def messages(self) -> list[Message]:
        """Those of every thread, each thread's in its order."""
        found = []
        for thread, user in list(self.threads()):
            for item in self._items("GET", f"/threads/{thread}/messages"):
                told = item.get("metadata") or {}
                names = (told.get(name) for name in ("turn_id", "seq", "part"))
                found.append(Message(thread, user, item["role"], item["content"], *names))
        return found

    def episodes(self, user: str, graph: str) -> list[Episode]:
        """Those of a person's graph."""
        return [
            Episode(user, item["content"], None if item.get("thread_uuid") else _turn_of(item))
            for item in self._items("POST", f"/graphs/{graph}/episodes/list")
        ]

    def memories(self, account: str) -> list[Memory]:
        """Those of a person."""
        body = {"filters": {"user_id": f"{_STAGE}:{account}"}}
        return [
            Memory(account, item["memory"], _turn_of(item))
            for item in self._pages("POST", "/v3/memories/", json=body)
        ]

    def adds(self) -> list[Add]:
        """Every add that Mem0 has taken."""
        return [
            Add(
                str(item["payload"].get("user_id", "")).removeprefix(f"{_STAGE}:"),
                _turn_of(item["payload"]),
                item["status"],
            )
            for item in self._pages("GET", "/v1/events/", event_type="ADD")
        ]

    def _items(self, method: str, path: str) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            query = {"page_size": "100"} | ({"cursor": cursor} if cursor else {})
            body: Any = {} if method == "POST" else None
            page = self._asked(f"{self._zep_url}{path}", method, _ZEP, params=query, json=body)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _pages(self, method: str, path: str, *, json: Any = None, **query: str) -> Iterator[Any]:
        number = 1
        while True:
            asked = {"page": str(number), "page_size": "100", **query}
            page = self._asked(f"{self._mem0_url}{path}", method, _MEM0, params=asked, json=json)
            yield from page["results"]
            if not page["next"]:
                return
            number += 1

    def _asked(self, url: str, method: str, key: dict[str, str], **request: Any) -> Any:
        while True:
            answer = self._http.request(method, url, headers=key, **request)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return answer.raise_for_status().json()
            time.sleep(float(answer.headers["retry-after"]))


def _turn_of(item: Any) -> str | None:
    turn_id: str | None = (item.get("metadata") or {}).get("turn_id")
    return turn_id
