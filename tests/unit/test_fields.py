import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from tandem.fields import Label, storable


@pytest.mark.parametrize("text", ["a", "sess789", "u-0f", "A.b_c:d-e", "9" * 64])
def test_a_label_is_made_of_letters_digits_and_a_few_signs(text: str) -> None:
    assert TypeAdapter(Label).validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "-a", ".a", "a b", "a/b", "a\n", "a\x00", "\ud800", "é", "9" * 65, "..", "a%2Fb"],
)
def test_nothing_else_is_a_label(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Label).validate_python(text)


@pytest.mark.parametrize("value", ["", "plain", "नमस्ते", "👍🏽", "a\nb", ["a", "b"], 7, None])
def test_text_that_can_be_stored_passes(value: object) -> None:
    assert storable(value) == value


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "\ud800", "\udfff", "a\udc00", ["a", "\x00"]])
def test_text_that_can_not_be_stored_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="NUL"):
        storable(value)
