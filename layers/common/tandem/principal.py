"""Who is calling: read from the authorizer's word, re-checked where a cached word can be stale.

No FastAPI here: jobs know what a principal is, too. Routes are given one as `tandem.web.Caller`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tandem.errors import Unauthenticated
from tandem.ids import AccountId, LoginId


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller as the access token names them. Whether the login is live, the database knows."""

    account_id: AccountId
    login_id: LoginId


def principal_of(event: Mapping[str, Any], *, now: float) -> Principal:
    """The caller of an HTTP API event.

    API Gateway keeps an authorizer's answer for up to 60 seconds, so a token can expire in that
    time: `exp` is checked here again.

    Args:
        now: seconds since the epoch.

    Raises:
        Unauthenticated: there are no claims, they can't be read, or they have expired.
    """
    claims = event.get("requestContext", {}).get("authorizer", {}).get("lambda") or {}
    try:
        expires_at = int(claims["exp"])
        principal = Principal(AccountId(UUID(claims["sub"])), LoginId(UUID(claims["sid"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unauthenticated(code="no_login", detail="Log in first.") from None
    if expires_at <= now:
        raise Unauthenticated(code="token_expired", detail="The access token has expired.")
    return principal
