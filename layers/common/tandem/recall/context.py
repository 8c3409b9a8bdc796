"""What one turn is given of all that is remembered. One rule: the memory view shows it too."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from tandem.recall.items import RecalledItem
from tandem.recall.rank import order, select
from tandem.recall.routing import Route
from tandem.recall.time_questions import understand
from tandem.recall.validity import is_superseded


class Share(NamedTuple):
    """How much of what is remembered a turn gets. Each store is asked for as many items."""

    items: int
    tokens: int


SHARES: Final[dict[Route, Share]] = {
    "recall": Share(20, 1_400),
    "converse": Share(8, 800),
    "manage": Share(20, 1_400),
}
"""A turn that asks about the person gets more, and also what no longer holds."""

TURN_TOKENS: Final = 2_000
"""What a turn gets of all that is remembered: its share, and then what its tools find."""

_FRAME_TOKENS: Final = 10
"""What the block takes around its lines."""


def context_items(
    remembered: Iterable[RecalledItem],
    pending: Iterable[RecalledItem],
    *,
    route: Route,
    query: str,
    now: datetime,
) -> list[RecalledItem]:
    """The items of a turn's context, most useful first.

    Args:
        remembered: from both stores, merged, in the stores' order.
        pending: what the person said and the stores have not ingested.
        query: the person's message. If it asks about a time, what was true then comes first.
        now: aware; what had ended by then comes last, or is left out.
    """
    known = [item for item in remembered if route == "recall" or not is_superseded(item, now)]
    asked = understand(query, now=now) if route == "recall" else None
    ordered = order([*known, *pending], query=query, now=now, asked=asked)
    tokens = SHARES[route].tokens - _FRAME_TOKENS
    return select(ordered, limit=SHARES[route].items, token_budget=tokens)
