"""Zep Cloud over its v4 REST API: threads, which are our sessions."""

# Unevaluated: each `Page[…]` in an annotation would be another model built at import.
from __future__ import annotations

from typing import Final

from tandem.clients.zep_base import ZepBase, clamp
from tandem.clients.zep_models import Page, ThreadContext, ZepThread
from tandem.ids import ZepUuid

MAX_THREADS_PAGE: Final = 100


class ZepThreadCalls(ZepBase):
    """The part of `ZepClient` that is about threads."""

    async def create_thread(
        self, user_uuid: ZepUuid, *, idempotency_key: str, timeout_seconds: float
    ) -> ZepThread:
        """A new, empty thread of this person.

        Args:
            user_uuid: Zep's id of the person.
            idempotency_key: the same for every attempt at this one thread; without it a repeated
                call would leave a second thread that nobody knows.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the user is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `thread.create`.

        Wire: POST /api/v4/threads `{"user_uuid"}` → uuid.
        """
        call = self._call(
            "thread.create",
            "POST",
            "/threads",
            body={"user_uuid": str(user_uuid)},
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, ZepThread, timeout_seconds=timeout_seconds)

    async def get_thread(self, thread_uuid: ZepUuid, *, timeout_seconds: float) -> ZepThread | None:
        """A thread, without its messages, or None when Zep knows no such thread.

        Args:
            thread_uuid: Zep's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `thread.get`.

        Wire: GET /api/v4/threads/{uuid} → uuid, user_uuid, created_at.
        """
        call = self._call("thread.get", "GET", "/threads/{}", (thread_uuid,))
        return await self._http.send_or_none(call, ZepThread, timeout_seconds=timeout_seconds)

    async def list_threads(
        self,
        user_uuid: ZepUuid,
        *,
        page_size: int = 50,
        cursor: str | None = None,
        timeout_seconds: float,
    ) -> Page[ZepThread]:
        """One page of a person's threads, in Zep's order.

        Args:
            user_uuid: Zep's id of the person.
            page_size: 1 to 100; other values are moved to the nearer bound.
            cursor: `next_cursor` of the page before, None for the first.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the user is gone; whether Zep says so or gives an empty page
                is not known.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `thread.list`, its filter from the 4.0.1 surface. The largest
        page is inferred from those of graphs.

        Wire: GET /api/v4/threads?page_size&cursor&user_uuid → items[], next_cursor.
        """
        call = self._call(
            "thread.list",
            "GET",
            "/threads",
            query={
                "page_size": clamp(page_size, MAX_THREADS_PAGE),
                "cursor": cursor,
                "user_uuid": str(user_uuid),
            },
        )
        return await self._http.send(call, Page[ZepThread], timeout_seconds=timeout_seconds)

    async def thread_context(self, thread_uuid: ZepUuid, *, timeout_seconds: float) -> str:
        """What Zep would tell a model about the newest words of a thread; "" when it knows nothing.

        Free text for a prompt, not to be parsed. The person's whole graph is searched.

        Args:
            thread_uuid: Zep's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the thread is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `thread.get_context`; Zep docs "retrieving context", 2026-10-14.

        Wire: GET /api/v4/threads/{uuid}/context → context.
        """
        call = self._call("thread.get_context", "GET", "/threads/{}/context", (thread_uuid,))
        answer = await self._http.send(call, ThreadContext, timeout_seconds=timeout_seconds)
        return answer.context

    async def delete_thread(
        self, thread_uuid: ZepUuid, *, idempotency_key: str, timeout_seconds: float
    ) -> ZepUuid | None:
        """The task that deletes a thread with its messages; None if none is named.

        Facts learned from the thread stay in the graph.

        Args:
            thread_uuid: Zep's id.
            idempotency_key: the same for every attempt.
            timeout_seconds: for the call with its retries, not for the deletion itself.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture zep v4.0.1 `thread.delete`.

        Wire: DELETE /api/v4/threads/{uuid} → 202 task.uuid.
        """
        call = self._call(
            "thread.delete",
            "DELETE",
            "/threads/{}",
            (thread_uuid,),
            idempotency_key=idempotency_key,
        )
        return await self._delete(call, timeout_seconds)
