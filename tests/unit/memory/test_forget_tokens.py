"""Tokens that confirm what somebody was shown: theirs alone, unchanged, and for ten minutes."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from memory_api.changing.tokens import ForgetTokens
from tandem.changes.keys import derived_keys
from tandem.errors import InvalidInput, Unavailable
from tandem.ids import AccountId
from tandem.secrets import Secrets

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ME = AccountId(uuid4())
ITEMS = ["mem_1", "fact_0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"]


def tokens(now: datetime = NOW, *, keys: tuple[bytes, ...] = (b"test-key",)) -> ForgetTokens:
    return ForgetTokens(keys=lambda: keys, now=lambda: now)


def test_a_token_holds_what_was_shown() -> None:
    token, until = tokens().issue(ME, ITEMS)
    assert until == NOW + timedelta(minutes=10)
    assert list(tokens().read(ME, token)) == ITEMS
    body = urlsafe_b64decode(token + "=" * (-len(token) % 4))[32:]
    assert b"mem_1" in body


def test_twenty_items_fit_into_a_token() -> None:
    token, _ = tokens().issue(ME, [f"fact_{uuid4()}" for _ in range(20)])
    assert len(token) < 2_000


@pytest.mark.parametrize(
    ("reader", "account"),
    [
        (tokens(now=NOW + timedelta(minutes=10)), ME),
        (tokens(keys=(b"another key", b"a third")), ME),
        (tokens(), AccountId(uuid4())),
    ],
)
def test_a_token_is_good_for_its_owner_its_key_and_its_time(
    reader: ForgetTokens, account: AccountId
) -> None:
    token, _ = tokens().issue(ME, ITEMS)
    with pytest.raises(InvalidInput) as raised:
        reader.read(account, token)
    assert raised.value.code == "invalid_token"


@pytest.mark.parametrize("place", [0, 20, 31, 32, 60, -1])
def test_a_token_that_was_changed_anywhere_is_none(place: int) -> None:
    token, _ = tokens().issue(ME, ITEMS)
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    changed = "".join(letters)
    if urlsafe_b64decode(changed + "==") == urlsafe_b64decode(token + "=="):
        return  # only bits that nobody reads
    with pytest.raises(InvalidInput):
        tokens().read(ME, changed)


@pytest.mark.parametrize("text", ["", "=", "ä", "x" * 50, "A" * 43, "\x00"])
def test_what_is_no_token_is_refused_as_one(text: str) -> None:
    with pytest.raises(InvalidInput):
        tokens().read(ME, text)


def test_each_purpose_has_its_own_key_and_a_short_secret_none() -> None:
    secrets = Secrets(lambda: {"SECRET_KEY": "test-key-" * 8})
    keys = {*derived_keys(secrets, "forget-token"), *derived_keys(secrets, "forgotten-statement")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 2
    with pytest.raises(Unavailable):
        derived_keys(Secrets(lambda: {"SECRET_KEY": "short"}), "forget-token")


def test_a_token_of_the_key_before_is_still_good_and_new_ones_have_the_current_one_s() -> None:
    old, _ = tokens(keys=(b"old",)).issue(ME, ITEMS)
    both = tokens(keys=(b"new", b"old"))
    assert list(both.read(ME, old)) == ITEMS
    made, _ = both.issue(ME, ITEMS)
    assert list(tokens(keys=(b"new",)).read(ME, made)) == ITEMS
    with pytest.raises(InvalidInput):
        tokens(keys=(b"old",)).read(ME, made)


def test_the_key_before_has_its_derived_key_behind_the_current_one_s() -> None:
    def derived(**values: str) -> list[bytes]:
        return list(derived_keys(Secrets(lambda: values), "forgotten-statement"))

    old, new = "old-" * 8, "new-" * 8
    both = derived(SECRET_KEY=new, SECRET_KEY_PREVIOUS=old)
    assert both == [*derived(SECRET_KEY=new), *derived(SECRET_KEY=old)]
    assert derived(SECRET_KEY=new, SECRET_KEY_PREVIOUS="") == derived(SECRET_KEY=new)
    with pytest.raises(Unavailable) as refused:
        derived(SECRET_KEY=new, SECRET_KEY_PREVIOUS="short")
    assert refused.value.context["setting"] == "SECRET_KEY_PREVIOUS"
