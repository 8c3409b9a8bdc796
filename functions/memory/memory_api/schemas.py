"""Bodies and queries of the memory endpoints."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from memory_api.reading import Scope
from memory_api.viewed import ViewedEntity, ViewedItem
from tandem.cursors import MAX_CURSOR_CHARACTERS
from tandem.fields import Label
from tandem.recall.items import RecalledItem
from tandem.web import RequestModel, ResponseModel


class MemoryRequest(RequestModel):
    """What is wanted of the merged view. `limit` counts on the first page and stays after it."""

    user_id: Label | None = None
    session_id: Label | None = None
    as_of: AwareDatetime | None = None
    include_superseded: bool = False
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=MAX_CURSOR_CHARACTERS)] | None = None


class MemoryResponse(ResponseModel):
    """One page of the merged view: memories with the facts that say the same, then facts alone.

    A fact or memory that is `superseded` no longer held at `as_of`, or by now; one with `conflicts`
    contradicts another, and the person hasn't said yet which holds. What says the same is one item
    when it reads the same or was found to (consolidation links it), under the memory's id.
    A page may hold fewer than `limit`, even none, while `next_cursor` names another.
    `entities` and `context` come with the first page alone; `context` is the text that a turn in
    the session that was named would get. `degraded` names stores that did not answer, or not
    with all.
    """

    entities: tuple[ViewedEntity, ...]
    facts: tuple[ViewedItem, ...]
    pending: tuple[RecalledItem, ...]
    degraded: tuple[str, ...]
    next_cursor: str | None
    context: str | None = None


class SearchRequest(RequestModel):
    """A question to the memory: to Mem0's memories, to Zep's facts, or to both as one list."""

    user_id: Label | None = None
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
    limit: Annotated[int, Field(strict=True, ge=1, le=50)] = 10
    scope: Scope = "mem0"


class SearchResponse(ResponseModel):
    """What was found, best first, what has ended behind what holds.

    A question about a time ("before Mumbai", "in 2023") has what was true then in front, unless
    `scope` is `mem0`. What was said a moment ago and shares a word with the question stands before
    what it competes with; what shares none stands at the end, where there is room. `degraded` names
    stores that were to be asked and did not answer.
    """

    items: tuple[RecalledItem, ...]
    degraded: tuple[str, ...]
