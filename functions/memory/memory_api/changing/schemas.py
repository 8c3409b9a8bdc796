"""Bodies of the endpoints that change one's memory."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import Path
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from memory_api.changing.tokens import MAX_TOKEN_CHARACTERS
from tandem.cursors import Moment
from tandem.fields import Label, storable
from tandem.recall.items import RecalledItem
from tandem.web import RequestModel, ResponseModel

_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)

Statement = Annotated[
    str, Field(min_length=1, max_length=4_000, pattern=r"\S"), AfterValidator(storable)
]
"""What somebody says, within the bounds of a message."""

IdempotencyKey = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]

MemoryId = Annotated[
    str,
    Path(
        pattern=r"^(?:mem_[A-Za-z0-9_.:-]{1,128}"
        r"|(?:fact|said|entity)_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    ),
]
"""The id of a recalled item."""


class RememberRequest(RequestModel):
    """A statement to be remembered as it stands. Without a session it stands in one that is called
    `memory`, made on first use. `said_at` is when it was said, now if it is left out."""

    statement: Statement
    user_id: Label | None = None
    session_id: Label | None = None
    said_at: Annotated[Moment, Field(ge=_LONG_AGO)] | None = None


class CorrectRequest(RequestModel):
    """What is to stand instead."""

    text: Statement


class ForgetRequest(RequestModel):
    """First a `query`, which shows what would go; then the `token` of that answer."""

    user_id: Label | None = None
    query: Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"\S")] | None = None
    token: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_CHARACTERS)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.query is None) == (self.token is None):
            raise PydanticCustomError("query_or_token", "Either a query or a token is needed")
        return self


class ForgettableResponse(ResponseModel):
    """What would be forgotten. Nothing is, unless the token comes back before `expires_at`.

    `more`: further things fit that are not listed and would stay. Without any item there is no
    token.
    """

    items: tuple[RecalledItem, ...]
    more: bool
    token: str | None
    expires_at: datetime | None


class ForgottenCounts(ResponseModel):
    """How many are gone."""

    memories: int
    facts: int
    episodes: int


class ForgottenResponse(ResponseModel):
    """What has been forgotten. The person's own words stay in the history of their sessions until
    these are deleted."""

    forgotten: ForgottenCounts


class HistoryEvent(ResponseModel):
    """One thing that happened to a memory or a fact.

    `event` is a word: `added`, `changed`, `deleted` (Mem0), `learned`, `ended` (Zep), `hide`,
    `show`, `link`, … (`store` `tandem`: what consolidation, a correction or a choice has done, with
    its `reason` and the run).
    """

    at: datetime
    store: str
    event: str
    text: str | None = None
    reason: str | None = None
    run_id: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class HistoryResponse(ResponseModel):
    """How an item came to be as it is, newest last. `degraded` names stores that did not answer."""

    items: tuple[HistoryEvent, ...]
    degraded: tuple[str, ...]
