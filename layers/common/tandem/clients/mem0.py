"""Mem0 Platform over REST: add, search and list at /v3, the rest where no newer path exists.

Mem0 documents no idempotency key: an add may be repeated only when it can't have been sent.
Its paths end in a slash, which belongs to them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tandem.clients.http import ApiCall, ProviderHttp
from tandem.clients.models import (
    Mem0Added,
    Mem0Deletion,
    Mem0Event,
    Mem0Memory,
    Mem0Page,
    Metadata,
    ProviderModel,
)
from tandem.errors import UpstreamRejected
from tandem.ids import Mem0Id

MAX_SEARCH_RESULTS: Final = 1000
MAX_PAGE: Final = 200

_NOT_FOUND: Final = 404


class Mem0Client:
    """Mem0 for one project. Safe to share between requests of one event loop."""

    def __init__(self, http: ProviderHttp, *, api_key: Callable[[], str]) -> None:
        """Takes a way to Mem0 and the key.

        Args:
            http: made for provider "mem0"; its client's base URL is Mem0's host.
            api_key: asked on every call, because the secret is refreshed while we run.
        """
        self._http = http
        self._api_key = api_key

    async def add(
        self,
        messages: str | Sequence[Mapping[str, str]],
        *,
        user_id: str,
        metadata: Metadata | None = None,
        timestamp: datetime | None = None,
        infer: bool = True,
        timeout_seconds: float,
    ) -> Mem0Added:
        """What became of the words: with inference a job to poll, without it the memories made.

        Args:
            messages: the person's words, or `{"role", "content"}` each.
            user_id: whose memory it is.
            metadata: kept with every memory made of this.
            timestamp: aware; when it was said. Becomes the memories' `created_at`, whole seconds.
            infer: let Mem0 extract statements; False keeps each message as it stands.
            timeout_seconds: for the call, not for the job.

        Raises:
            UpstreamRejected: Mem0 won't take this (400).
            UpstreamError: its other kinds. Unless `context["sent"]` is False the words may have
                been taken, and adding them again would double them.

        Source: capture mem0ai 2.2.1 `add`, `add_infer_false`; OpenAPI of 2026-08-22 for
        `timestamp` and the answer.

        Wire: POST /v3/memories/add/ `{"messages","user_id","metadata","timestamp","infer"}`
        (`infer` only when false) → event_id, status, results[].
        """
        if timestamp is not None and timestamp.tzinfo is None:
            raise ValueError("a time needs its offset")
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        body: dict[str, Any] = {"messages": [dict(turn) for turn in turns], "user_id": user_id}
        if metadata:
            body["metadata"] = metadata
        if timestamp is not None:
            body["timestamp"] = int(timestamp.astimezone(UTC).timestamp())
        if not infer:
            body["infer"] = False
        call = self._call("add", "POST", "/v3/memories/add/", body=body, retry_safe=False)
        return await self._http.send(call, Mem0Added, timeout_seconds=timeout_seconds)

    async def search(
        self,
        query: str,
        *,
        user_id: str,
        limit: int = 10,
        threshold: float | None = None,
        timeout_seconds: float,
    ) -> list[Mem0Memory]:
        """The person's memories that fit a question best, best first, each with its score.

        Args:
            query: a blank one finds nothing, without a call.
            user_id: whose memories.
            limit: 1 to 1,000; other values are moved to the nearer bound.
            threshold: least score, 0 to 1; Mem0's default (0.1) when None.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds.

        Source: capture mem0ai 2.2.1 `search_extra`; OpenAPI of 2026-08-22.

        Wire: POST /v3/memories/search/ `{"query","filters":{"user_id"},"top_k","threshold"}` →
        results[] (or a bare array).
        """
        text = query.strip()
        if not text:
            return []
        top = min(max(limit, 1), MAX_SEARCH_RESULTS)
        body: dict[str, Any] = {"query": text, "filters": {"user_id": user_id}, "top_k": top}
        if threshold is not None:
            body["threshold"] = threshold
        call = self._call("search", "POST", "/v3/memories/search/", body=body)
        page = await self._http.send(call, Mem0Page, timeout_seconds=timeout_seconds)
        return list(page.items[:top])

    async def list_memories(
        self,
        *,
        user_id: str,
        page: int = 1,
        page_size: int = 100,
        timeout_seconds: float,
    ) -> Mem0Page:
        """One page of a person's memories, in Mem0's order; hidden (expired) ones are left out.

        Args:
            user_id: whose memories.
            page: from 1. Pages shift when memories come or go in between.
            page_size: 1 to 200; other values are moved to the nearer bound.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 for a page after the last.
            UpstreamError: its other kinds.

        Source: capture mem0ai 2.2.1 `get_all_paged`; OpenAPI of 2026-08-22.

        Wire: POST /v3/memories/?page&page_size `{"filters":{"user_id"}}` → count, next, results[].
        """
        call = self._call(
            "list",
            "POST",
            "/v3/memories/",
            query={"page": max(page, 1), "page_size": min(max(page_size, 1), MAX_PAGE)},
            body={"filters": {"user_id": user_id}},
        )
        return await self._http.send(call, Mem0Page, timeout_seconds=timeout_seconds)

    async def list_all(
        self, *, user_id: str, max_items: int = 5000, timeout_seconds: float
    ) -> list[Mem0Memory]:
        """All of a person's memories, each once, in Mem0's order, at most `max_items`.

        Args:
            user_id: whose memories.
            max_items: stop there.
            timeout_seconds: for all pages together.

        Raises:
            UpstreamError: any of its kinds. A page that has gone meanwhile ends the list.

        Source: as `list_memories`.

        Wire: as `list_memories`, 200 a page, by page number: Mem0's `next` names its own host.
        """
        deadline = self._http.deadline(timeout_seconds)
        found: dict[Mem0Id, Mem0Memory] = {}
        number = 1
        while len(found) < max_items:
            try:
                page = await self.list_memories(
                    user_id=user_id,
                    page=number,
                    page_size=MAX_PAGE,
                    timeout_seconds=self._http.remaining(deadline),
                )
            except UpstreamRejected as error:
                if error.status == _NOT_FOUND and number > 1:
                    break
                raise
            found.update((memory.id, memory) for memory in page.items)
            if not page.has_next or not page.items:
                break
            number += 1
        return list(found.values())[:max_items]

    async def get_event(self, event_id: Mem0Id, *, timeout_seconds: float) -> Mem0Event:
        """How far Mem0 has got with a job, and what it has made.

        Args:
            event_id: from `add` or a deletion.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when Mem0 doesn't know the job (any more).
            UpstreamError: its other kinds.

        Source: OpenAPI of 2026-08-22 (`event_read`); no SDK has this call. What an element of
        `results` looks like is inferred. A status that isn't known here reads "unknown".

        Wire: GET /v1/event/{id}/ → id, status, results[].
        """
        call = self._call("event.get", "GET", "/v1/event/{}/", ids=(event_id,))
        return await self._http.send(call, Mem0Event, timeout_seconds=timeout_seconds)

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None:
        """A memory, hidden (expired) or not, or None when Mem0 has none by this id.

        Args:
            memory_id: Mem0's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: captures mem0ai 2.2.1 `get`, `get_odd_id`.

        Wire: GET /v1/memories/{id}/ → id, memory, metadata, created_at, expiration_date.
        """
        call = self._call("get", "GET", "/v1/memories/{}/", ids=(memory_id,))
        return await self._or_none(call, Mem0Memory, timeout_seconds)

    async def delete(self, memory_id: Mem0Id, *, timeout_seconds: float) -> None:
        """Nothing, once the memory is gone.

        Args:
            memory_id: Mem0's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture mem0ai 2.2.1 `delete`.

        Wire: DELETE /v1/memories/{id}/ → 200, body unused.
        """
        call = self._call("delete", "DELETE", "/v1/memories/{}/", ids=(memory_id,), empty_ok=True)
        await self._or_none(call, Mem0Deletion, timeout_seconds)

    async def delete_user(self, user_id: str, *, timeout_seconds: float) -> Mem0Id | None:
        """The job that erases a person with all memories; None if Mem0 names none.

        Args:
            user_id: whose memories.
            timeout_seconds: for the call with its retries, not for the job.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture mem0ai 2.2.1 `delete_users_one`.

        Wire: DELETE /v2/entities/user/{user_id}/ → event_id.
        """
        call = self._call(
            "user.delete", "DELETE", "/v2/entities/user/{}/", ids=(user_id,), empty_ok=True
        )
        deletion = await self._or_none(call, Mem0Deletion, timeout_seconds)
        return None if deletion is None else deletion.event_id

    async def _or_none[A: ProviderModel](
        self, call: ApiCall, answer: type[A], timeout_seconds: float
    ) -> A | None:
        try:
            return await self._http.send(call, answer, timeout_seconds=timeout_seconds)
        except UpstreamRejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _call(self, operation: str, method: Any, path: str, **parts: Any) -> ApiCall:
        # A secret that was pasted with its line end would make an illegal header.
        headers = {"authorization": f"Token {self._api_key().strip()}"}
        return ApiCall(operation, method, path, headers=headers, **{"retry_safe": True, **parts})
