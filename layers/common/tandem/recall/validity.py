"""When something remembered was true, as far as its dates tell."""

from datetime import datetime

from tandem.recall.items import RecalledItem


def is_superseded(item: RecalledItem, now: datetime) -> bool:
    """It was true and no longer is. An end that lies ahead is none yet."""
    return item.valid_to is not None and item.valid_to <= now


def held_at(item: RecalledItem, moment: datetime) -> bool:
    """Whether it was held true at that moment (aware), as far as its dates tell.

    What has no start in the world begins when the person said it; what has neither always was.
    """
    start = beginning(item)
    return (start is None or start <= moment) and not is_superseded(item, moment)


def beginning(item: RecalledItem) -> datetime | None:
    """Since when it is known to have been true: its start, else when the person said it."""
    return item.valid_from or item.last_confirmed_at
