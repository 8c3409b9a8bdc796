"""Routes of chat."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request

from chat_api.schemas import (
    ChatRequest,
    ChatResponse,
    DeliveryState,
    IdempotencyKey,
    TurnResponse,
    Usage,
)
from chat_api.service import ChatService
from chat_api.turn import Answer, Message
from tandem.deadline import deadline_of
from tandem.ids import TurnId
from tandem.web import Caller

TURN_SECONDS = 29.0
"""What API Gateway's 30 seconds leave to a function."""


def create_router(service: ChatService) -> APIRouter:
    """The routes under `/api/chat`."""
    router = APIRouter(prefix="/api/chat")

    @router.post("")
    async def chat(
        body: ChatRequest,
        request: Request,
        principal: Caller,
        idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
    ) -> ChatResponse:
        message = Message(body.message, body.session_id, body.user_id, idempotency_key)
        deadline = deadline_of(request.scope.get("aws.context"), at_most_seconds=TURN_SECONDS)
        return _response(await service.chat(principal, message, deadline))

    @router.get("/{turn_id}")
    async def turn(turn_id: UUID, principal: Caller) -> TurnResponse:
        status, answer = await service.turn(principal, TurnId(turn_id))
        return TurnResponse(
            turn_id=status.turn_id,
            session_id=status.session_id,
            state=status.state,
            message=status.message,
            said_at=status.said_at,
            replied_at=status.replied_at,
            answer=_response(answer) if answer else None,
            deliveries=[
                DeliveryState(store=store, role=role, state=state)
                for store, role, state in status.deliveries
            ],
        )

    return router


def _response(answer: Answer) -> ChatResponse:
    return ChatResponse(
        turn_id=answer.turn_id,
        session_id=answer.session_id,
        reply=answer.reply,
        route=answer.route,
        recalled=list(answer.recalled),
        usage=Usage(**answer.usage),
        degraded=list(answer.degraded),
    )
