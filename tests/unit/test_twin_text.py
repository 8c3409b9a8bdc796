"""Scoring, phrases of time, and facts spoken back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.twins.speech import once, to_you, together
from local.twins.text import score, understand
from local.twins.when import moment

SAID = datetime(2026, 11, 20, 9, 5, tzinfo=UTC)
KNOWN = [
    "Likes chess",
    "Dog's name is Bruno",
    "Name is Asha",
    "Sister Priya lives in Pune",
    "Sister's name is Priya",
    "Works at Infosys",
    "Is 34 years old",
    "Is allergic to peanuts",
    "Favourite colour is green",
    "Lives in Delhi",
]


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("Where do I live?", "Lives in Delhi"),
        ("Which city am I based in?", "Lives in Delhi"),
        ("What is my dog's name?", "Dog's name is Bruno"),
        ("What's my name?", "Name is Asha"),
        ("Who is my sister?", "Sister's name is Priya"),
        ("Where does my sister live?", "Sister Priya lives in Pune"),
        ("How old am I?", "Is 34 years old"),
        ("What do I do for a living?", "Works at Infosys"),
        ("What's my favorite color?", "Favourite colour is green"),
        ("Do I have any allergies?", "Is allergic to peanuts"),
    ],
)
def test_the_fact_that_answers_a_question_ranks_first(question: str, best: str) -> None:
    assert max(KNOWN, key=lambda fact: score(question, fact)) == best


def test_what_has_nothing_in_common_scores_zero_and_none_scores_above_one() -> None:
    assert score("Where do I live?", "Likes chess") == 0
    assert all(0 <= score(one, other) <= 1 for one in KNOWN for other in KNOWN)


@pytest.mark.parametrize(
    ("phrase", "day"),
    [
        ("last month", "2026-10-20"),
        ("two weeks ago", "2026-11-06"),
        ("yesterday", "2026-11-19"),
        ("since March", "2026-03-01"),
        ("in 2019", "2019-01-01"),
        ("for five years", "2021-11-20"),
        ("on 3 May 2024", "2024-05-03"),
        ("today", "2026-11-20"),
    ],
)
def test_a_phrase_of_time_is_understood_from_when_it_was_said(phrase: str, day: str) -> None:
    found = moment(phrase, SAID)
    assert found is not None
    assert found.date().isoformat() == day
    assert found <= SAID


@pytest.mark.parametrize("phrase", [None, "", "once upon a time"])
def test_no_moment_is_made_up(phrase: str | None) -> None:
    assert moment(phrase, SAID) is None


@pytest.mark.parametrize(
    ("fact", "spoken"),
    [
        ("Lives in Delhi", "you live in Delhi"),
        ("Is 34 years old", "you are 34 years old"),
        ("Has a dog", "you have a dog"),
        ("No longer eats meat", "you no longer eat meat"),
        ("Is no longer vegetarian", "you are no longer vegetarian"),
        ("Does not like cricket", "you do not like cricket"),
        ("Dog's name is Bruno", "your dog's name is Bruno"),
        ("Was born in Jaipur", "you were born in Jaipur"),
        ("Plans to visit my aunt", "you plan to visit your aunt"),
        ("Grew up in Leeds", "you grew up in Leeds"),
    ],
)
def test_a_fact_is_spoken_to_the_person(fact: str, spoken: str) -> None:
    assert to_you(fact) == spoken


def test_facts_that_begin_alike_are_listed_once() -> None:
    assert together(["Likes chess", "Likes tea", "Likes tea"]) == "You like chess and tea."
    assert once("Lives in Delhi") == "you used to live in Delhi"


def test_a_question_is_looked_for_at_the_beginning_of_a_text_alone() -> None:
    assert "age" in understand("how old am i").concepts
    assert "age" not in understand("word " * 100 + "how old am i").concepts
