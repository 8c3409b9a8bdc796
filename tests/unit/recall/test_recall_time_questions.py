"""What a question asks about time, and in which order that puts what is remembered."""

from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.recall.calendar_words import Period
from tandem.recall.items import RecalledItem
from tandem.recall.rank import order
from tandem.recall.time_questions import TimeQuestion, understand

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday


def at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def period(start: str | None, end: str | None) -> Period:
    return Period(at(start), at(end))


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("Where did I live in 2023?", "2023-01-01", "2024-01-01"),
        ("where was I living back in 2023", "2023-01-01", "2024-01-01"),
        ("What did I do in May 2023?", "2023-05-01", "2023-06-01"),
        ("what did i do in december 2023", "2023-12-01", "2024-01-01"),
        ("What happened on 3 May 2023?", "2023-05-03", "2023-05-04"),
        ("What happened on the day, on May 31st, 2023?", "2023-05-31", "2023-06-01"),
        ("What did I say on 2023-05-03?", "2023-05-03", "2023-05-04"),
        ("What did I do in May?", "2026-05-01", "2026-06-01"),
        ("What did I do in December?", "2025-12-01", "2026-01-01"),
        ("What did I do last November?", "2025-11-01", "2025-12-01"),
        ("What did I do last year?", "2025-01-01", "2026-01-01"),
        ("What did I do last month?", "2026-10-01", "2026-11-01"),
        ("Where did I eat last week?", "2026-11-09", "2026-11-16"),
        ("What did I eat yesterday?", "2026-11-19", "2026-11-20"),
        ("What have I done this year?", "2026-01-01", "2027-01-01"),
        ("What music did I like in the 1990s?", "1990-01-01", "2000-01-01"),
        ("What music did I like in the 90's?", "1990-01-01", "2000-01-01"),
        ("Where have I worked since 2018?", "2018-01-01", None),
        ("Where did I live before 2020?", None, "2020-01-01"),
        ("Where did I live until 2020?", None, "2021-01-01"),
        ("Where did I live after 2020?", "2021-01-01", None),
        ("Where did I live between 2019 and 2021?", "2019-01-01", "2022-01-01"),
        ("Where did I work from May 2019 to 2021?", "2019-05-01", "2022-01-01"),
        ("When did I live in Delhi?", None, None),
        ("Did I ever have a dog?", None, None),
    ],
)
def test_a_date_in_a_question_is_a_stretch_of_the_calendar(
    query: str, start: str | None, end: str | None
) -> None:
    asked = understand(query, now=NOW)
    assert asked is not None
    assert asked.period == period(start, end)


def test_every_month_is_known_by_its_name_and_its_short_name() -> None:
    for number in range(1, 13):
        start = datetime(2023, number, 1, tzinfo=UTC)
        for name in (f"{start:%B}", f"{start:%b}"):
            asked = understand(f"Where was I in {name} 2023?", now=NOW)
            assert asked is not None
            assert asked.period is not None
            assert asked.period.start == start


def test_years_ago_is_about_then_and_not_to_the_day() -> None:
    for query in ("Where did I live two years ago?", "Where did I live 2 years back?"):
        asked = understand(query, now=NOW)
        assert asked is not None
        assert asked.period is not None
        start, end = asked.period
        assert start is not None
        assert end is not None
        assert start < datetime(2024, 11, 20, tzinfo=UTC) < end
        assert 364 <= (end - start).days <= 367


@pytest.mark.parametrize(
    ("query", "relation", "anchor"),
    [
        ("Where did I live before Mumbai?", "before", {"mumbai"}),
        ("Where did I live before I moved to Mumbai?", "before", {"mumbai"}),
        ("where did i live before moving to mumbai", "before", {"mumbai"}),
        ("Before Mumbai, where did I live?", "before", {"mumbai"}),
        ("Where did I work prior to Acme Labs?", "before", {"acme", "lab"}),
        ("Where did I live after Delhi?", "after", {"delhi"}),
        ("What did I do when I was in Delhi?", "during", {"delhi"}),
        ("When I lived in New Delhi what did I like?", "during", {"new", "delhi"}),
        ("What did I eat while working at Acme?", "during", {"acme"}),
        ("What did I play during my time at Acme?", "during", {"acme"}),
    ],
)
def test_another_statement_may_give_the_time(query: str, relation: str, anchor: set[str]) -> None:
    asked = understand(query, now=NOW)
    assert asked is not None
    assert (asked.relation, asked.anchor, asked.period) == (relation, anchor, None)
    assert "mumbai" not in asked.topic.lower()


@pytest.mark.parametrize(
    "query",
    [
        "Where did I live before?",
        "Where did I live before that",
        "Where did I use to live, I mean: where I used to live?",
        "What sport did I previously play?",
        "my former employer",
        "Where was my previous flat?",
    ],
)
def test_the_past_as_such_may_be_asked_for(query: str) -> None:
    asked = understand(query, now=NOW)
    assert asked is not None
    assert (asked.period, asked.anchor) == (None, frozenset())


@pytest.mark.parametrize(
    "query",
    [
        "",
        "Where do I live?",
        "What do I drink before work?",
        "What is my last name?",
        "When is my birthday?",
        "What should I do after lunch?",
        "How old am I?",
        "May I ask what my dog is called?",
        "I march every day",
        "My address is 2023 Main Street",
        "Where is the 1990 Volvo?",
        "¿Dónde vivía yo antes de Mumbai?",
        "मुंबई से पहले मैं कहाँ रहता था?",
        "What happened on 31 February 2023?",
        "What happened 2023-13-45?",
    ],
)
def test_what_is_not_understood_is_no_time_question(query: str) -> None:
    assert understand(query, now=NOW) is None


