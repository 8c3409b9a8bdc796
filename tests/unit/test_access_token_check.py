"""Tokens that the authorizer takes, and every kind that it doesn't."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import jwt
import pytest

from jwt_authorizer.settings import KEY_BYTES, Settings
from jwt_authorizer.tokens import TokenRefused, bearer, check
from tandem.ids import AccountId, LoginId
from tandem.secrets import Secrets
from tandem.settings import Algorithm, TokenSettings
from tandem.tokens import AccessTokens

KEY = "test-key" * 8
SETTINGS = Settings("arn:test", "HS256", "tandem", "tandem-api")
NAMES = ["sub", "sid", "jti", "iat", "nbf", "exp", "iss", "aud", "typ"]
SUB = "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"


class In(NamedTuple):
    """A time, told from the moment at which the test runs."""

    seconds: int


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "sub": SUB,
        "sid": "7d4c3b2a-1f0e-4d5c-8b6a-9a8b7c6d5e4f",
        "jti": "0123456789abcdef",
        "iat": now - 10,
        "nbf": now - 10,
        "exp": now + 1_800,
        "iss": "tandem",
        "aud": "tandem-api",
        "typ": "access",
    } | changes
    return {
        name: now + value.seconds if isinstance(value, In) else value
        for name, value in told.items()
    }


def token_of(claims: dict[str, Any], *, key: str = KEY, algorithm: str = "HS256") -> str:
    # Not jwt.encode: that refuses to write some of the claims that must be refused here.
    return jwt.api_jws.encode(json.dumps(claims).encode(), key, algorithm=algorithm)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refusal_of(token: str, **changes: Any) -> str:
    with pytest.raises(TokenRefused) as refused:
        check(token, KEY, SETTINGS._replace(**changes))
    assert token not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_that_the_auth_function_issued_is_taken(algorithm: Algorithm) -> None:
    account, login = AccountId(uuid4()), LoginId(uuid4())
    key = "k" * KEY_BYTES[algorithm]
    issuer = AccessTokens(TokenSettings(algorithm=algorithm), Secrets(lambda: {"SECRET_KEY": key}))

    told = check(issuer.issue(account, login), key, SETTINGS._replace(algorithm=algorithm))

    assert (UUID(told["sub"]), UUID(told["sid"])) == (account, login)
    assert told.keys() == {"sub", "sid", "exp"}
    assert isinstance(told["exp"], int)


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_must_be_there(name: str) -> None:
    fewer = claims()
    del fewer[name]

    assert refusal_of(token_of(fewer)) == "MissingRequiredClaimError"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"exp": In(0)}, "exp"),
        ({"exp": In(-1)}, "exp"),
        ({"exp": In(-3_600)}, "ExpiredSignatureError"),
        ({"exp": "soon"}, "DecodeError"),
        ({"exp": float("inf")}, None),
        ({"nbf": In(60)}, "ImmatureSignatureError"),
        ({"iat": In(60)}, "ImmatureSignatureError"),
        ({"iss": "another"}, "InvalidIssuerError"),
        ({"iss": ["tandem"]}, None),
        ({"aud": "another-api"}, "InvalidAudienceError"),
        ({"aud": ["tandem-api", "another-api"]}, "InvalidAudienceError"),
        ({"aud": None}, None),
        ({"typ": "refresh"}, "typ"),
        ({"typ": ["access"]}, "typ"),
        ({"sub": "ada"}, "sub"),
        ({"sub": 7}, None),
        ({"sub": SUB + "\n"}, "sub"),
        ({"sid": "7d4c3b2a"}, "sid"),
        ({"sid": None}, None),
        ({"sid": 7}, "sid"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(change: dict[str, Any], reason: str | None) -> None:
    refusal = refusal_of(token_of(claims(**change)))

    assert reason is None or refusal == reason


def test_a_token_that_has_just_expired_is_refused_though_clocks_may_differ() -> None:
    told = claims(exp=In(60))
    end = told["exp"]

    assert check(token_of(told), KEY, SETTINGS, now=lambda: end - 0.1)["exp"] == end
    with pytest.raises(TokenRefused, match="exp"):
        check(token_of(told), KEY, SETTINGS, now=lambda: float(end))


def test_another_machine_s_clock_may_run_a_few_seconds_ahead() -> None:
    early = claims(iat=In(3), nbf=In(3))

    assert check(token_of(early), KEY, SETTINGS)["sub"] == SUB


def unsigned() -> str:
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(claims())}."


def named_none_but_signed() -> str:
    return f"{segment({'alg': 'none'})}.{segment(claims())}.{token_of(claims()).split('.')[2]}"


def with_other_claims() -> str:
    head, _, signature = token_of(claims()).split(".")
    return f"{head}.{segment(claims(sub=str(uuid4())))}.{signature}"


def with_other_signature() -> str:
    head, body, signature = token_of(claims()).split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        named_none_but_signed,
        with_other_claims,
        with_other_signature,
        lambda: token_of(claims(), key="another-key" * 4),
        lambda: token_of(claims(), algorithm="HS384"),
        lambda: f"{segment({'alg': ['HS256']})}.{segment(claims())}.AAAA",
        lambda: (
            f"{segment({'alg': 'HS256', 'crit': ['b64'], 'b64': False})}.{segment(claims())}.AA"
        ),
        lambda: f"{segment(['HS256'])}.{segment(claims())}.AAAA",
        lambda: f"{segment({'alg': 'RS256'})}.{segment(claims())}.AAAA",
        lambda: jwt.api_jws.encode(b"[1, 2]", KEY, algorithm="HS256"),
        lambda: jwt.api_jws.encode(b"\xff\xfe", KEY, algorithm="HS256"),
        lambda: "..",
        lambda: "a.b",
        lambda: "a.b.c.d.e",
        lambda: "not-a-token",
        lambda: "é.ü.ß",
        lambda: "A" * 9_000,
        lambda: f"{'W' * 4_000}.{segment(claims())}.AAAA",
    ],
)
def test_a_forged_or_broken_token_is_refused(forge: Callable[[], str]) -> None:
    assert refusal_of(forge())


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER abc", "  Bearer   abc  "])
def test_the_scheme_s_case_does_not_matter(header: str) -> None:
    assert bearer(header) == "abc"


@pytest.mark.parametrize("header", ["", "abc", "Bearer", "Bearer ", "Basic abc", "Bearerabc"])
def test_any_other_header_brings_no_token(header: str) -> None:
    with pytest.raises(TokenRefused):
        bearer(header)


def test_a_key_that_can_not_sign_is_not_the_token_s_fault() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\ntest-key\n-----END PUBLIC KEY-----"

    with pytest.raises(jwt.InvalidKeyError):
        check(token_of(claims()), pem, SETTINGS)
