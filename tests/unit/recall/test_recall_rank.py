from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.ids import MessageId, TurnId
from tandem.recall.items import RecalledItem
from tandem.recall.rank import (
    estimate_tokens,
    only_asks,
    order,
    select,
)
from tandem.recall.stores import pending_item
from tandem.recall.validity import held_at, is_superseded
from tandem.recall.words import coverage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUESTION = "Where do I live?"


def minutes(count: int) -> datetime:
    return NOW + timedelta(minutes=count)


def stored(
    text: str, *, start: int | None = None, end: int | None = None, said: int | None = None
) -> RecalledItem:
    return RecalledItem(
        id=f"mem_{text}",
        store="mem0",
        kind="memory",
        text=text,
        valid_from=None if start is None else minutes(start),
        valid_to=None if end is None else minutes(end),
        last_confirmed_at=None if said is None else minutes(said),
    )


def said(text: str, at: int) -> RecalledItem:
    return pending_item(TurnId(uuid4()), MessageId(uuid4()), "s", text, minutes(at))


def texts(items: list[RecalledItem]) -> list[str]:
    return [item.text for item in items]


def test_what_holds_comes_before_what_is_superseded_and_the_stores_order_is_kept() -> None:
    items = [stored("A", end=-1), stored("B"), stored("C", end=-2), stored("D", end=60)]
    assert texts(order(items, query=QUESTION, now=NOW)) == ["B", "D", "A", "C"]


def test_a_pending_statement_about_the_same_comes_before_what_the_stores_know() -> None:
    items = [stored("Lives in Delhi"), stored("Likes chess"), said("I live in Mumbai now", -1)]
    assert texts(order(items, query=QUESTION, now=NOW)) == [
        "I live in Mumbai now",
        "Lives in Delhi",
        "Likes chess",
    ]


def test_newer_pending_comes_before_older_pending() -> None:
    items = [said("I live in Goa", -3), said("I live in Pune", -1), said("I live in Agra", -2)]
    assert texts(order(items, query=QUESTION, now=NOW)) == [
        "I live in Pune",
        "I live in Agra",
        "I live in Goa",
    ]


def test_pending_in_other_words_follows_what_holds_newest_first_but_is_not_left_out() -> None:
    items = [
        said("My dog is Bruno", -2),
        said("I moved to Mumbai", -1),
        stored("Lives in Delhi"),
        stored("Lived in Agra", end=-9),
    ]
    assert texts(order(items, query=QUESTION, now=NOW)) == [
        "Lives in Delhi",
        "I moved to Mumbai",
        "My dog is Bruno",
        "Lived in Agra",
    ]


def test_a_pending_statement_that_covers_less_of_the_query_stays_behind_a_better_item() -> None:
    items = [stored("Dog's name is Bruno"), said("My dog is tired", -1)]
    assert texts(order(items, query="What is my dog's name?", now=NOW))[0] == "Dog's name is Bruno"


def test_a_pending_question_is_no_evidence() -> None:
    items = [stored("Lives in Delhi"), said("Where do I live?", -1), said("Do I? Say!", -2)]
    assert texts(order(items, query=QUESTION, now=NOW)) == ["Lives in Delhi", "Do I? Say!"]


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Where do I live?", True),
        ("Hm? Where do I live ?", True),
        ("私はどこに住んでいますか？", True),  # noqa: RUF001 - full-width question mark
        ("I live in Delhi. Where do you live?", False),
        ("I live in Delhi", False),
        ("Where? In Delhi", False),
        ("", False),
    ],
)
def test_a_message_only_asks_when_each_of_its_sentences_does(text: str, asks: bool) -> None:
    assert only_asks(text) is asks


@pytest.mark.parametrize(
    ("text", "query", "part"),
    [
        ("Lives in Delhi", "Where do I live?", 1.0),
        ("Likes chess", "Where do I live?", 0.0),
        ("My dog is tired", "What is my dog's name?", 0.5),
        ("anything", "who are you?", 0.0),
        ("दिल्ली में रहता हूँ", "दिल्ली", 1.0),
    ],
)
def test_coverage_is_the_part_of_the_querys_telling_words(
    text: str, query: str, part: float
) -> None:
    assert coverage(text, query) == part


