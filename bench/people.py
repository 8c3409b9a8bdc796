"""A person with an account on a local stack, and the events that their calls become."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from local.gateway.events import build_authorizer_event, build_event
from local.gateway.request import Request
from local.gateway.routing import choose
from local.stack import Stack

PASSWORD = "bench-password-1"  # noqa: S105 - of an account that lives as long as the measurement


@dataclass(frozen=True)
class Person:
    """Someone who is logged in.

    Attributes:
        token: their access token.
        claims: what the authorizer hands to functions: sub, sid, exp.
    """

    token: str
    claims: dict[str, Any]


def new_person(stack: Stack, email: str) -> Person:
    """Signs someone up and logs them in through the gateway."""
    body = {"email": email, "password": PASSWORD}
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=30) as client:
        client.post("/api/auth/signup", json=body).raise_for_status()
        answer = client.post("/api/auth/login", json=body).raise_for_status().json()
    token = str(answer["access_token"])
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Person(token, {name: claims[name] for name in ("sub", "sid", "exp")})


def call(stack: Stack, person: Person, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The event of a call that the authorizer let through. `path` may have a query."""
    event = _event(stack, person, method, path, body)
    event["requestContext"]["authorizer"] = {"lambda": person.claims}
    return event


def authorizer_call(stack: Stack, person: Person) -> dict[str, Any]:
    """The event that the authorizer gets for one call of this person."""
    event = _event(stack, person, "GET", "/api/auth/me", None)
    return build_authorizer_event(event, [f"Bearer {person.token}"])


def _event(stack: Stack, person: Person, method: str, path: str, body: Any) -> dict[str, Any]:
    raw_path, _, query = path.partition("?")
    headers = [("host", "localhost"), ("authorization", f"Bearer {person.token}")]
    if body is not None:
        headers.append(("content-type", "application/json"))
    request = Request(
        method=method,
        raw_path=raw_path,
        raw_query=query,
        headers=tuple(headers),
        body=b"" if body is None else json.dumps(body).encode(),
    )
    api = stack.template.api
    match = choose(api.routes, method, raw_path) if api else None
    if match is None:
        raise LookupError(f"the template has no route for {method} {raw_path}")
    return build_event(request, match, stage="$default", request_id="bench", now=datetime.now(UTC))
