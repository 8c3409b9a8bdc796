"""What the twin's rules make of pairs. The pairs are this file's own, none of evaluation/sets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.twins.gemini.judging_rules import Statement, relation

EARLIER, LATER = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC)
RELATIONS = {"same", "update", "contradiction", "distinct"}


def judged(a: str, b: str, *, timed: bool = True) -> str:
    """The relation of two statements, the second said five months later; either way round."""
    one = Statement(a, EARLIER if timed else None)
    other = Statement(b, LATER if timed else None)
    found = relation(one, other)
    assert relation(other, one) == found
    return found


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("I live in Delhi.", "User lives in Delhi"),
        ("I live in Delhi", "My home is in Delhi"),
        ("I'm based in Delhi", "Delhi is where I live"),
        ("Lives in Pune", "I live in Pune"),
        ("Name is Asha", "People call me Asha"),
        ("My dog's name is Bruno", "I have a dog called Bruno"),
        ("Bruno is my dog", "My dog is Bruno"),
        ("I'm 30 years old", "I'm thirty"),
        ("I was born on 5 May 1990", "My birthday is on May 5th, 1990"),
        ("I work as a nurse", "I'm a nurse by profession"),
        ("I'm allergic to peanuts", "User has a peanut allergy"),
        ("I like tea and coffee", "I love coffee and tea"),
        ("Tea is my favourite drink", "My favorite drink is tea"),
        ("I go to the gym on Mondays", "On Mondays I go to the gym"),
        ("Every morning I drink two cups of tea", "I drink 2 cups of tea every morning"),
        ("I don't like olives", "I dislike olives"),
        ("I get up at 7 am", "User wakes up at 7:00"),
        ("I can swim", "I know how to swim"),
        ("I have two children", "I have 2 kids"),
        ("I'm afraid of spiders", "I fear spiders"),
        ("My mother is a physician", "User's mom is a doctor"),
        ("I'm 1.80 m tall", "My height is 180 cm"),
        ("I run 5 km each day", "I jog five kilometers daily"),
        ("I grew up in the UAE", "I was raised in the United Arab Emirates"),
        ("User studies at MIT", "I study at the Massachusetts Institute of Technology"),
        ("My thesis is supervised by Dr Rao", "Dr Rao supervises my thesis"),
        ("I was taught chess by my aunt", "My aunt taught me chess"),
        ("My flight is on 14/03/2027", "I fly on 14 March 2027"),
        ("The meeting is at 21:00", "The meeting is at 9 pm"),
        ("I work from 9 to 5", "I work 9-5"),
        ("Ravi is my boss", "I report to Ravi"),
        ("I'm two years older than my sister", "My sister is two years younger than me"),
        ("My rent is 900 euros a month", "I pay 900 euros a month in rent"),
        ("I'm 6 feet tall", "I am 183 cm tall"),
        ("I'm an only child", "I have no siblings"),
        ("I don't take sugar in my tea", "I drink my tea without sugar"),
        ("My sister and I share a flat", "I share a flat with my sister"),
        ("I have worked at Bosch since 2018", "I joined Bosch in 2018"),
        ("My yoga class is on Mondays", "I have a yoga class on Mondays"),
        ("Keep your answers short, please", "User prefers concise replies"),
        ("I'm colour-blind", "I am color blind"),
        ("I never eat fish", "I don't eat fish"),
        ("I go to bed at half past ten", "I go to bed at 22:30"),
        ("I earn 2 lakh rupees a month", "My salary is 200,000 rupees a month"),
        ("I graduated in '98", "I graduated in 1998"),
        ("My knee hurts", "I have knee pain"),
        ("I live on the third floor", "My flat is on the third floor"),
        ("My passport expires in 2030", "My passport is valid until 2030"),
        ("I can speak Spanish fluently", "I'm fluent in Spanish"),
    ],
)
def test_other_words_for_the_same_are_the_same(a: str, b: str) -> None:
    assert judged(a, b) == "same"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("I was born on 5 May 1990", "My birthday is on May 5th"),
        ("I like tea more than coffee", "I like coffee more than tea"),
        ("My brother's dog bit my sister's cat", "My brother's cat bit my sister's dog"),
        ("Anna taught me German", "I taught Anna German"),
        ("My sister Anna lives in Pune", "I live in Pune"),
        ("My sister is called Anna", "My sister is called Anne"),
        ("I get up at 7 am", "I get up at 7 pm"),
        ("I have two children", "I have three children"),
        ("I flew from Delhi to Goa", "I flew from Goa to Delhi"),
        ("I used to smoke", "I smoke"),
        ("I eat meat", "I no longer eat meat"),
        ("I lived in Delhi", "I live in Delhi"),
        ("I will visit Japan", "I visited Japan"),
        ("I have a dog", "I have a dog called Bruno"),
        ("I live in Delhi", "I live in Mumbai"),
        ("I prefer tea to coffee", "I prefer coffee to tea"),
        ("I make bread on Sundays", "I eat bread on Sundays"),
        ("I'm older than my sister", "My sister is older than me"),
        ("I work with Anna", "I work for Anna"),
        ("I fly before my exam", "I fly after my exam"),
        ("My mother called my aunt", "My aunt called my mother"),
        ("I have a doctor", "I am a doctor"),
        ("I work in IT", "I live in Italy"),
    ],
)
def test_what_differs_in_one_thing_is_not_the_same(a: str, b: str) -> None:
    assert judged(a, b) == "distinct"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("I like olives", "I don't like olives"),
        ("I eat meat", "I do not eat meat"),
        ("I have a cat", "I don't have a cat"),
    ],
)
def test_a_plain_denial_is_a_contradiction(a: str, b: str) -> None:
    assert judged(a, b) == "contradiction"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I live in Delhi", "I moved to Mumbai"),
        ("I live in Delhi", "I now live in Mumbai"),
        ("I weigh 70 kg", "I weigh 68 kg"),
        ("I'm 30 years old", "I'm 31"),
    ],
)
def test_a_change_that_is_told_is_an_update_when_both_times_are_known(
    older: str, newer: str
) -> None:
    assert judged(older, newer) == "update"
    assert judged(older, newer, timed=False) == "distinct"


def test_a_change_told_before_is_no_update() -> None:
    assert judged("I moved to Mumbai", "I live in Delhi") == "distinct"


def test_yesterday_is_the_day_before_it_was_said() -> None:
    day = Statement("I broke my arm on 9 June", LATER)

    assert relation(Statement("I broke my arm yesterday", LATER), day) == "same"
    assert relation(Statement("I broke my arm yesterday", EARLIER), day) == "distinct"


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_have_one_relation_whichever_comes_first(a: str, b: str) -> None:
    assert judged(a, b) in RELATIONS
    assert judged(a, a) == "same"
