"""Zep Cloud over its v4 REST API: the messages of a thread."""

# Unevaluated: each `Page[…]` in an annotation would be another model built at import.
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from tandem.clients.provider_model import Metadata, rfc3339
from tandem.clients.zep_base import MAX_METADATA_KEYS, ZepBase, clamp
from tandem.clients.zep_models import AddedMessages, NewMessage, Page, ZepMessage
from tandem.ids import ZepUuid

MAX_MESSAGES: Final = 30
MAX_MESSAGE_CHARACTERS: Final = 4096
MAX_MESSAGES_PAGE: Final = 200


class ZepMessageCalls(ZepBase):
    """The part of `ZepClient` that is about messages."""

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
            timeout_seconds: for the call, not for ingestion.

        Raises:
            UpstreamRejected: 404 when the thread is gone; with status None when a bound above is
                passed, in which case nothing was sent and never can be.
            UpstreamError: its other kinds. Unless `context["sent"]` is False the messages may be in
                the thread, now or in a while: the call is not repeated once Zep may have seen it.

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
        call = self._call(
            "thread.add_messages",
            "POST",
            "/threads/{}/messages",
            (thread_uuid,),
            body=body,
            idempotency_key=idempotency_key,
            retry_safe=False,
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
        call = self._call(
            "thread.list_messages",
            "GET",
            "/threads/{}/messages",
            (thread_uuid,),
            query={"page_size": size, "cursor": cursor, "order": order},
        )
        return await self._http.send(call, Page[ZepMessage], timeout_seconds=timeout_seconds)

    async def get_message(
        self, thread_uuid: ZepUuid, message_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepMessage | None:
        """One message of a thread, or None when the thread has no such message.

        Args:
            thread_uuid: Zep's id of the thread.
            message_uuid: Zep's id of the message.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `thread.message.get`.

        Wire: GET /api/v4/threads/{uuid}/messages/{uuid} → uuid, role, content, metadata,
        reference_time, created_at, processed.
        """
        ids = (thread_uuid, message_uuid)
        call = self._call("thread.message.get", "GET", "/threads/{}/messages/{}", ids)
        return await self._http.send_or_none(call, ZepMessage, timeout_seconds=timeout_seconds)

    async def set_message_metadata(
        self,
        thread_uuid: ZepUuid,
        message_uuid: ZepUuid,
        metadata: Metadata,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepMessage:
        """The message with its new metadata.

        Args:
            thread_uuid: Zep's id of the thread.
            message_uuid: Zep's id of the message.
            metadata: merged into what is there; a None value removes its key. Plain values, at most
                10 keys, also after merging.
            idempotency_key: the same for every attempt at this change.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the thread or the message is gone; with status None when
                there are more keys than Zep takes, in which case nothing was sent.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `thread.message.update`.

        Wire: PATCH /api/v4/threads/{uuid}/messages/{uuid} `{"metadata"}` → as `get_message`.
        """
        if len(metadata) > MAX_METADATA_KEYS:
            raise self._over_limit("thread.message.update")
        call = self._call(
            "thread.message.update",
            "PATCH",
            "/threads/{}/messages/{}",
            (thread_uuid, message_uuid),
            body={"metadata": metadata},
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, ZepMessage, timeout_seconds=timeout_seconds)


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
