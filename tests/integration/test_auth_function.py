"""The auth function as it ships, and the authorizer, on real PostgreSQL: story and price."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from jwt_authorizer.settings import Settings
from jwt_authorizer.tokens import check

pytestmark = pytest.mark.integration

Call = Callable[..., tuple[int, dict[str, Any]]]
KEY = "test-key" * 4
ADA = {"email": "ada@example.com", "password": "correct horse"}


@pytest.fixture
def function(counting_proxy: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module `auth_api.app`, imported afresh as in a new container."""
    monkeypatch.delenv("SECRET_ARN", raising=False)
    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("DATABASE_URL", counting_proxy.url)
    sys.modules.pop("auth_api.app", None)
    module = importlib.import_module("auth_api.app")
    yield module
    module.database.close()


@pytest.fixture
def call(function: Any, http_event: Callable[..., dict[str, Any]]) -> Call:
    def send(name: str, **changes: Any) -> tuple[int, dict[str, Any]]:
        answer = function.handler(http_event(name, **changes), None)
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    return send


def claims_in(access_token: str) -> dict[str, Any]:
    """What API Gateway would hand to the function: the authorizer's own reading of the token."""
    return check(access_token, KEY, Settings("arn:test", "HS256", "tandem", "tandem-api"))


def test_the_story_of_one_login_and_its_round_trips(call: Call, counting_proxy: Any) -> None:
    def priced(expected: int, name: str, **changes: Any) -> tuple[int, dict[str, Any]]:
        counting_proxy.reset()
        answer = call(name, **changes)
        assert counting_proxy.round_trips == expected, name
        return answer

    call("auth_login", body=ADA)  # opens the connection

    status, account = priced(1, "auth_signup")
    assert (status, account["user_id"]) == (201, "ada")
    assert priced(1, "auth_signup")[0] == 409
    assert priced(1, "auth_login", body=ADA | {"password": "wrong"})[0] == 401

    status, tokens = priced(2, "auth_login")
    assert status == 200
    claims = claims_in(tokens["access_token"])
    assert priced(1, "auth_me", claims=claims) == (200, account)

    status, renewed = priced(1, "auth_refresh", body={"refresh_token": tokens["refresh_token"]})
    assert status == 200
    assert claims_in(renewed["access_token"])["sid"] == claims["sid"]
    assert priced(1, "auth_refresh", body={"refresh_token": tokens["refresh_token"]})[0] == 200

    call("auth_login")
    status, page = priced(1, "auth_logins", claims=claims)
    assert status == 200
    assert [item["current"] for item in page["items"]] == [False, True]
    assert priced(1, "auth_end_login", claims=claims)[1]["code"] == "login_not_found"
    assert priced(2, "auth_password", claims=claims) == (204, {})
    assert len(priced(1, "auth_logins", claims=claims)[1]["items"]) == 1

    assert priced(1, "auth_logout", claims=claims) == (204, {})
    assert priced(1, "auth_me", claims=claims)[1]["code"] == "login_ended"
    assert priced(1, "auth_logout", claims=claims)[1]["code"] == "login_ended"
    assert priced(1, "auth_refresh", body={"refresh_token": renewed["refresh_token"]})[0] == 401


def test_nothing_is_asked_of_the_database_for_a_request_that_is_refused_on_sight(
    call: Call, counting_proxy: Any
) -> None:
    assert call("auth_signup", body=ADA | {"password": "short"})[0] == 422
    assert call("auth_login", body="{")[0] == 400
    assert call("auth_me", claims={})[0] == 401
    assert call("auth_me", claims={"sub": "x", "sid": "y", "exp": 4_102_444_800})[0] == 401

    assert counting_proxy.connections == 0


@pytest.mark.parametrize(
    "name", ["auth_signup", "auth_login", "auth_refresh", "auth_me", "auth_logins"]
)
def test_a_connection_that_was_cut_while_idle_is_not_noticed_by_the_person(
    name: str, call: Call, counting_proxy: Any
) -> None:
    expected = call(name, **fresh(name))[0]
    counting_proxy.cut()

    assert call(name, **fresh(name))[0] == expected
    assert counting_proxy.connections == 2


def fresh(name: str) -> dict[str, Any]:
    """What makes a repeated request a new one."""
    return {"body": somebody()} if name == "auth_signup" else {}


def somebody() -> dict[str, Any]:
    return ADA | {"email": f"{uuid4().hex}@example.com"}


def test_while_postgresql_is_away_it_is_a_503_and_afterwards_it_works_by_itself(
    call: Call, function: Any, http_event: Callable[..., dict[str, Any]], counting_proxy: Any
) -> None:
    counting_proxy.refusing = True
    for name in ("auth_signup", "auth_login", "auth_refresh", "auth_me", "auth_logout"):
        answer = function.handler(http_event(name), None)

        assert answer["statusCode"] == 503
        assert int(answer["headers"]["retry-after"]) > 0
        assert json.loads(answer["body"])["code"] == "database_unavailable"

    counting_proxy.refusing = False
    assert call("auth_me")[0] == 401


@pytest.mark.parametrize("key", ["", "short"])
def test_a_missing_or_short_key_is_a_503_whose_name_is_in_the_log(
    key: str,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    monkeypatch.setenv("SECRET_KEY", key)

    status, document = call("auth_login", body=ADA)

    assert (status, document["code"]) == (503, "not_configured")
    assert "SECRET_KEY" not in json.dumps(document)
    [line] = log_lines()
    assert (line["level"], line["context_setting"]) == ("ERROR", "SECRET_KEY")


def test_a_database_address_that_can_not_be_used_is_a_503_that_does_not_quote_it(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    monkeypatch.setenv("DATABASE_URL", "canary")

    status, document = call("auth_login", body=ADA)

    assert (status, document["code"]) == (503, "not_configured")
    assert "canary" not in json.dumps([document, log_lines()])
    assert log_lines()[0]["context_setting"] == "DATABASE_URL"


@pytest.mark.parametrize(
    "text", ["'; drop table accounts; --", "${jndi}", ":email", "%s", "\\", "👍🏽", "\u202e"]
)
def test_odd_text_is_kept_as_it_is(text: str, call: Call) -> None:
    body = somebody() | {"first_name": text, "last_name": text}

    status, account = call("auth_signup", body=body)

    assert status == 201
    assert (account["first_name"], account["last_name"]) == (text, text)