def test_an_end_that_lies_ahead_does_not_supersede() -> None:
    assert is_superseded(stored("A", end=0), NOW)
    assert is_superseded(stored("A", end=-1), NOW)
    assert not is_superseded(stored("A", end=1), NOW)
    assert not is_superseded(stored("A"), NOW)


@pytest.mark.parametrize(
    ("item", "held"),
    [
        (stored("A", start=-5, end=5), True),
        (stored("A", start=0, end=5), True),
        (stored("A", start=-5, end=0), False),
        (stored("A", start=1), False),
        (stored("A", said=1), False),
        (stored("A", said=-1), True),
        (stored("A", start=-5, said=1), True),
        (stored("A"), True),
    ],
)
def test_what_was_held_at_a_moment_had_begun_and_not_ended(item: RecalledItem, held: bool) -> None:
    assert held_at(item, NOW) is held


def test_selection_keeps_the_order_and_obeys_the_limit() -> None:
    items = [stored(name) for name in "ABCDE"]
    assert texts(select(items, limit=3, token_budget=10_000)) == ["A", "B", "C"]
    assert select(items, limit=0, token_budget=10_000) == []


def test_selection_passes_over_what_is_too_long_and_takes_shorter_ones_behind_it() -> None:
    items = [stored("A"), stored("long " * 200), stored("B")]
    assert texts(select(items, limit=9, token_budget=150)) == ["A", "B"]


def test_what_was_just_said_is_not_crowded_out_and_crowds_nothing_out() -> None:
    items = [*(stored(f"fact {n}") for n in range(9)), *(said(f"word {n}", -n) for n in range(9))]
    kept = select(items, limit=6, token_budget=10_000)
    assert texts(kept) == ["fact 0", "fact 1", "fact 2", "word 0", "word 1", "word 2"]


def test_long_pending_statements_leave_half_of_the_budget() -> None:
    items = [*(said("x" * 1_000, -n) for n in range(9)), *(stored(f"fact {n}") for n in range(3))]
    kept = select(items, limit=20, token_budget=1_400)
    assert [item.store for item in kept].count("pending") == 2
    assert len(kept) == 5


def test_few_pending_statements_leave_their_places_to_the_rest() -> None:
    items = [*(stored(f"fact {n}") for n in range(9)), said("word", -1)]
    assert len(select(items, limit=6, token_budget=10_000)) == 6


def test_what_has_ended_keeps_a_quarter_of_the_places() -> None:
    holding = [stored(f"Likes number {n}") for n in range(30)]
    ended = [stored(f"Lived in place {n}", end=-1) for n in range(30)]
    kept = select([*holding, *ended], limit=20, token_budget=10_000)
    assert texts(kept) == texts([*holding[:15], *ended[:5]])


def test_tokens_are_estimated_by_bytes_so_that_no_script_is_cheap() -> None:
    assert estimate_tokens("a" * 40) == 11
    assert estimate_tokens("द" * 40) == 31


ITEMS = st.lists(
    st.builds(stored, st.text(min_size=1), end=st.integers(-9, 9) | st.none())
    | st.builds(said, st.text(min_size=1), st.integers(-9, 0)),
    max_size=12,
    unique_by=lambda item: item.id,
)


@given(ITEMS, st.text())
def test_ordering_loses_and_invents_nothing_but_pending_questions(
    items: list[RecalledItem], query: str
) -> None:
    ordered = order(items, query=query, now=NOW)
    wanted = [i.id for i in items if not (i.store == "pending" and only_asks(i.text))]
    assert sorted(item.id for item in ordered) == sorted(wanted)
    ended = [is_superseded(item, NOW) for item in ordered]
    assert ended == sorted(ended)


@given(ITEMS, st.integers(0, 15), st.integers(0, 1_000))
def test_a_selection_is_a_part_in_order_within_limit_and_budget(
    items: list[RecalledItem], limit: int, budget: int
) -> None:
    kept = select(items, limit=limit, token_budget=budget)
    assert len(kept) <= limit
    assert sum(estimate_tokens(item.text) for item in kept) <= budget
    places = [items.index(item) for item in kept]
    assert places == sorted(places)
