"""How the merged view is cut into pages: memories by Mem0's pages, then facts without a memory.

A page costs a bounded number of calls, so nothing is read twice to find out where it goes on. What
comes or goes in a store between two pages can shift the rest by as much, as Mem0's own pages do.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from tandem.cursors import Cursor
from tandem.recall.items import Draft

_MOST: Final = 100_000
_LONGEST_ZEP_CURSOR: Final = 2_000


class Place(Cursor):
    """Where a page begins.

    Attributes:
        part: `memories` (by `page`, from 1) or `facts` (`skip` of them, in the window of Zep's
            list that begins at `zep`; None is its start).
        size: items a page. It stays the same throughout, because Mem0 counts in pages.
    """

    part: Literal["memories", "facts"] = "memories"
    size: Annotated[int, Field(ge=1, le=100)]
    page: Annotated[int, Field(ge=1, le=_MOST)] = 1
    zep: Annotated[str, Field(max_length=_LONGEST_ZEP_CURSOR)] | None = None
    skip: Annotated[int, Field(ge=0, le=_MOST)] = 0

    @property
    def is_first(self) -> bool:
        """Nothing has been shown before."""
        return self.part == "memories" and self.page == 1


class Cut(NamedTuple):
    """The items of one page, and where the next one begins; None after the last."""

    drafts: list[Draft]
    next: Place | None


class Ahead(NamedTuple):
    """What the stores have behind what was read of them."""

    memories: bool
    edges: str | None


def cut(place: Place, merged: Sequence[Draft], *, ahead: Ahead) -> Cut:
    """One page of what was read for it.

    Args:
        merged: what may be shown of it: memories with their facts, then facts alone.
        ahead: whether Mem0 has more pages, and the cursor of Zep's next window.
    """
    led = [draft for draft in merged if draft.item.store != "zep"]
    alone = [draft for draft in merged if draft.item.store == "zep"]
    if place.part == "facts":
        return _with_facts([], alone, place, ahead)
    if ahead.memories:
        return Cut(led, Place(size=place.size, page=place.page + 1))
    if not place.is_first:
        # Which facts no memory equals isn't known from the last page of memories alone.
        return Cut(led, Place(part="facts", size=place.size))
    return _with_facts(led, alone, place, ahead)


def _with_facts(led: list[Draft], alone: Sequence[Draft], place: Place, ahead: Ahead) -> Cut:
    end = place.skip + place.size - len(led)
    page = [*led, *alone[place.skip : end]]
    if end < len(alone):
        return Cut(page, Place(part="facts", size=place.size, zep=place.zep, skip=end))
    if ahead.edges is not None and len(ahead.edges) <= _LONGEST_ZEP_CURSOR:
        return Cut(page, Place(part="facts", size=place.size, zep=ahead.edges))
    return Cut(page, None)
