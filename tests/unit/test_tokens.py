import hashlib
from uuid import UUID

import jwt
import pytest

from tandem.errors import Unavailable
from tandem.ids import AccountId, LoginId
from tandem.secrets import Secrets
from tandem.settings import Algorithm, TokenSettings
from tandem.tokens import AccessTokens, new_refresh_token, refresh_digest

ACCOUNT = AccountId(UUID("0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"))
LOGIN = LoginId(UUID("7d4c3b2a-1f0e-4d5c-8b6a-9a8b7c6d5e4f"))
NOW = 1_795_172_400.75


def tokens_with(key: str, settings: TokenSettings | None = None) -> AccessTokens:
    secrets = Secrets(lambda: {"SECRET_KEY": key})
    return AccessTokens(settings or TokenSettings(), secrets, now=lambda: NOW)


def test_an_access_token_carries_the_login_and_lives_half_an_hour() -> None:
    key = "test-key" * 4

    token = tokens_with(key).issue(ACCOUNT, LOGIN)

    claims = jwt.decode(
        token,
        key,
        algorithms=["HS256"],
        audience="tandem-api",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert len(claims.pop("jti")) == 32
    assert claims == {
        "sub": str(ACCOUNT),
        "sid": str(LOGIN),
        "iat": 1_795_172_400,
        "nbf": 1_795_172_400,
        "exp": 1_795_172_400 + 1_800,
        "iss": "tandem",
        "aud": "tandem-api",
        "typ": "access",
    }


def test_no_two_tokens_are_the_same() -> None:
    tokens = tokens_with("test-key" * 4)

    assert tokens.issue(ACCOUNT, LOGIN) != tokens.issue(ACCOUNT, LOGIN)


@pytest.mark.parametrize(("algorithm", "key_bytes"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_the_key_must_be_as_long_as_the_algorithm_s_hash(
    algorithm: Algorithm, key_bytes: int
) -> None:
    settings = TokenSettings(algorithm=algorithm)

    token = tokens_with("k" * key_bytes, settings).issue(ACCOUNT, LOGIN)
    assert jwt.get_unverified_header(token)["alg"] == algorithm

    with pytest.raises(Unavailable) as refused:
        tokens_with("k" * (key_bytes - 1), settings).issue(ACCOUNT, LOGIN)
    assert refused.value.context["setting"] == "SECRET_KEY"


def test_refresh_tokens_are_long_random_and_stored_as_a_hash() -> None:
    first, second = new_refresh_token(), new_refresh_token()

    assert first.value != second.value
    assert len(first.value) == 43
    assert (
        first.digest == refresh_digest(first.value) == hashlib.sha256(first.value.encode()).digest()
    )
