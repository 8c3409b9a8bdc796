"""Tokens that confirm what somebody was shown: theirs alone, unchanged, and for ten minutes."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from memory_api.changing.tokens import ForgetTokens
from tandem.changes.keys import derived_key
from tandem.errors import InvalidInput, Unavailable
from tandem.ids import AccountId
from tandem.secrets import Secrets

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ME = AccountId(uuid4())
ITEMS = ["mem_1", "fact_0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"]


def tokens(now: datetime = NOW, key: bytes = b"test-key") -> ForgetTokens:
    return ForgetTokens(key=lambda: key, now=lambda: now)


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
        (tokens(key=b"another key"), ME),
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
    keys = {derived_key(secrets, "forget-token"), derived_key(secrets, "forgotten-statement")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 2
    with pytest.raises(Unavailable):
        derived_key(Secrets(lambda: {"SECRET_KEY": "short"}), "forget-token")
