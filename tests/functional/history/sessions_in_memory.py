"""A person's sessions, the queue and a thread of Zep's, in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from tandem.db.sessions import (
    DeletedSession,
    NewSession,
    Session,
    SessionsPage,
    StartedSession,
    session_not_found,
)
from tandem.errors import Forbidden
from tandem.ids import SessionRowId
from tandem.principal import Principal
from tests.unit.history.fake_conversation import CALLER, Conversation

Call = Callable[..., tuple[int, dict[str, Any]]]
STARTED = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


@dataclass
class Table:
    """One person's sessions in memory, oldest first."""

    rows: list[Session] = field(default_factory=list)
    thread_owed: bool = True

    async def start(
        self, principal: Principal, user_id: str | None, new: NewSession
    ) -> StartedSession:
        assert principal == CALLER
        if user_id not in {None, "ada"}:
            raise Forbidden(code="forbidden_user", detail="That user_id is not yours.")
        known = self.find(new.session_id)
        created_at = STARTED + timedelta(seconds=len(self.rows))
        if known is None:
            self.rows.append(Session(new.id, new.session_id, new.title, created_at, None, 0))
        kept = known or self.rows[-1]
        return StartedSession(kept.session_id, "ada", kept.created_at, known is None)

    async def list(
        self, principal: Principal, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> SessionsPage:
        assert principal == CALLER
        older = [r for r in reversed(self.rows) if before is None or (r.created_at, r.id) < before]
        return SessionsPage(older[:limit], len(older) > limit)

    async def get(self, principal: Principal, session_id: str) -> Session:
        assert principal == CALLER
        found = self.find(session_id)
        if found is None:
            raise session_not_found()
        return found

    async def delete(self, principal: Principal, session_id: str) -> DeletedSession:
        gone = await self.get(principal, session_id)
        self.rows.remove(gone)
        return DeletedSession(gone.id, self.thread_owed)

    def find(self, session_id: str) -> Session | None:
        return next((row for row in self.rows if row.session_id == session_id), None)


@dataclass
class Queue:
    """What was put on the way to the delivery job."""

    works: bool = True
    sent: list[SessionRowId] = field(default_factory=list)

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool:
        assert delay_seconds == 0
        self.sent.append(session_row)
        return self.works


class Zep:
    """A conversation's thread on Zep's wire."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.status = 200
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.status != 200:
            return httpx.Response(self.status, json={"error": {"message": "secret of Zep's"}})
        thread = self.conversation.thread_uuid
        assert request.url.path == f"/api/v4/threads/{thread}/messages"
        size = int(request.url.params["page_size"])
        start = int(request.url.params.get("cursor", "0"))
        messages = self.conversation.thread.messages
        body: dict[str, Any] = {
            "items": [
                {
                    "uuid": str(message.uuid),
                    "role": message.role,
                    "content": message.content,
                    "metadata": message.metadata,
                    "created_at": "2026-11-20T09:00:00Z",
                }
                for message in messages[start : start + size]
            ]
        }
        if start + size < len(messages):
            body["next_cursor"] = str(start + size)
        return httpx.Response(200, json=body)