@given(st.text(max_size=200))
def test_no_text_makes_it_fail(query: str) -> None:
    understand(query, now=NOW)


@pytest.mark.parametrize("part", ["before ", "in May ", "when I was in ", "a ", "between 2019 "])
def test_a_long_query_takes_no_time_to_speak_of(part: str) -> None:
    understand(part * (4_000 // len(part)), now=NOW)


def item(
    text: str, start: str | None = None, end: str | None = None, **fields: str
) -> RecalledItem:
    return RecalledItem(
        id=text,
        store="zep",
        kind="fact",
        text=text,
        valid_from=at(start),
        valid_to=at(end),
        last_confirmed_at=at(fields.get("said")),
    )


MUMBAI = item("Lives in Mumbai", "2026-10-20")
DELHI = item("Lives in Delhi", "2020-01-01", "2026-10-20")
AGRA = item("Lives in Agra", "2010-01-01", "2020-01-01")
ACME = item("Works at Acme", "2015-01-01", "2022-01-01")
TEA = item("Likes tea", said="2021-03-01")
KNOWN = (MUMBAI, TEA, AGRA, DELHI, ACME)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Where do I live?", ["Lives in Mumbai", "Likes tea"]),
        ("Where did I live before?", ["Lives in Delhi", "Lives in Agra"]),
        ("Where did I live before Mumbai?", ["Lives in Delhi", "Lives in Agra"]),
        ("Where did I live before Delhi?", ["Lives in Agra"]),
        ("Where did I live after Agra?", ["Lives in Mumbai", "Lives in Delhi"]),
        ("Where did I live in 2023?", ["Lives in Delhi"]),
        ("Where did I live last year?", ["Lives in Delhi"]),
        ("Where did I live in 2012?", ["Lives in Agra"]),
        ("Where did I live in 2020?", ["Lives in Delhi"]),
        ("Where did I live last month?", ["Lives in Mumbai", "Lives in Delhi"]),
        ("Where did I work when I was in Delhi?", ["Works at Acme"]),
        ("Where did I use to live? I used to love it", ["Lives in Delhi", "Lives in Agra"]),
        ("When did I live in Delhi?", ["Lives in Delhi", "Lives in Mumbai"]),
        ("¿Dónde vivía antes?", ["Lives in Mumbai", "Likes tea"]),
    ],
)
def test_what_was_true_at_the_time_comes_first(query: str, first: list[str]) -> None:
    asked = understand(query, now=NOW)
    ordered = order(KNOWN, query=query, now=NOW, asked=asked)
    assert [each.text for each in ordered][: len(first)] == first
    assert sorted(each.id for each in ordered) == sorted(each.id for each in KNOWN)


def test_the_place_before_another_is_found_whatever_order_the_stores_have() -> None:
    query = "Where did I live before Mumbai?"
    for known in permutations(KNOWN):
        ordered = order(known, query=query, now=NOW, asked=understand(query, now=NOW))
        assert [each.text for each in ordered][:2] == ["Lives in Delhi", "Lives in Agra"]


def test_what_fits_in_time_and_shares_no_word_is_not_put_last_and_not_put_first() -> None:
    resides = item("Resided on the Yamuna", "2020-01-01", "2026-10-20")
    asked = understand("Where did I live before?", now=NOW)
    ordered = order([TEA, resides, MUMBAI], query="x", now=NOW, asked=asked)
    assert ordered == [TEA, resides, MUMBAI]


def test_a_text_that_names_the_year_answers_whenever_it_was_said() -> None:
    trip = item("Went to Lisbon in May 2023", said="2026-01-01")
    for query in ("Where did I go in 2023?", "Where did I go in May 2023?"):
        asked = understand(query, now=NOW)
        assert order([TEA, trip], query=query, now=NOW, asked=asked)[0] == trip


def test_what_was_told_only_after_it_was_over_was_true_before_that() -> None:
    told_late = item("Lives in Delhi", "2026-11-19", "2026-10-20")
    for query in ("Where did I live before Mumbai?", "Where did I live last year?"):
        asked = understand(query, now=NOW)
        assert order([MUMBAI, told_late], query=query, now=NOW, asked=asked)[0] == told_late


def test_a_place_that_nobody_knows_gives_no_time() -> None:
    asked = understand("Where did I live when I was in Atlantis?", now=NOW)
    ordered = order(KNOWN, query="x", now=NOW, asked=asked)
    assert ordered == order(KNOWN, query="x", now=NOW)


def test_what_was_just_said_does_not_stand_before_the_answer_about_the_past() -> None:
    query = "Where did I live before?"
    said = item("I live in Mumbai now", said="2026-11-20").model_copy(update={"store": "pending"})
    asked = understand(query, now=NOW)
    ordered = order([DELHI, TEA, said], query=query, now=NOW, asked=asked)
    assert [each.text for each in ordered] == [
        "Lives in Delhi",
        "I live in Mumbai now",
        "Likes tea",
    ]


@given(st.permutations(KNOWN), st.sampled_from(["", "live", "Where did I work"]))
def test_a_question_about_all_time_loses_and_invents_nothing(
    known: list[RecalledItem], topic: str
) -> None:
    asked = TimeQuestion(topic, Period(None, None))
    ordered = order(known, query=topic, now=NOW, asked=asked)
    assert sorted(each.id for each in ordered) == sorted(each.id for each in KNOWN)
