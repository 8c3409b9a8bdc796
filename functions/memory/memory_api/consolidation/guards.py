"""What a judge's `same` must not overlook."""

from typing import Literal

Guard = Literal["numbers", "names", "negation", "time"]


def held_by(left: str, right: str) -> Guard | None:
    """Which guard says that two statements aren't the same; None if none does."""
    del left, right
    return None
