"""Routes that change one's memory, and tell how it changed."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Request, Response

from memory_api.changing.schemas import (
    CorrectRequest,
    ForgetRequest,
    ForgettableResponse,
    ForgottenCounts,
    ForgottenResponse,
    HistoryEvent,
    HistoryResponse,
    IdempotencyKey,
    MemoryId,
    RememberRequest,
)
from memory_api.changing.wanted import Remember
from tandem.deadline import Deadline, deadline_of
from tandem.recall.items import RecalledItem
from tandem.web import Caller

if TYPE_CHECKING:
    from memory_api.changing.wiring import Services

_LONGEST_SECONDS = 29.0
"""What API Gateway's 30 seconds leave to a function; each step leaves time to answer."""


def create_changing_router(services: "Callable[[], Services]") -> APIRouter:
    """The routes under `/api/memory` that change it.

    Args:
        services: asked with each request, so that they can be built with the first.
    """
    router = APIRouter(prefix="/api/memory")

    @router.post("", status_code=HTTPStatus.CREATED)
    async def remember(
        body: RememberRequest,
        principal: Caller,
        idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
    ) -> RecalledItem:
        wanted = Remember(**dict(body), idempotency_key=idempotency_key)
        return await services().changing.remember(principal, wanted)

    @router.post("/forget")
    async def forget(
        body: ForgetRequest, request: Request, principal: Caller
    ) -> ForgettableResponse | ForgottenResponse:
        if body.token is not None:
            done = await services().changing.forget(
                principal, body.token, _deadline(request), user_id=body.user_id
            )
            counts = ForgottenCounts(
                memories=done.memories, facts=done.facts, episodes=done.episodes
            )
            return ForgottenResponse(forgotten=counts)
        proposed = await services().changing.would_forget(
            principal, body.query or "", user_id=body.user_id
        )
        return ForgettableResponse(
            items=tuple(proposed.found.items),
            more=proposed.found.more,
            token=proposed.token,
            expires_at=proposed.expires_at,
        )

    @router.patch("/{memory_id}")
    async def correct(
        memory_id: MemoryId, body: CorrectRequest, request: Request, principal: Caller
    ) -> RecalledItem:
        return await services().changing.correct(
            principal, memory_id, body.text, _deadline(request)
        )

    @router.delete("/{memory_id}", status_code=HTTPStatus.NO_CONTENT)
    async def forget_one(memory_id: MemoryId, request: Request, principal: Caller) -> Response:
        await services().changing.forget_one(principal, memory_id, _deadline(request))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.get("/{memory_id}/history")
    async def history(memory_id: MemoryId, principal: Caller) -> HistoryResponse:
        story = await services().histories.read(principal, memory_id)
        return HistoryResponse(
            items=tuple(
                HistoryEvent(
                    at=one.at,
                    store=one.store,
                    event=one.event,
                    text=one.text,
                    reason=one.reason,
                    run_id=str(one.run_id) if one.run_id is not None else None,
                    valid_from=one.valid_from,
                    valid_to=one.valid_to,
                )
                for one in story.events
            ),
            degraded=tuple(story.degraded),
        )

    return router


def _deadline(request: Request) -> Deadline:
    return deadline_of(request.scope.get("aws.context"), at_most_seconds=_LONGEST_SECONDS)
