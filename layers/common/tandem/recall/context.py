"""What one turn is given of all that is remembered. One rule: the memory view shows it too."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from tandem.recall.items import RecalledItem
from tandem.recall.rank import order, select

CONTEXT_ITEMS: Final = 20
"""How many items a turn that asks about the person gets, and how many each store is asked for."""
CONTEXT_TOKENS: Final = 2_000


def context_items(
    remembered: Iterable[RecalledItem],
    pending: Iterable[RecalledItem],
    *,
    query: str,
    now: datetime,
) -> list[RecalledItem]:
    """The items of a turn's context, most useful first.

    Args:
        remembered: from both stores, merged, in the stores' order.
        pending: what the person said and the stores have not ingested.
        query: the person's message.
        now: aware; what had ended by then comes last.
    """
    ordered = order([*remembered, *pending], query=query, now=now)
    return select(ordered, limit=CONTEXT_ITEMS, token_budget=CONTEXT_TOKENS)
