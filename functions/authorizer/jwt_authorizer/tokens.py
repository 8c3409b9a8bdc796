"""Whether an access token is genuine and current. Whether its login is live, the functions ask."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import jwt

from jwt_authorizer.settings import Settings

CLAIMS = ["sub", "sid", "jti", "iat", "nbf", "exp", "iss", "aud", "typ"]
_SKEW_SECONDS = 5  # how far another machine's clock may run ahead of ours (nbf, iat)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class TokenRefused(Exception):
    """The token is not good; the text says why, without quoting it."""


def bearer(header: str) -> str:
    """The token in an Authorization header (RFC 6750: the scheme's case doesn't matter).

    Raises:
        TokenRefused: there is none.
    """
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused("no bearer token")
    return token.strip()


def check_with_any(token: str, keys: Sequence[str], settings: Settings) -> dict[str, Any]:
    """What `check` says with the key that signed the token, of the current one and those before.

    Raises:
        TokenRefused: as `check`; none of the keys has signed it.
        jwt.InvalidKeyError: the key can't be used, whatever the token.
    """
    *others, last = keys
    for key in others:
        try:
            return check(token, key, settings)
        except TokenRefused as refusal:
            if str(refusal) != jwt.InvalidSignatureError.__name__:
                raise
    return check(token, last, settings)


def check(
    token: str, key: str, settings: Settings, *, now: Callable[[], float] = time.time
) -> dict[str, Any]:
    """What the functions are told of the caller: `sub`, `sid` (UUIDs) and `exp` (epoch seconds).

    Raises:
        TokenRefused: the signature, the algorithm or a claim is not what it must be.
        jwt.InvalidKeyError: the key can't be used, whatever the token.
    """
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[settings.algorithm],
            audience=settings.audience,
            issuer=settings.issuer,
            leeway=_SKEW_SECONDS,
            options={"require": CLAIMS, "strict_aud": True},
        )
    except jwt.InvalidKeyError:
        raise
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise TokenRefused(type(error).__name__) from None
    if claims["typ"] != "access":
        raise TokenRefused("typ")
    for name in ("sub", "sid"):
        if not isinstance(claims[name], str) or not _UUID.fullmatch(claims[name]):
            raise TokenRefused(name)
    # PyJWT has one leeway for all times; the end of a token is not negotiable.
    expires_at = int(claims["exp"])
    if expires_at <= now():
        raise TokenRefused("exp")
    return {"sub": claims["sub"], "sid": claims["sid"], "exp": expires_at}
