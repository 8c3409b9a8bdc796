"""Tokens: the short-lived one that the authorizer checks, the long-lived one that renews it."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

import jwt

from tandem.ids import AccountId, LoginId
from tandem.secrets import Secrets
from tandem.settings import KEY_BYTES, TokenSettings

ACCESS = "access"
"""The claim `typ` of an access token; the authorizer takes no other."""


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Makes access tokens: JWTs signed with the secret `SECRET_KEY`.

    Args:
        now: seconds since the epoch.
    """

    settings: TokenSettings
    secrets: Secrets
    now: Callable[[], float] = time.time

    def issue(self, account_id: AccountId, login_id: LoginId) -> str:
        """A token for this login, good for `settings.access_token_seconds` from now.

        Claims: sub (account), sid (login), jti, iat, nbf, exp (whole seconds), iss, aud, typ.

        Raises:
            Unavailable: the key is missing, or shorter than the algorithm needs (RFC 7518 §3.2).
        """
        algorithm = self.settings.algorithm
        key = self.secrets.value("SECRET_KEY", at_least_bytes=KEY_BYTES[algorithm])
        issued_at = int(self.now())
        claims = {
            "sub": str(account_id),
            "sid": str(login_id),
            "jti": uuid4().hex,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + self.settings.access_token_seconds,
            "iss": self.settings.token_issuer,
            "aud": self.settings.token_audience,
            "typ": ACCESS,
        }
        return jwt.encode(claims, key, algorithm=algorithm)


class RefreshToken(NamedTuple):
    """A token that renews a login once.

    Attributes:
        value: what the client keeps: 32 random bytes in URL-safe base64. Never stored or logged.
        digest: what the database keeps.
    """

    value: str
    digest: bytes


def new_refresh_token() -> RefreshToken:
    """A fresh refresh token."""
    value = secrets.token_urlsafe(32)
    return RefreshToken(value, refresh_digest(value))


def refresh_digest(value: str) -> bytes:
    """The digest under which a refresh token is stored: SHA-256.

    Plain and fast on purpose: 256 random bits can't be guessed, however quick the hash is.
    """
    return hashlib.sha256(value.encode()).digest()
