import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.recall.normalise import normalise, statement_hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lives in Delhi", "lives in delhi"),
        ("Lives in Delhi.", "Lives in Delhi"),
        ("  Lives\tin \n Delhi ", "Lives in Delhi"),
        ("Lives in Delhi!!…", "Lives in Delhi"),
        ("Wohnt in der Hauptstraße", "wohnt in der HAUPTSTRASSE"),
        ("Ｌｉｖｅｓ in Delhi", "Lives in Delhi"),  # noqa: RUF001 - full-width letters
        ("Likes ﬁsh", "Likes fish"),
        ("दिल्ली में रहता है।", "दिल्ली में रहता है"),
        ("Zoe\u0308 is a friend", "Zo\u00eb is a friend"),
        ("Lives\u00a0in Delhi", "Lives in Delhi"),
    ],
)
def test_statements_that_differ_in_spelling_only_are_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)
    assert statement_hash(one) == statement_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lives in Delhi", "Lives in New Delhi"),
        ("Likes chess", "Likes chess?"),
        ("Likes chess", "Likes chess?!"),
        ("Likes C", "Likes C++"),
        ("Is 5.5 feet tall", "Is 55 feet tall"),
        ("Has 2 cats", "Has 3 cats"),
        ("No longer eats meat", "Eats meat"),
    ],
)
def test_statements_that_say_something_else_stay_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)
    assert statement_hash(one) != statement_hash(other)


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(alphabet=st.characters(codec=None)))
def test_every_text_has_a_hash_even_one_that_can_not_be_encoded(text: str) -> None:
    assert len(statement_hash(text)) == 32
