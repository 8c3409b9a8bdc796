"""Queries and bodies of the session and history endpoints."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tandem.cursors import MAX_CURSOR_CHARACTERS
from tandem.fields import Label
from tandem.web import RequestModel, ResponseModel

CursorText = Annotated[str, Field(max_length=MAX_CURSOR_CHARACTERS)]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class NoQuery(RequestModel):
    """No query parameters: an unknown one is refused, not ignored."""


class StartSessionRequest(RequestModel):
    """A session to be started. Without a `session_id` it gets one."""

    user_id: Label | None = None
    session_id: Label | None = None
    title: Title | None = None


class StartSessionResponse(ResponseModel):
    """A session that exists."""

    session_id: str
    user_id: str
    created_at: datetime


class ListSessionsQuery(RequestModel):
    """Which of the caller's sessions to list, newest first."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class SessionResponse(ResponseModel):
    """One session. `turns` counts every message that the person has sent in it."""

    session_id: str
    title: str | None
    created_at: datetime
    last_turn_at: datetime | None
    turns: int


class ListSessionsResponse(ResponseModel):
    """Some sessions, newest first. `next_cursor` is null on the last page."""

    items: list[SessionResponse]
    next_cursor: str | None


class HistoryRequest(RequestModel):
    """Which messages to read, oldest first."""

    session_id: Label
    user_id: Label | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: CursorText | None = None


class MessageResponse(ResponseModel):
    """One message. `created_at` is when it was said, `delivered` that it is in Zep's thread.

    `content` is null when our own copy has been wiped, as happens some time after both stores have
    taken a message in, and Zep can't give it now; `degraded` then names Zep.
    """

    message_id: UUID
    turn_id: UUID
    role: Literal["user", "assistant"]
    content: str | None
    created_at: datetime
    delivered: bool


class HistoryResponse(ResponseModel):
    """Some messages, oldest first. `next_cursor` is null on the last page. `degraded` holds `zep`
    when Zep should have given a text and did not; our own copy then stands in for it."""

    items: list[MessageResponse]
    next_cursor: str | None
    degraded: list[Literal["zep"]]
