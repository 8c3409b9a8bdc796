"""Cursors: what comes back is what went out, or nothing."""

from base64 import urlsafe_b64encode
from hashlib import blake2s
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from tandem.cursors import Cursor, read_cursor, write_cursor
from tandem.errors import InvalidInput


class Spot(Cursor):
    number: Annotated[int, Field(ge=0, le=99)]
    word: str | None = None


def refused(text: str, scope: str = "list:me") -> str:
    with pytest.raises(InvalidInput) as caught:
        read_cursor(Spot, text, scope=scope)
    return caught.value.code


@given(number=st.integers(0, 99), word=st.none() | st.text(st.characters(codec="utf-8")))
def test_a_cursor_comes_back_as_it_went_out(number: int, word: str | None) -> None:
    spot = Spot(number=number, word=word)
    text = write_cursor(spot, scope="list:me")
    assert text.isascii()
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert read_cursor(Spot, text, scope="list:me") == spot


def test_a_cursor_of_another_list_or_person_is_refused() -> None:
    text = write_cursor(Spot(number=1), scope="list:me")
    assert refused(text, "list:you") == refused(text, "other:me") == "invalid_cursor"


@given(place=st.integers(0, 200), letter=st.sampled_from("AZaz09-_"))
def test_a_cursor_with_another_letter_in_it_is_refused(place: int, letter: str) -> None:
    text = write_cursor(Spot(number=1, word="somewhere"), scope="list:me")
    place %= len(text) - 1  # the last letter may carry bits that mean nothing
    changed = text[:place] + letter + text[place + 1 :]
    if changed != text:
        assert refused(changed) == "invalid_cursor"


@given(st.text(max_size=60) | st.text("ABCDwxyz0189-_=", max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    assert refused(text) == "invalid_cursor"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"number":100}', b'{"number":1,"more":2}', b"\xff"]
)
def test_a_cursor_that_passes_for_ours_still_has_to_make_sense(body: bytes) -> None:
    digest = blake2s(b"list:me\0" + body, digest_size=8).digest()
    assert refused(urlsafe_b64encode(digest + body).decode()) == "invalid_cursor"


def test_anybody_can_make_a_cursor_so_its_fields_are_bounded() -> None:
    body = b'{"number":7}'
    digest = blake2s(b"list:me\0" + body, digest_size=8).digest()
    forged = urlsafe_b64encode(digest + body).decode()
    assert read_cursor(Spot, forged, scope="list:me").number == 7
