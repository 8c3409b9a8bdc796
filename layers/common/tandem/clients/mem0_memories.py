"""Mem0 Platform over REST: memories, one by one and in lists."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from tandem.clients.mem0_base import Mem0Base
from tandem.clients.mem0_models import (
    Mem0Added,
    Mem0Done,
    Mem0History,
    Mem0HistoryEntry,
    Mem0Memory,
    Mem0Page,
)
from tandem.clients.provider_model import Metadata
from tandem.ids import Mem0Id

MAX_SEARCH_RESULTS: Final = 1000
MAX_PAGE: Final = 200


class Mem0MemoryCalls(Mem0Base):
    """The part of `Mem0Client` that is about memories."""

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
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        body: dict[str, Any] = {"messages": [dict(turn) for turn in turns], "user_id": user_id}
        if metadata:
            body["metadata"] = metadata
        if timestamp is not None:
            body["timestamp"] = _unix_seconds(timestamp)
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

    async def list_memories(  # noqa: PLR0913 - what narrows a list
        self,
        *,
        user_id: str,
        metadata: Metadata | Sequence[Metadata] | None = None,
        memory_ids: Sequence[Mem0Id] | None = None,
        show_expired: bool = False,
        page: int = 1,
        page_size: int = 100,
        timeout_seconds: float,
    ) -> Mem0Page:
        """One page of a person's memories, in Mem0's order; hidden (expired) ones are left out.

        Args:
            user_id: whose memories.
            metadata: only of those that have each of these keys with this value; of several,
                those that fit one of them.
            memory_ids: only of these; those that are gone are left out.
            show_expired: hidden ones too.
            page: from 1. Pages shift when memories come or go in between.
            page_size: 1 to 200; other values are moved to the nearer bound.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 for a page after the last.
            UpstreamError: its other kinds.

        Source: capture mem0ai 2.2.1 `get_all_paged`; OpenAPI of 2026-08-22, for `show_expired` too;
        Mem0 docs on filters, 2026-08.

        Wire: POST /v3/memories/?page&page_size `{"filters":{"user_id"}}` or `{"filters":{"AND":
        [{"user_id"},{"metadata":{key: value}},…,{"memory_ids"}]}}`, with an `{"OR":[…]}` in the
        place of `metadata` for several, `show_expired` only when true → count, next, results[].
        """
        filters = {"user_id": user_id}
        named = _having(metadata)
        if memory_ids is not None:
            named.append({"memory_ids": list(memory_ids)})
        body: dict[str, Any] = {"filters": {"AND": [filters, *named]} if named else filters}
        if show_expired:
            body["show_expired"] = True
        call = self._call(
            "list",
            "POST",
            "/v3/memories/",
            query={"page": max(page, 1), "page_size": min(max(page_size, 1), MAX_PAGE)},
            body=body,
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
        return await self._all_pages(
            lambda number, seconds: self.list_memories(
                user_id=user_id, page=number, page_size=MAX_PAGE, timeout_seconds=seconds
            ),
            max_items=max_items,
            timeout_seconds=timeout_seconds,
        )

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
        return await self._http.send_or_none(call, Mem0Memory, timeout_seconds=timeout_seconds)

    async def update(
        self,
        memory_id: Mem0Id,
        *,
        text: str | None = None,
        metadata: Metadata | None = None,
        timestamp: datetime | None = None,
        expiration_date: date | Literal["never", "unchanged"] = "unchanged",
        timeout_seconds: float,
    ) -> Mem0Memory:
        """The memory as it is after the change. What is left out stays as it is.

        Args:
            memory_id: Mem0's id.
            text: the new statement.
            metadata: in place of what was there.
            timestamp: aware; when it was said, in whole seconds.
            expiration_date: the last UTC day on which search and list show the memory; one that has
                passed hides it. "never" makes it visible again.
            timeout_seconds: for the call with its retries.

        Raises:
            ValueError: nothing is to be changed, or the time has no offset.
            UpstreamRejected: 404 when the memory is gone; 400 when Mem0 won't take this.
            UpstreamError: its other kinds. Repeating the same change is harmless.

        Source: captures mem0ai 2.2.1 `update_text_metadata`, `update_clear_expiration`; OpenAPI of
        2026-08-22, which lacks `timestamp`. That metadata is replaced and not merged, and that
        seconds are taken as in `add`, is inferred.

        Wire: PUT /v1/memories/{id}/ `{"text","metadata","timestamp","expiration_date"}` (only what
        changes; null for "never") → as `get`.
        """
        body: dict[str, Any] = {}
        if text is not None:
            body["text"] = text
        if metadata is not None:
            body["metadata"] = metadata
        if timestamp is not None:
            body["timestamp"] = _unix_seconds(timestamp)
        if expiration_date != "unchanged":
            never = expiration_date == "never"
            body["expiration_date"] = None if never else str(expiration_date)
        if not body:
            raise ValueError("nothing to change")
        call = self._call("update", "PUT", "/v1/memories/{}/", ids=(memory_id,), body=body)
        return await self._http.send(call, Mem0Memory, timeout_seconds=timeout_seconds)

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
        await self._http.send_or_none(call, Mem0Done, timeout_seconds=timeout_seconds)

    async def history(self, memory_id: Mem0Id, *, timeout_seconds: float) -> list[Mem0HistoryEntry]:
        """What has happened to a memory, in Mem0's order; it outlives the memory's deletion.

        Args:
            memory_id: Mem0's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when Mem0 never had a memory by this id.
            UpstreamError: its other kinds.

        Source: capture mem0ai 2.2.1 `history`; OpenAPI of 2026-08-22. That a deletion is the last
        entry is inferred from the words that `event` may hold.

        Wire: GET /v1/memories/{id}/history/ → a bare array of id, memory_id, event, old_memory,
        new_memory, created_at.
        """
        call = self._call("history", "GET", "/v1/memories/{}/history/", ids=(memory_id,))
        entries = await self._http.send(call, Mem0History, timeout_seconds=timeout_seconds)
        return list(entries.items)


def _having(metadata: Metadata | Sequence[Metadata] | None) -> list[dict[str, Any]]:
    """Filters that all have to hold."""
    if metadata is None or isinstance(metadata, Mapping):
        return [{"metadata": {key: value}} for key, value in (metadata or {}).items()]
    if len(metadata) == 1:
        return _having(metadata[0])
    return [{"OR": [{"AND": _having(each)} for each in metadata]}]


def _unix_seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset")
    return int(moment.astimezone(UTC).timestamp())
