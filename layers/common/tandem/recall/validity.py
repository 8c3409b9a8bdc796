"""When something remembered was true, as far as its dates tell."""

from datetime import datetime

from tandem.clients.models import ZepEdge
from tandem.recall.items import RecalledItem


def is_superseded(item: RecalledItem, now: datetime) -> bool:
    """It was true and no longer is. An end that lies ahead is none yet."""
    return item.valid_to is not None and item.valid_to <= now


def marked_end(edge: ZepEdge) -> datetime | None:
    """Since when a fact is over for no other reason than that we have marked it so."""
    ours = edge.expired_at is None and edge.invalid_at == edge.ended_at
    return edge.ended_at if ours else None


def holds_again(edge: ZepEdge, said_at: datetime | None) -> bool:
    """Whether the person has said a fact after we had marked it as ended: Zep, which knows nothing
    of that, hears it as what it knows already."""
    end = marked_end(edge)
    return end is not None and said_at is not None and said_at > end


def held_at(item: RecalledItem, moment: datetime) -> bool:
    """Whether it was held true at that moment (aware), as far as its dates tell.

    What has no start in the world begins when the person said it; what has neither always was.
    """
    start = beginning(item)
    return (start is None or start <= moment) and not is_superseded(item, moment)


def beginning(item: RecalledItem) -> datetime | None:
    """Since when it is known to have been true: its start, else when the person said it."""
    return item.valid_from or item.last_confirmed_at
