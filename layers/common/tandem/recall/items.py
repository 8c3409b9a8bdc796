"""What is remembered about a person, in the one shape that turns, search and the view share."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict

from tandem.ids import TurnId

Store = Literal["zep", "mem0", "both", "pending"]
Kind = Literal["fact", "memory", "entity"]


def _finite(score: float | None) -> float | None:
    return score if score is not None and math.isfinite(score) else None


class Source(BaseModel):
    """The utterance that something remembered rests on."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    message_id: UUID
    turn_id: UUID


class RecalledItem(BaseModel):
    """A fact, memory or pending statement, and where it comes from.

    `valid_from` and `valid_to` tell when it was true in the world (aware UTC; an open end means
    still true, both absent means nobody said). `last_confirmed_at` is when the person last said
    it. `score` is comparable within one answer only; one that JSON can't hold is left out.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    store: Store
    kind: Kind
    text: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    last_confirmed_at: datetime | None = None
    score: Annotated[float | None, AfterValidator(_finite)] = None
    source: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """An item whose sources are still the stores' names for them.

    Attributes:
        provider_ids: Zep's messages or episodes, or Mem0's memory, that the item rests on.
        turn_ids: turns that the store itself names, through metadata that we sent along.
        superseded_at: when the store learned that it no longer holds. Not `valid_to`: who says
            today "I moved last month" ends a fact in the past.
        also: ids of the other items that it stands for.
        marked_end: since when it is over because we have marked it so; said after that it holds.
    """

    item: RecalledItem
    provider_ids: tuple[str, ...] = ()
    turn_ids: tuple[TurnId, ...] = ()
    superseded_at: datetime | None = None
    also: tuple[str, ...] = ()
    marked_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResolvedSource:
    """One row of the ledger's answer to "where does this come from"."""

    provider_id: str | None
    turn_id: TurnId
    source: Source
    said_at: datetime


def resolve(draft: Draft, found: list[ResolvedSource]) -> RecalledItem:
    """The item with its sources, oldest first, and with the time at which it was last said."""
    hits = [
        row
        for row in found
        if row.provider_id in draft.provider_ids
        or (row.provider_id is None and row.turn_id in draft.turn_ids)
    ]
    if not hits:
        return draft.item
    ordered = sorted({(row.said_at, row.turn_id): row for row in hits}.items())
    said_at = max(row.said_at for row in hits)
    update: dict[str, object] = {
        "source": tuple(row.source for _, row in ordered),
        "last_confirmed_at": said_at,
    }
    if draft.marked_end is not None and said_at > draft.marked_end:
        update |= {"valid_from": said_at, "valid_to": None}
    return draft.item.model_copy(update=update)


def resolve_all(drafts: Iterable[Draft], found: Iterable[ResolvedSource]) -> list[RecalledItem]:
    """Each draft resolved, in the same order; looks only at the rows that concern it."""
    by_provider: dict[str | None, list[ResolvedSource]] = defaultdict(list)
    by_turn: dict[TurnId, list[ResolvedSource]] = defaultdict(list)
    for row in found:
        by_provider[row.provider_id].append(row)
    for row in by_provider.pop(None, ()):
        by_turn[row.turn_id].append(row)
    return [
        resolve(
            draft,
            [row for name in draft.provider_ids for row in by_provider.get(name, ())]
            + [row for turn in draft.turn_ids for row in by_turn.get(turn, ())],
        )
        for draft in drafts
    ]
