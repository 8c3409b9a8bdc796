"""Without its database, a secret or a setting: an honest 503 or no start, and back by itself."""

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.person import Person, until
from local.stack import Stack, StackError
from tests.e2e.harness import (
    IMPATIENT,
    assert_problem,
    change_secret,
    kill_instances,
    log_of,
    newcomer,
    until_caught_up,
)

pytestmark = pytest.mark.e2e

CANARY = f"Canary{secrets.token_hex(8)}"


@pytest.fixture(scope="module")
def breakable() -> Iterator[Stack]:
    """A stack whose parts may be taken away, as long as they are put back."""
    with Stack(extra_environment=IMPATIENT, secret={"GEMINI_API_KEY": ""}) as running:
        yield running


@pytest.fixture(scope="module")
def ravi(breakable: Stack) -> Iterator[Person]:
    with newcomer(breakable.url) as person:
        yield person


def _chat(person: Person, **headers: str) -> httpx.Response:
    body = {"session_id": "one", "message": "I like rowing."}
    return person.http.post("/api/chat", json=body, headers=headers)


def test_a_missing_secret_is_a_503_that_is_mended_by_putting_it_there(
    breakable: Stack, ravi: Person
) -> None:
    answer = _chat(ravi)
    problem = assert_problem(answer, 503, "not_configured")
    assert int(answer.headers["retry-after"]) >= 1
    assert "GEMINI_API_KEY" not in answer.text
    assert '"GEMINI_API_KEY"' in log_of(breakable, "ChatFunction")
    change_secret(breakable, GEMINI_API_KEY="test-key")
    again = _chat(ravi, **{"idempotency-key": problem["turn_id"]})
    assert again.status_code == 200, again.text
    assert again.json()["turn_id"] == problem["turn_id"]


def test_a_signing_key_that_is_too_short_is_a_503_and_only_its_name_is_in_the_log(
    breakable: Stack, ravi: Person
) -> None:
    before = change_secret(breakable, SECRET_KEY=CANARY)
    for function_id in ("AuthFunction", "AuthorizerFunction"):
        kill_instances(breakable, function_id)
    body = {"email": ravi.email, "password": ravi.password}
    answer = ravi.http.post("/api/auth/login", json=body)
    assert_problem(answer, 503, "not_configured")
    assert int(answer.headers["retry-after"]) >= 1
    breakable.forget_authorizations()
    unsure = ravi.http.get("/api/session")
    # The token may be perfectly good, so this is not a 401.
    assert (unsure.status_code, unsure.json()) == (500, {"message": "Internal Server Error"})
    for function_id in ("AuthFunction", "AuthorizerFunction"):
        assert "SECRET_KEY" in log_of(breakable, function_id)
    assert CANARY not in "".join(log_of(breakable, name) for name in breakable.template.functions)
    change_secret(breakable, **before)
    ravi.log_in()
    ravi.call("GET", "/api/session")


def test_without_postgresql_every_route_is_a_503_with_retry_after_until_it_returns(
    breakable: Stack, ravi: Person
) -> None:
    said = ravi.chat("one", "I like origami.")
    breakable.kill("postgres")
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/auth/signup", {"json": {"email": "a@example.test", "password": "x" * 8}}),
        ("POST", "/api/auth/login", {"json": {"email": ravi.email, "password": ravi.password}}),
        ("POST", "/api/auth/refresh", {"json": {"refresh_token": "x" * 43}}),
        ("GET", "/api/auth/me", {}),
        ("POST", "/api/auth/logout", {}),
        ("POST", "/api/session/start", {"json": {"session_id": "two"}}),
        ("GET", "/api/session", {}),
        ("GET", "/api/session/one", {}),
        ("DELETE", "/api/session/one", {}),
        ("GET", "/api/history", {"params": {"session_id": "one"}}),
        ("POST", "/api/chat", {"json": {"session_id": "one", "message": "I like yoga."}}),
        ("GET", f"/api/chat/{said['turn_id']}", {}),
        ("GET", "/api/memory", {}),
        ("POST", "/api/memory/search", {"json": {"query": "What do I like?"}}),
    ]
    for method, path, request in requests:
        answer = ravi.http.request(method, path, **request)
        assert_problem(answer, 503, "database_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    breakable.restart("postgres")
    for path in ("/api/auth/me", "/api/session", "/api/memory", f"/api/chat/{said['turn_id']}"):
        until(partial(_is_back, ravi, path), f"{path} is back", within_seconds=15)
    assert len(ravi.history("one", limit=7)) == 4
    assert _chat(ravi).status_code == 200
    # What was owed while the database was away is delivered too.
    until_caught_up(breakable, ravi, ["one"])


def _is_back(person: Person, path: str) -> bool:
    return person.http.get(path).status_code == 200


def test_a_function_with_a_missing_or_bad_setting_refuses_to_start_and_names_it() -> None:
    settings = {"ALGORITHM": CANARY, "ZEP_BASE_URL": "", "DELIVERY_QUEUE_URL": CANARY}
    settings |= {"CONSOLIDATION_QUEUE_URL": CANARY}
    with Stack(overrides=settings, twins=(), event_sources=False) as stack:
        signup = {"email": "a@example.test", "password": "long enough"}
        with httpx.Client(base_url=stack.url, trust_env=False, timeout=35) as client:
            answers = [
                client.post("/api/auth/signup", json=signup),
                client.get("/api/session", headers={"authorization": f"Bearer {uuid4()}"}),
            ]
        for answer in answers:
            told = (answer.status_code, answer.json())
            assert told == (500, {"message": "Internal Server Error"})
        named = {
            "AuthorizerFunction": "ALGORITHM",
            "AuthFunction": "ALGORITHM",
            "HistoryFunction": "ZEP_BASE_URL",
            "ChatFunction": "ZEP_BASE_URL",
            "SweepFunction": "DELIVERY_QUEUE_URL",
            "PlanFunction": "CONSOLIDATION_QUEUE_URL",
            "ConsolidateFunction": "ZEP_BASE_URL",
        }
        for function_id, setting in named.items():
            with pytest.raises(StackError, match=rf"InitError.*{setting}"):
                stack.invoke(function_id, {})
        output = "".join(log_of(stack, name) for name in [*stack.template.functions, "gateway"])
        for function_id, setting in named.items():
            assert setting in log_of(stack, function_id)
        assert CANARY not in output
