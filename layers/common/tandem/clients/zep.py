"""Zep Cloud over its v4 REST API: people, threads, messages and tasks.

What concerns a graph is in `zep_graph.py`; `ZepClient` has both. Zep made every UUID here; nothing
can be found again by an id of ours except a user, so callers keep them.
"""

# Unevaluated: each `Page[…]` in an annotation would be another model built at import.
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from tandem.clients.http import ApiCall
from tandem.clients.models import (
    AddedMessages,
    NewMessage,
    Page,
    ZepDeletion,
    ZepMessage,
    ZepTask,
    ZepThread,
    ZepUser,
    rfc3339,
)
from tandem.clients.zep_graph import ZepGraphCalls, clamp
from tandem.errors import UpstreamRejected
from tandem.ids import ZepUuid

MAX_MESSAGES: Final = 30
MAX_MESSAGE_CHARACTERS: Final = 4096
MAX_MESSAGES_PAGE: Final = 200

_NOT_FOUND: Final = 404
_EXISTS: Final = frozenset({400, 409})


class ZepClient(ZepGraphCalls):
    """Zep for one project. Safe to share between requests of one event loop."""

    async def find_user(self, user_id: str, *, timeout_seconds: float) -> ZepUser | None:
        """The person whom we registered as `user_id`, or None when Zep knows no such user.

        Args:
            user_id: our own id of the person, at most 500 characters.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `user.lookup`; Zep docs "migrating from v3", 2026-10-14. That
        lookup finds users made by v4 is inferred from there, not measured.

        Wire: POST /api/v4/users/lookup `{"user_id"}` → uuid, graph_uuid.
        """
        call = ApiCall(
            "user.lookup",
            "POST",
            "/api/v4/users/lookup",
            body={"user_id": user_id},
            headers=self._headers(),
            retry_safe=True,
        )
        try:
            return await self._http.send(call, ZepUser, timeout_seconds=timeout_seconds)
        except UpstreamRejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def create_user(
        self,
        user_id: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUser:
        """The user that Zep has made, with the graph that belongs to it.

        Args:
            user_id: our own id, at most 500 characters, unique, never to be changed.
            first_name: helps Zep to tell who "I" is; left out when None.
            last_name: likewise.
            idempotency_key: the same for every attempt at this one user.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 400 or 409 when the id is taken.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `user.create`.

        Wire: POST /api/v4/users `{"user_id","first_name","last_name"}` → uuid, graph_uuid.
        """
        names = {"first_name": first_name, "last_name": last_name}
        call = ApiCall(
            "user.create",
            "POST",
            "/api/v4/users",
            body={"user_id": user_id, **{k: v for k, v in names.items() if v is not None}},
            headers=self._headers(idempotency_key),
            retry_safe=True,
        )
        return await self._http.send(call, ZepUser, timeout_seconds=timeout_seconds)

    async def ensure_user(
        self,
        user_id: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUser:
        """The person whom we call `user_id`, registered now if Zep didn't know them.

        Looks up, creates, and looks up again when somebody else was faster.

        Args:
            user_id: our own id, at most 500 characters.
            first_name: for a new user only.
            last_name: for a new user only.
            idempotency_key: the same for every attempt at this one user.
            timeout_seconds: for all calls together.

        Raises:
            UpstreamRejected: creating was refused, and not because the user was there already.
            UpstreamError: its other kinds.

        Source: captures zep v4.0.1 `user.lookup`, `user.create`.

        Wire: as `find_user` and `create_user`.
        """
        deadline = self._http.deadline(timeout_seconds)
        user = await self.find_user(user_id, timeout_seconds=timeout_seconds)
        if user is not None:
            return user
        try:
            return await self.create_user(
                user_id,
                first_name=first_name,
                last_name=last_name,
                idempotency_key=idempotency_key,
                timeout_seconds=self._http.remaining(deadline),
            )
        except UpstreamRejected as error:
            if error.status not in _EXISTS:
                raise
            rest = self._http.remaining(deadline)
            user = await self.find_user(user_id, timeout_seconds=rest)
            if user is None:
                raise
            return user

    async def delete_user(
        self, user_uuid: ZepUuid, *, idempotency_key: str | None = None, timeout_seconds: float
    ) -> ZepUuid | None:
        """The task that deletes the person with all threads and the graph; None if none is named.

        Args:
            user_uuid: Zep's id.
            idempotency_key: sent when given; deleting is repeatable without it too.
            timeout_seconds: for the call with its retries, not for the deletion itself.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture zep v4.0.1 `user.delete`.

        Wire: DELETE /api/v4/users/{uuid} → 202 task.uuid.
        """
        call = self._deletion("user.delete", "/api/v4/users/{}", user_uuid, idempotency_key)
        return await self._delete(call, timeout_seconds)

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
        call = ApiCall(
            "thread.create",
            "POST",
            "/api/v4/threads",
            body={"user_uuid": str(user_uuid)},
            headers=self._headers(idempotency_key),
            retry_safe=True,
        )
        return await self._http.send(call, ZepThread, timeout_seconds=timeout_seconds)

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
        call = self._deletion("thread.delete", "/api/v4/threads/{}", thread_uuid, idempotency_key)
        return await self._delete(call, timeout_seconds)

    async def add_messages(
        self,
        thread_uuid: ZepUuid,
        messages: Sequence[NewMessage],
        *,
        ignore_roles: Sequence[str] = (),
        idempotency_key: str,
        timeout_seconds: float,
    ) -> AddedMessages:
        """The messages as Zep has taken them, in the order given, and the task that ingests them.

        Args:
            thread_uuid: Zep's id.
            messages: 1 to 30, each of at most 4,096 characters.
            ignore_roles: roles from which no facts are taken; their messages are kept all the same.
            idempotency_key: the same for every attempt at these messages.
            timeout_seconds: for the call with its retries, not for ingestion.

        Raises:
            UpstreamRejected: 404 when the thread is gone; with status None when a bound above is
                passed, in which case nothing was sent and never can be.
            UpstreamError: its other kinds. After a timeout or an unreadable answer the messages may
                be in the thread.

        Source: capture zep v4.0.1 `thread.add_messages`; bounds from Zep docs "adding messages"
        (v3 pages; assumed to hold for v4).

        Wire: POST /api/v4/threads/{uuid}/messages `{"messages":[{"role","content",
        "reference_time","name","metadata"}],"ignore_roles"}` → 202 messages[].uuid, task.uuid.
        """
        longest = max((len(message.content) for message in messages), default=0)
        if not 1 <= len(messages) <= MAX_MESSAGES or longest > MAX_MESSAGE_CHARACTERS:
            raise self._over_limit("thread.add_messages")
        body: dict[str, Any] = {"messages": [_message_json(message) for message in messages]}
        if ignore_roles:
            body["ignore_roles"] = list(ignore_roles)
        call = ApiCall(
            "thread.add_messages",
            "POST",
            "/api/v4/threads/{}/messages",
            ids=(thread_uuid,),
            body=body,
            headers=self._headers(idempotency_key),
            retry_safe=True,
        )
        return await self._http.send(call, AddedMessages, timeout_seconds=timeout_seconds)

    async def list_messages(
        self,
        thread_uuid: ZepUuid,
        *,
        page_size: int = 50,
        cursor: str | None = None,
        order: Literal["asc", "desc"] = "asc",
        timeout_seconds: float,
    ) -> Page[ZepMessage]:
        """One page of a thread's messages, oldest first, or newest first with `order="desc"`.

        Args:
            thread_uuid: Zep's id.
            page_size: 1 to 200; other values are moved to the nearer bound.
            cursor: `next_cursor` of the page before, None for the first.
            order: by the time at which Zep received them.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the thread is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `thread.list_messages`.

        Wire: GET /api/v4/threads/{uuid}/messages?page_size&cursor&order → items[], next_cursor.
        """
        size = clamp(page_size, MAX_MESSAGES_PAGE)
        call = ApiCall(
            "thread.list_messages",
            "GET",
            "/api/v4/threads/{}/messages",
            ids=(thread_uuid,),
            query={"page_size": size, "cursor": cursor, "order": order},
            headers=self._headers(),
            retry_safe=True,
        )
        return await self._http.send(call, Page[ZepMessage], timeout_seconds=timeout_seconds)

    async def get_task(self, task_uuid: ZepUuid, *, timeout_seconds: float) -> ZepTask:
        """How far Zep has got with a task.

        Args:
            task_uuid: from the answer that started it.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when Zep no longer knows the task.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `task.get`. A status that isn't known here reads "unknown".

        Wire: GET /api/v4/tasks/{uuid} → status, completed_at.
        """
        call = ApiCall(
            "task.get",
            "GET",
            "/api/v4/tasks/{}",
            ids=(task_uuid,),
            headers=self._headers(),
            retry_safe=True,
        )
        return await self._http.send(call, ZepTask, timeout_seconds=timeout_seconds)

    def _deletion(
        self, operation: str, path: str, uuid: ZepUuid, idempotency_key: str | None
    ) -> ApiCall:
        return ApiCall(
            operation,
            "DELETE",
            path,
            ids=(uuid,),
            headers=self._headers(idempotency_key),
            retry_safe=True,
            empty_ok=True,
        )

    async def _delete(self, call: ApiCall, timeout_seconds: float) -> ZepUuid | None:
        try:
            deletion = await self._http.send(call, ZepDeletion, timeout_seconds=timeout_seconds)
        except UpstreamRejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return deletion.task_uuid


def _message_json(message: NewMessage) -> dict[str, Any]:
    body: dict[str, Any] = {
        "role": message.role,
        "content": message.content,
        "reference_time": rfc3339(message.reference_time),
    }
    if message.name is not None:
        body["name"] = message.name
    if message.metadata:
        body["metadata"] = message.metadata
    return body
