"""Tokens that are not good, and good ones whose login is not: refused on every route."""

import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from local.person import Person
from local.settings import lasting_secret_key
from local.stack import Stack
from tests.e2e.harness import assert_problem, claims_of, token_of

pytestmark = pytest.mark.e2e

UNAUTHORIZED = {"message": "Unauthorized"}
PROTECTED = [
    ("POST", "/api/auth/logout"),
    ("GET", "/api/auth/me"),
    ("GET", "/api/auth/logins"),
    ("DELETE", f"/api/auth/logins/{uuid4()}"),
    ("POST", "/api/auth/password"),
    ("POST", "/api/session/start"),
    ("GET", "/api/session"),
    ("GET", "/api/session/one"),
    ("DELETE", "/api/session/one"),
    ("GET", "/api/history?session_id=one"),
    ("POST", "/api/chat"),
    ("GET", f"/api/chat/{uuid4()}"),
    ("GET", "/api/memory"),
    ("POST", "/api/memory/search"),
    ("POST", "/api/memory/consolidate"),
    ("GET", "/api/memory/consolidations"),
    ("GET", "/api/memory/conflicts"),
]


def _forged(stack: Stack, token: str, *, key: str | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in (claims_of(token) | changes).items() if value != ""}
    return jwt.encode(claims, key or lasting_secret_key(stack.data_dir), algorithm="HS256")


def _bad_tokens(stack: Stack, good: str) -> dict[str, str]:
    head, payload, signature = good.split(".")
    now = int(time.time())
    none = jwt.encode(claims_of(good), "", algorithm="none")
    other_payload = _forged(stack, good, sub=str(uuid4())).split(".")[1]
    return {
        "no scheme": good,
        "another scheme": f"Basic {good}",
        "nonsense": "Bearer nonsense",
        "no signature": f"Bearer {head}.{payload}.",
        "tampered signature": f"Bearer {head}.{payload}.{signature[::-1]}",
        "tampered payload": f"Bearer {head}.{other_payload}.{signature}",
        "alg none": f"Bearer {none}",
        "alg none, with the old signature": f"Bearer {none}{signature}",
        "another key": f"Bearer {_forged(stack, good, key='k' * 64)}",
        "expired": f"Bearer {_forged(stack, good, exp=now - 1)}",
        "not yet valid": f"Bearer {_forged(stack, good, nbf=now + 600)}",
        "another audience": f"Bearer {_forged(stack, good, aud='another-api')}",
        "a list of audiences": f"Bearer {_forged(stack, good, aud=['tandem-api', 'another'])}",
        "another issuer": f"Bearer {_forged(stack, good, iss='another')}",
        "another type": f"Bearer {_forged(stack, good, typ='refresh')}",
        "no expiry": f"Bearer {_forged(stack, good, exp='')}",
        "no login": f"Bearer {_forged(stack, good, sid='')}",
        "a login that is no UUID": f"Bearer {_forged(stack, good, sid='1')}",
    }


@pytest.mark.usefixtures("nothing_stored")
def test_a_token_that_is_not_good_is_the_gateways_401_on_every_route(
    stack: Stack, anna: Person
) -> None:
    bad = _bad_tokens(stack, token_of(anna))
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=35) as client:
        for method, path in PROTECTED:
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED), path
        for number, (what, header) in enumerate(bad.items()):
            method, path = PROTECTED[number % len(PROTECTED)]
            for route in ((method, path), ("GET", "/api/auth/me")):
                answer = client.request(*route, headers={"authorization": header})
                assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED), what
    anna.call("GET", "/api/auth/me")


@pytest.mark.usefixtures("nothing_stored")
def test_a_well_signed_token_of_a_login_that_never_was_is_the_functions_401(
    stack: Stack, anna: Person
) -> None:
    for changes in ({"sid": str(uuid4())}, {"sub": str(uuid4())}):
        header = f"Bearer {_forged(stack, token_of(anna), **changes)}"
        answer = httpx.get(
            f"{stack.url}/api/auth/me", headers={"authorization": header}, trust_env=False
        )
        assert_problem(answer, 401, "login_ended")


def test_a_token_that_expires_while_the_gateway_remembers_it_is_refused_by_the_function(
    stack: Stack, anna: Person
) -> None:
    expires_at = int(time.time()) + 2
    header = {"authorization": f"Bearer {_forged(stack, token_of(anna), exp=expires_at)}"}
    answers = []
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=35, headers=header) as client:
        answers.append(client.get("/api/auth/me"))
        while answers[-1].status_code == 200 and time.time() < expires_at + 5:
            answers.append(client.get("/api/auth/me"))
    assert answers[0].status_code == 200
    assert_problem(answers[-1], 401, "token_expired")
    assert time.time() >= expires_at
