from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_api.paging import Ahead, Place, cut
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.cursors import read_cursor, write_cursor
from tandem.errors import InvalidInput
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.items import Draft
from tandem.recall.stores import fact_draft, memory_draft

NAMES = UUID("6a4f3f2e-0000-4000-8000-000000000000")
END = Ahead(memories=False, edges=None)


def memories(count: int) -> list[Draft]:
    return [memory_draft(Mem0Memory(id=Mem0Id(f"{n}"), text=f"memory {n}")) for n in range(count)]


def facts(count: int, first: int = 0) -> list[Draft]:
    return [
        fact_draft(ZepEdge(uuid=ZepUuid(uuid5(NAMES, f"{n}")), fact=f"fact {n}"))
        for n in range(first, first + count)
    ]


def texts(drafts: list[Draft]) -> list[str]:
    return [draft.item.text for draft in drafts]


def test_a_persons_first_page_holds_everything_when_it_fits() -> None:
    page = cut(Place(size=5), [*memories(2), *facts(3)], ahead=END)
    assert texts(page.drafts) == ["memory 0", "memory 1", "fact 0", "fact 1", "fact 2"]
    assert page.next is None


def test_memories_lead_and_facts_wait_while_there_are_more_memories() -> None:
    page = cut(Place(size=2), [*memories(2), *facts(3)], ahead=Ahead(memories=True, edges="z"))
    assert texts(page.drafts) == ["memory 0", "memory 1"]
    assert page.next == Place(size=2, page=2)


def test_the_first_page_is_filled_with_facts_and_the_next_goes_on_behind_them() -> None:
    page = cut(Place(size=3), [*memories(1), *facts(5)], ahead=END)
    assert texts(page.drafts) == ["memory 0", "fact 0", "fact 1"]
    assert page.next == Place(part="facts", size=3, skip=2)


def test_the_last_page_of_memories_is_not_filled_because_earlier_memories_are_not_known() -> None:
    page = cut(Place(size=3, page=2), [*memories(1), *facts(5)], ahead=END)
    assert texts(page.drafts) == ["memory 0"]
    assert page.next == Place(part="facts", size=3)


def test_facts_go_on_within_a_window_then_in_the_next_one() -> None:
    place = Place(part="facts", size=2, zep="w1", skip=2)
    page = cut(place, [*memories(4), *facts(5)], ahead=Ahead(memories=False, edges="w2"))
    assert texts(page.drafts) == ["fact 2", "fact 3"]
    assert page.next == Place(part="facts", size=2, zep="w1", skip=4)
    page = cut(page.next, [*memories(4), *facts(5)], ahead=Ahead(memories=False, edges="w2"))
    assert texts(page.drafts) == ["fact 4"]
    assert page.next == Place(part="facts", size=2, zep="w2")


def test_a_cursor_of_zeps_that_is_too_long_to_be_handed_on_ends_the_view() -> None:
    page = cut(Place(size=2), facts(1), ahead=Ahead(memories=False, edges="z" * 2_001))
    assert page.next is None


@pytest.mark.parametrize(
    "place",
    [
        Place(size=100, page=100_000),
        Place(part="facts", size=1, zep="z" * 2_000, skip=100_000),
    ],
)
def test_every_place_comes_back_from_its_cursor(place: Place) -> None:
    text = write_cursor(place, scope="memory:me")
    assert read_cursor(Place, text, scope="memory:me") == place
    with pytest.raises(InvalidInput):
        read_cursor(Place, text, scope="memory:you")


@given(
    st.integers(0, 12),
    st.lists(st.integers(0, 7), min_size=1, max_size=3),
    st.integers(1, 5),
)
def test_all_pages_together_show_everything_once(
    memory_count: int, windows: list[int], size: int
) -> None:
    """Plays both stores: memories in pages, facts in windows."""
    known = memories(memory_count)
    starts = [sum(windows[:n]) for n in range(len(windows))]
    listed = [facts(count, first) for count, first in zip(windows, starts, strict=True)]
    shown: list[str] = []
    place: Place | None = Place(size=size)
    for _ in range(100):
        if place is None:
            break
        window = int(place.zep or 0)
        later = f"{window + 1}" if window + 1 < len(windows) else None
        first = (place.page - 1) * size
        read = known if place.part == "facts" else known[first : first + size]
        more = place.part == "memories" and first + size < len(known)
        page = cut(place, [*read, *listed[window]], ahead=Ahead(more, later))
        assert len(page.drafts) <= size
        shown += texts(page.drafts)
        place = page.next
    assert place is None
    assert shown == texts([*known, *(fact for window in listed for fact in window)])
