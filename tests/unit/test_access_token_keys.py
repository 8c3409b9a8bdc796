"""Tokens while the key is being changed: what the one before has signed is taken too."""

import pytest

from jwt_authorizer.tokens import TokenRefused, check_with_any
from tests.unit.test_access_token_check import KEY, SETTINGS, SUB, In, claims, token_of

PREVIOUS, STRANGE = "previous" * 8, "stranger" * 8


@pytest.mark.parametrize("key", [KEY, PREVIOUS])
def test_a_token_of_either_key_is_taken(key: str) -> None:
    told = check_with_any(token_of(claims(), key=key), [KEY, PREVIOUS], SETTINGS)

    assert told["sub"] == SUB


@pytest.mark.parametrize("key", [KEY, PREVIOUS])
def test_a_token_that_has_ended_is_refused_for_that_and_not_for_its_signature(key: str) -> None:
    token = token_of(claims(exp=In(-60)), key=key)

    with pytest.raises(TokenRefused, match="ExpiredSignatureError"):
        check_with_any(token, [KEY, PREVIOUS], SETTINGS)


def test_a_token_of_neither_key_is_refused() -> None:
    with pytest.raises(TokenRefused, match="InvalidSignatureError"):
        check_with_any(token_of(claims(), key=STRANGE), [KEY, PREVIOUS], SETTINGS)


def test_without_a_previous_key_what_it_signed_is_refused() -> None:
    with pytest.raises(TokenRefused, match="InvalidSignatureError"):
        check_with_any(token_of(claims(), key=PREVIOUS), [KEY], SETTINGS)
