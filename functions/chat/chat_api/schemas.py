"""Bodies of the chat endpoints."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from tandem.fields import Label, storable
from tandem.recall.items import RecalledItem
from tandem.recall.routing import Route
from tandem.web import RequestModel, ResponseModel

MessageText = Annotated[
    str, Field(min_length=1, max_length=4_000, pattern=r"\S"), AfterValidator(storable)
]
IdempotencyKey = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]


class ChatRequest(RequestModel):
    """A message. An unknown session is started; without one a new session is."""

    message: MessageText
    user_id: Label | None = None
    session_id: Label | None = None


class Usage(ResponseModel):
    """What the reply cost, all calls of the model together."""

    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0


class ChatResponse(ResponseModel):
    """The reply. `recalled` is what the model was given, `degraded` names stores that failed."""

    turn_id: UUID
    session_id: str
    reply: str
    route: Route
    recalled: list[RecalledItem]
    usage: Usage
    degraded: list[str]


class DeliveryState(ResponseModel):
    """How far one role's words have come on their way to one store."""

    store: Literal["zep", "mem0"]
    role: Literal["user", "assistant"]
    state: Literal["owed", "sent", "ingested", "refused", "cancelled"]


class TurnResponse(ResponseModel):
    """A turn as the ledger has it. Texts are null once they have left the ledger."""

    turn_id: UUID
    session_id: str
    state: Literal["open", "answered", "abandoned"]
    message: str | None
    said_at: datetime
    replied_at: datetime | None
    answer: ChatResponse | None
    deliveries: list[DeliveryState]
