"""Families of turns that the twin reads alike. The pairs are this file's own, none of any set."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.twins.gemini.judging_rules import Statement, relation

SAID = datetime(2025, 3, 12, 9, tzinfo=UTC)


def judged(a: str, b: str) -> str:
    """The relation of two statements said at one time; either way round."""
    found = relation(Statement(a, SAID), Statement(b, SAID))
    assert relation(Statement(b, SAID), Statement(a, SAID)) == found
    return found


CONVERSES = [
    ("I rent my flat from Mr Osei", "Mr Osei is my landlord"),
    ("I'm Mrs Silva's tenant", "My landlady is Mrs Silva"),
    ("Nina is my wife", "I'm Nina's husband"),
    ("I'm Tomas's boss", "Tomas reports to me"),
    ("I'm a patient of Dr Lund", "Dr Lund is my doctor"),
    ("Ines is my flatmate", "I share a flat with Ines"),
    ("Priya and I work together", "Priya is a colleague of mine"),
    ("Kofi is my fiancé", "I'm engaged to Kofi"),
    ("Ben lives next door to me", "I live next door to Ben"),
    ("My violin teacher is Ms Park", "Ms Park teaches me the violin"),
    ("Coach Diaz is my tennis coach", "My tennis coach is Coach Diaz"),
    ("Prof Yang is my dissertation supervisor", "Prof Yang supervises my dissertation"),
    ("I still owe Marek 40 pounds", "The £40 I borrowed from Marek hasn't been paid back"),
    ("My brother is three years shorter than me", "I'm three years taller than my brother"),
    ("I'm four years younger than my cousin", "My cousin is four years older than me"),
    ("I'm the eldest of four siblings", "I have three younger siblings"),
    ("My mother's father is Welsh", "My maternal grandfather is Welsh"),
    ("My wife's parents live in Graz", "My in-laws live in Graz"),
    ("I'm married to a man called Joel", "My husband's name is Joel"),
]
FIGURES = [
    ("My cottage measures 80 square metres", "My cottage is 80 square meters"),
    ("My garden is about 1,076 square feet", "My garden is 100 square metres"),
    ("I ran 5k in under 25 minutes", "It took me less than 25 minutes to run 5 km"),
    ("I cycle 20 miles on Sundays", "Every Sunday I cycle 32 km"),
    ("I keep my bedroom at 64 °F", "I keep my bedroom at 18 degrees Celsius"),
    ("I weigh 11 stone", "I weigh 70 kg"),
    ("I drink a litre and a half of water a day", "I drink 1.5 l of water every day"),
    ("My birthday is on the third of June", "I was born on 3 June"),
    ("My rent is due on the fifth of each month", "I have to pay rent on day 5 of every month"),
    ("I was born on Christmas Day", "My birthday is December 25"),
    ("I moved to Ghent last month", "I moved to Ghent in February 2025"),
    ("I sold my van two weeks ago", "I sold my van on 26 February"),
    ("I was in Lima in autumn 2022", "User visited Lima in the autumn of 2022"),
    ("I learned to sail at the age of nine", "I learned to sail when I was nine years old"),
    ("I was six when my grandparents moved", "My grandparents moved when I was six"),
    ("My parents divorced when I was 12", "I was 12 at the time of my parents' divorce"),
    ("I've been painting since I was a kid", "I have painted since childhood"),
    ("I took up fencing in childhood and still do it", "I've been fencing since childhood"),
    ("My working day ends at half past five in the afternoon", "I finish work at 17:30"),
    ("My budget for a bike is 500 euros", "I can spend up to 500 euros on a bike"),
    ("I paid 300 euros for my desk", "My desk cost me 300 euros"),
]
WORDS = [
    ("I'm a keen chess player", "I play chess"),
    ("User is a coffee drinker", "I drink coffee"),
    ("I'm a dog owner", "I have a dog"),
    ("I'm a jazz lover", "I love jazz"),
    ("I'm a history teacher", "I teach history"),
    ("My puppy answers to Rolo", "My puppy is called Rolo"),
    ("I had my tonsils taken out", "I've had a tonsillectomy"),
    ("I take a tablet for asthma every evening", "Every evening I take an asthma tablet"),
    ("I can't see with my right eye", "I'm blind in my right eye"),
    ("User is red-green color blind", "I cannot distinguish red and green"),
    ("I'm coeliac", "I can't eat gluten"),
    ("Thunder frightens me", "I'm scared stiff of thunder"),
    ("I left law school without a degree", "I dropped out of law school"),
    ("I go to the temple every Saturday", "I attend the temple on Saturdays"),
    ("I hate sugary snacks", "I detest sweets"),
    ("I'm skint until payday", "I have no money until my next wages come in"),
    ("The scooter I ride is blue", "My scooter is blue"),
    ("My tablet comes with 8 gigs of RAM", "My tablet has 8 GB of memory"),
    ("On trains I always choose the window seat", "On trains I invariably sit by the window"),
    ("Don't use hashtags in your answers", "I want replies without hashtags"),
    ("Always give me prices in euros", "For prices, I want euros"),
    ("Address me as Captain", "Call me Captain"),
    ("I sleep badly", "I suffer from insomnia"),
    ("I own the flat I live in", "I own my flat"),
    ("Nobody lives with me", "I live by myself"),
    ("No food beats pizza", "My favourite food is pizza"),
]
LIFE = [
    ("I live with my parents", "My parents and I live together"),
    ("We have three bedrooms at home", "Our home has three bedrooms"),
    ("I've lived in Leeds all my life", "I have never lived anywhere but Leeds"),
    ("I retired in 2019", "I've been retired since 2019"),
    ("I work part-time", "My job is part-time"),
    ("I manage a team of six", "Six people report to me"),
    ("I'm self-employed", "User works for themselves"),
    ("I'm studying medicine", "I'm a medical student"),
    ("I'm doing a PhD in chemistry", "User is a doctoral student in chemistry"),
    ("I graduated from Oxford in 2010", "I finished my degree at Oxford in 2010"),
    ("I have a twin sister", "My sister and I are twins"),
    ("My father has passed away", "My dad is no longer alive"),
    ("My parents are divorced", "My mother and father got divorced"),
    ("My son Leo is five", "Leo, my son, is 5 years old"),
    ("I'm a grandmother of four", "I have four grandchildren"),
    ("I have two cats", "Two cats live with me"),
    ("I'm allergic to penicillin", "I can't take penicillin because of an allergy"),
    ("I had a heart attack in 2018", "User suffered a heart attack in 2018"),
    ("Pizza is my favourite food", "There's no food I like better than pizza"),
    ("I never skip breakfast", "I always have breakfast"),
    ("I sing in a choir", "I'm a member of a choir"),
    ("I run marathons", "I'm a marathon runner"),
    ("I read before going to sleep", "Before bed I read"),
    ("I'm learning Japanese", "User is taking Japanese lessons"),
    ("I've never been to Africa", "I have yet to visit Africa"),
    ("I'm right-handed", "User writes with the right hand"),
    ("I was born in 1985", "My year of birth is 1985"),
    ("I come from Kenya", "User is Kenyan"),
    ("I'm a German citizen", "I have German citizenship"),
    ("I hold a Canadian passport", "I have a Canadian passport"),
    ("I'm Muslim", "My religion is Islam"),
    ("My phone number ends in 55", "The last two digits of my phone number are 55"),
    ("I prefer tea to coffee", "I like tea better than coffee"),
    ("I'd rather have tea than coffee", "I prefer tea to coffee"),
    (
        "I meditate for 15 minutes every morning",
        "Each morning I spend a quarter of an hour meditating",
    ),
    ("I go to the dentist every six months", "I see the dentist twice a year"),
    ("I train twice a week", "I work out two times per week"),
    ("Keep it short", "I want short answers"),
    ("Explain things simply", "I want simple explanations"),
    ("Use metric units", "I want measurements in metric units"),
    ("Don't call me sir", "I don't want to be called sir"),
    ("I like dogs more than cats", "I prefer dogs to cats"),
    ("My favourite colour is blue", "Blue is the colour I like best"),
    ("My wedding anniversary is 12 July", "I got married on 12 July"),
    ("I don't own a television", "There is no TV in my home"),
    ("I sleep eight hours a night", "I get eight hours of sleep every night"),
    ("I'm bad at maths", "Maths isn't my strong suit"),
    ("I work at night", "I'm on night shifts"),
    ("I have trouble falling asleep", "I find it hard to fall asleep"),
    ("My knee was operated on in May", "I had knee surgery in May"),
    ("I have a beard", "User is bearded"),
    ("I don't eat after eight in the evening", "User eats nothing after 8 pm"),
    ("I take the stairs instead of the lift", "Instead of the elevator I use the stairs"),
    ("I listen to podcasts while cooking", "When I cook, I listen to podcasts"),
]
APART = [
    ("I rent my flat from Mr Osei", "I rent my flat to Mr Osei"),
    ("I'm Nina's husband", "I'm Nina's brother"),
    ("I owe Marek 40 pounds", "Marek owes me 40 pounds"),
    ("I owe Marek 40 pounds", "I owe Marek 40 dollars"),
    ("Tomas reports to me", "I report to Tomas"),
    ("I teach Ms Park the violin", "My violin teacher is Ms Park"),
    ("I have a German teacher", "I'm a German teacher"),
    ("I'm the eldest of four siblings", "I'm the youngest of four siblings"),
    ("My mother's father is Welsh", "My father's father is Welsh"),
    ("I'm blind in my right eye", "I'm blind in my left eye"),
    ("I was six when my grandparents moved", "I was six when my parents moved"),
    ("I moved to Ghent last month", "I moved to Ghent in January 2025"),
    ("I ran 5k in under 25 minutes", "I ran 5k in over 25 minutes"),
    ("My rent is due on the fifth of each month", "My rent is due on the first of each month"),
    ("I go to the temple on Saturdays", "I go to the temple on Sundays"),
    ("Always give me prices in euros", "Always give me prices in dollars"),
    ("Don't use hashtags in your answers", "Use hashtags in your answers"),
    ("I own my flat", "I rent my flat"),
    ("I left law school with a degree", "I dropped out of law school"),
    ("My desk cost me 300 euros", "I sold my desk for 300 euros"),
    ("I keep my bedroom at 64 °F", "I keep my bedroom at 64 °C"),
    ("I walk 1,000,000 steps a year", "I walk 1,000,001 steps a year"),
    ("I'm a dog owner", "I'm a cat owner"),
    ("I had my tonsils taken out", "I had my appendix taken out"),
    ("My husband died", "My father died"),
    ("I have a puppy", "I have a kitten"),
    ("I bit a dog", "A dog bit me"),
    ("I teach maths", "I'm taught maths"),
    ("I found a new school", "I established a new school"),
    ("I wear glasses", "I wear contact lenses"),
    ("I live with my parents", "My parents live together"),
    ("I work for my uncle", "I work for myself"),
    ("A team of six manages me", "I manage a team of six"),
    ("I'm a law student", "I'm a medical student"),
    ("I'm a bad student", "I study"),
    ("I have a twin sister", "I have a sister"),
    ("My parents are divorced", "I'm divorced"),
    ("I'm a grandmother of four", "I'm a mother of four"),
    ("I always skip breakfast", "I always have breakfast"),
    ("I listen to podcasts while cooking", "I listen to podcasts while running"),
    ("I read before going to sleep", "I eat before going to sleep"),
    ("I take Japanese lessons", "I give Japanese lessons"),
    ("I've never been to Africa", "I've been to Africa"),
    ("I'm right-handed", "I'm left-handed"),
    ("I come from Kenya", "I live in Kenya"),
    ("I'm Muslim", "My brother is Muslim"),
    ("My phone number ends in 55", "My phone number ends in 56"),
    ("I prefer tea to coffee", "I like coffee better than tea"),
    ("I like dogs more than cats", "I like dogs and cats"),
    ("I go to the dentist twice a year", "I go to the dentist twice a month"),
    ("I want short answers", "I want long answers"),
    ("I don't want to be called sir", "I want to be called sir"),
    ("I take the stairs instead of the lift", "I take the lift instead of the stairs"),
    ("I sleep eight hours a night", "I sleep seven hours a night"),
    ("My knee was operated on in May", "My knee hurt in May"),
    ("I drink nothing after 8 pm", "I drink after 8 pm"),
    ("I was in May's garden", "I visited May"),
    ("I was in hospital in 2019", "I visited a hospital in 2019"),
]


@pytest.mark.parametrize(("a", "b"), CONVERSES)
def test_who_is_what_to_whom_may_be_told_from_either_side(a: str, b: str) -> None:
    assert judged(a, b) == "same"


@pytest.mark.parametrize(("a", "b"), FIGURES)
def test_figures_dates_and_ages_may_be_told_in_many_forms(a: str, b: str) -> None:
    assert judged(a, b) == "same"


@pytest.mark.parametrize(("a", "b"), WORDS)
def test_a_turn_and_what_it_means_are_the_same(a: str, b: str) -> None:
    assert judged(a, b) == "same"


@pytest.mark.parametrize(("a", "b"), LIFE)
def test_everyday_life_may_be_told_in_other_words(a: str, b: str) -> None:
    assert judged(a, b) == "same"


@pytest.mark.parametrize(("a", "b"), APART)
def test_a_turn_beside_one_that_differs_is_not_the_same(a: str, b: str) -> None:
    assert judged(a, b) != "same"
