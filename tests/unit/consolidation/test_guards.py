"""What a judge's `same` must not overlook, and what it may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_api.consolidation.guards import held_by
from memory_api.consolidation.quantities import differ, quantities

_NUMBERS = "5 7 half a dozen feet pm past to two hundred and m ' km"
_PIECES = _NUMBERS.split()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The flat has 65 square metres.", "User's flat measures about 700 sq ft."),
        ("I'm 5 feet 11 tall.", "User is 180 cm tall."),
        ("I'm 5'11\".", "User is 5 ft 11 in height."),
        ("I get up at half past seven.", "User gets up at 7:30."),
        ("The shop shuts at 7.30 pm.", "The shop shuts at 19:30."),
        ("My bus leaves at quarter to eight.", "User's bus leaves at 7:45."),
        ("I eat at noon.", "User has lunch at 12:00."),
        ("Dinner is at seven o'clock in the evening.", "User has dinner at 7 pm."),
        ("I have twenty-five students.", "User teaches 25 pupils."),
        ("It cost two hundred and fifty euros.", "User paid 250 euros for it."),
        ("I keep six hens.", "User has half a dozen hens."),
        ("I bought two dozen eggs.", "User bought 24 eggs."),
        ("I see the dentist twice a year.", "User sees the dentist every six months."),
        ("I earn 80,000 a year.", "User makes 80k a year."),
        ("I swim for an hour and a half.", "User swims 90 minutes."),
        ("I walk for half an hour.", "User walks 30 minutes."),
        ("I've been here two and a half years.", "User has been here 30 months."),
        ("I run 5 km.", "User runs about 3.1 miles."),
        ("My ride is one hour and ten minutes.", "User rides 70 minutes."),
        ("I moved here two years ago.", "User moved here in 2024."),
        ("I live in NYC.", "User lives in New York City."),
        ("I live in NYC.", "User has a home in New York."),
        ("I drive a VW to work.", "User drives a Volkswagen to work."),
        ("I work with Sam Okafor.", "User works with Samantha."),
        ("I live in Graz, Austria.", "User lives in Graz."),
        ("My neighbour comes from Germany.", "User's neighbour is German."),
        ("I meet José weekly.", "User meets Jose every week."),
        ("I don't eat meat.", "User is vegetarian."),
        ("I can't stand coriander.", "User hates coriander."),
        ("I no longer smoke.", "User quit smoking."),
        ("I used to teach chemistry.", "User was a chemistry teacher."),
        ("Ich wohne in einem alten Haus mit Garten.", "Ich lebe mit Garten in einem Altbau."),
        ("Vivo en Londres con mi hermana.", "User lives in London with a sister."),
        ("Our anniversary is in February.", "User's anniversary is on Valentine's."),
        ("", ""),
    ],
)
def test_what_says_the_same_in_other_words_passes(left: str, right: str) -> None:
    assert held_by(left, right) is None
    assert held_by(right, left) is None


@pytest.mark.parametrize(
    ("left", "right", "guard"),
    [
        ("I have two cats.", "User has three cats.", "numbers"),
        ("I run 5 km.", "User runs 5 miles.", "numbers"),
        ("The meeting is at 7:30 am.", "The meeting is at 7:30 pm.", "numbers"),
        ("I was hired in 2019.", "User was hired in 2020.", "numbers"),
        ("I weigh 70 kg.", "User weighs 170 lb.", "numbers"),
        ("I live in Delhi.", "User lives in Mumbai.", "names"),
        ("My brother is called Marc.", "User's brother is called Paul.", "names"),
        ("I train on Tuesday.", "User trains on Thursday.", "names"),
        ("I eat fish.", "User doesn't eat fish.", "negation"),
        ("I never drink coffee.", "User drinks coffee.", "negation"),
        ("Ich trinke nicht gern Tee.", "Ich trinke gern Tee.", "negation"),
        ("I used to live by the sea.", "User lives by the sea.", "time"),
        ("I plan to learn the cello.", "User learns the cello.", "time"),
    ],
)
def test_what_differs_in_one_thing_is_held(left: str, right: str, guard: str) -> None:
    assert held_by(left, right) == guard
    assert held_by(right, left) == guard


def test_a_number_on_one_side_alone_says_nothing() -> None:
    assert not differ("I have three children.", "I have a son and some daughters.")
    assert not differ("I have a dog.", "I have had a dog for 3 years.")


def test_numbers_of_different_kinds_are_not_compared() -> None:
    assert not differ("My daughter is 7 years old.", "User's daughter is 120 cm tall.")


def test_words_that_only_look_like_numbers_are_none() -> None:
    assert quantities("One of my friends came second, half of us were late.") == []


@pytest.mark.parametrize("text", ["5 to xyzzy", "foo o'clock", "1.2.3.4", "1,23", "½", "٣ cats"])
def test_odd_numbers_harm_nobody(text: str) -> None:
    assert held_by(text, text) is None


@given(st.text(), st.text())
def test_whatever_is_said_it_is_the_same_as_itself_and_sides_do_not_matter(a: str, b: str) -> None:
    assert held_by(a, a) is None
    assert held_by(a, b) == held_by(b, a)


@given(
    st.lists(
        st.sampled_from(
            [
                "5",
                "7",
                "half",
                "a",
                "dozen",
                "feet",
                "pm",
                "past",
                "to",
                "two",
                "hundred",
                "and",
                "m",
                "'",
                "km",
            ]
        )
    )
)
def test_any_string_of_numbers_and_units_is_the_same_as_itself(words: list[str]) -> None:
    text = " ".join(words)
    assert not differ(text, text)
