"""Routes of sessions and history."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from history_api.schemas import (
    HistoryRequest,
    HistoryResponse,
    ListSessionsQuery,
    ListSessionsResponse,
    MessageResponse,
    NoQuery,
    SessionResponse,
    StartSessionRequest,
    StartSessionResponse,
)
from history_api.service import HistoryQuery, HistoryService, Message, SessionService
from tandem.db.sessions import Session
from tandem.fields import Label
from tandem.web import Caller

Nothing = Annotated[NoQuery, Query()]
SessionId = Annotated[Label, Path()]


def create_router(sessions: SessionService, history: HistoryService) -> APIRouter:
    """The routes under `/api/session` and `/api/history`."""
    router = APIRouter(prefix="/api")

    @router.post("/session/start", status_code=HTTPStatus.CREATED)
    async def start(
        principal: Caller, body: StartSessionRequest, _: Nothing, response: Response
    ) -> StartSessionResponse:
        started = await sessions.start(
            principal, user_id=body.user_id, session_id=body.session_id, title=body.title
        )
        if not started.created:
            response.status_code = HTTPStatus.OK
        return StartSessionResponse(
            session_id=started.session_id, user_id=started.user_id, created_at=started.created_at
        )

    @router.get("/session")
    async def list_sessions(
        principal: Caller, query: Annotated[ListSessionsQuery, Query()]
    ) -> ListSessionsResponse:
        page = await sessions.list(principal, limit=query.limit, cursor=query.cursor)
        return ListSessionsResponse(
            items=[_session(item) for item in page.items], next_cursor=page.next_cursor
        )

    @router.get("/session/{session_id}")
    async def get_session(principal: Caller, session_id: SessionId, _: Nothing) -> SessionResponse:
        return _session(await sessions.get(principal, session_id))

    @router.delete("/session/{session_id}", status_code=HTTPStatus.NO_CONTENT)
    async def delete_session(principal: Caller, session_id: SessionId, _: Nothing) -> None:
        await sessions.delete(principal, session_id)

    @router.get("/history")
    async def read_history(
        principal: Caller, query: Annotated[HistoryRequest, Query()]
    ) -> HistoryResponse:
        page = await history.read(
            principal,
            HistoryQuery(query.session_id, query.user_id, query.limit, query.cursor),
        )
        return HistoryResponse(
            items=[_message(item) for item in page.items],
            next_cursor=page.next_cursor,
            degraded=list(page.degraded),
        )

    return router


def _session(session: Session) -> SessionResponse:
    return SessionResponse(
        session_id=session.session_id,
        title=session.title,
        created_at=session.created_at,
        last_turn_at=session.last_turn_at,
        turns=session.turns,
    )


def _message(message: Message) -> MessageResponse:
    return MessageResponse(
        message_id=message.message_id,
        turn_id=message.turn_id,
        role=message.role,
        content=message.content,
        created_at=message.said_at,
        delivered=message.delivered,
    )
