from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.ids import TurnId
from tandem.recall.items import Draft, RecalledItem, ResolvedSource, Source, resolve, resolve_all

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TURNS = [TurnId(UUID(int=n)) for n in range(1, 5)]


def draft(providers: list[str], turns: list[TurnId]) -> Draft:
    item = RecalledItem(id=str(uuid4()), store="zep", kind="fact", text="x")
    return Draft(item, tuple(providers), tuple(turns))


def row(provider: str | None, turn: TurnId, minute: int) -> ResolvedSource:
    source = Source(session_id="s", message_id=UUID(int=turn.int + 100), turn_id=turn)
    return ResolvedSource(provider, turn, source, NOON + timedelta(minutes=minute))


PROVIDERS = st.sampled_from(["a", "b", "c", "d"])
DRAFTS = st.lists(
    st.builds(draft, st.lists(PROVIDERS, max_size=3), st.lists(st.sampled_from(TURNS), max_size=2)),
    max_size=4,
)
ROWS = st.lists(
    st.builds(row, PROVIDERS | st.none(), st.sampled_from(TURNS), st.integers(0, 9)), max_size=8
)


@given(DRAFTS, ROWS)
def test_resolving_all_at_once_is_resolving_each(
    drafts: list[Draft], rows: list[ResolvedSource]
) -> None:
    assert resolve_all(drafts, rows) == [resolve(draft, rows) for draft in drafts]


def test_sources_come_oldest_first_each_once_and_the_last_time_confirms() -> None:
    wanted = draft(["a", "b"], [TURNS[0]])
    rows = [row("b", TURNS[1], 5), row("a", TURNS[0], 1), row(None, TURNS[0], 1)]
    item = resolve(wanted, [*rows, row("c", TURNS[2], 9)])
    assert [source.turn_id for source in item.source] == TURNS[:2]
    assert item.last_confirmed_at == NOON + timedelta(minutes=5)


@pytest.mark.parametrize(("minute", "holds"), [(4, False), (5, False), (6, True)])
def test_what_we_marked_as_ended_holds_again_when_it_was_said_after_that(
    minute: int, holds: bool
) -> None:
    end = NOON + timedelta(minutes=5)
    ended = draft(["a"], []).item.model_copy(update={"valid_to": end})
    marked = Draft(ended, ("a",), marked_end=end)
    item = resolve(marked, [row("a", TURNS[0], minute)])
    assert (item.valid_to is None) is holds
    # Zep's own end stays: it hears whatever is said, and would have taken it back.
    assert resolve(Draft(ended, ("a",)), [row("a", TURNS[0], minute)]).valid_to == end


def test_an_item_that_nothing_is_known_of_stays_as_the_store_gave_it() -> None:
    wanted = draft(["a"], [])
    assert resolve(wanted, [row("b", TURNS[0], 1)]) is wanted.item
