"""Who is calling: read from the authorizer's word, re-checked where a cached word can be stale."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from tandem import observability
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


def caller(request: Request) -> Principal:
    """FastAPI dependency: the caller, also noted in the request's log lines."""
    principal = principal_of(request.scope.get("aws.event", {}), now=time.time())
    observability.note(account_id=principal.account_id)
    return principal


Caller = Annotated[Principal, Depends(caller)]
