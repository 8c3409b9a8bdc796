"""One's logins and one's password through Mangum."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from auth_api.routes import create_router
from auth_api.service import AuthService
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.auth.accounts_in_memory import ADA, Call, Hashing, Tables

EVE = {"email": "eve@example.com", "password": "wrong horse"}
CHANGE = {"current_password": "correct horse", "new_password": "other battery"}


@pytest.fixture
def claims(call: Call, tables: Tables) -> list[dict[str, Any]]:
    """What the authorizer says of Ada's three logins, oldest first."""
    call("auth_signup")
    for _ in range(3):
        call("auth_login")
    return [
        {"sub": str(login.account_id), "sid": str(login.login_id), "exp": 4_102_444_800}
        for login in tables.logins.values()
    ]


def asked(
    service: AuthService, event: dict[str, Any], *, query: str = "", login_id: str = ""
) -> tuple[int, dict[str, Any]]:
    handler = create_handler(create_app(routers=[create_router(service, expires_in_seconds=1_800)]))
    event["rawQueryString"] = query
    if login_id:
        path = f"/api/auth/logins/{login_id}"
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["pathParameters"] = {"login_id": login_id}
    answer = handler(event, None)
    return answer["statusCode"], json.loads(answer["body"] or "{}")


def test_logins_are_listed_newest_first_and_one_is_the_current(
    call: Call, claims: list[dict[str, Any]]
) -> None:
    status, page = call("auth_logins", claims=claims[1])

    assert status == 200
    assert [item["login_id"] for item in page["items"]] == [one["sid"] for one in claims[::-1]]
    assert [item["current"] for item in page["items"]] == [False, True, False]
    assert page["items"][2] == {
        "login_id": claims[0]["sid"],
        "created_at": "2026-11-20T11:00:00Z",
        "expires_at": "2027-02-18T11:00:00Z",
        "current": False,
    }
    assert page["next_cursor"] is None


def test_the_list_goes_on_where_it_stopped(
    service: AuthService, claims: list[dict[str, Any]], http_event: MakeEvent
) -> None:
    found = []
    query = "limit=2"
    while query:
        status, page = asked(service, http_event("auth_logins", claims=claims[0]), query=query)
        assert status == 200
        found += [item["login_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        query = f"limit=2&cursor={cursor}" if cursor else ""

    assert found == [one["sid"] for one in claims[::-1]]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "invalid_request"),
        ("limit=101", "invalid_request"),
        ("page=2", "invalid_request"),
        ("cursor=canary", "invalid_cursor"),
    ],
)
def test_a_list_that_can_not_be_given_is_a_422(
    query: str,
    code: str,
    service: AuthService,
    claims: list[dict[str, Any]],
    http_event: MakeEvent,
) -> None:
    status, document = asked(service, http_event("auth_logins", claims=claims[0]), query=query)

    assert (status, document["code"]) == (422, code)
    assert "canary" not in json.dumps(document)


def test_a_login_is_ended_by_its_id(
    service: AuthService, call: Call, claims: list[dict[str, Any]], http_event: MakeEvent
) -> None:
    event = http_event("auth_end_login", claims=claims[0])

    assert asked(service, event, login_id=claims[1]["sid"]) == (204, {})
    assert [call("auth_me", claims=one)[0] for one in claims] == [200, 401, 200]


def test_somebody_else_s_and_an_unknown_login_are_a_404_alike(
    service: AuthService,
    call: Call,
    claims: list[dict[str, Any]],
    tables: Tables,
    http_event: MakeEvent,
) -> None:
    call("auth_signup", body=EVE)
    assert call("auth_login", body=EVE)[0] == 200
    eve = list(tables.logins.values())[-1]
    eve_claims = {"sub": str(eve.account_id), "sid": str(eve.login_id), "exp": 4_102_444_800}

    answers = [
        asked(service, http_event("auth_end_login", claims=eve_claims), login_id=login_id)
        for login_id in (claims[0]["sid"], str(uuid4()))
    ]

    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["code"]) == (404, "login_not_found")
    assert call("auth_me", claims=claims[0])[0] == 200
    event = http_event("auth_end_login", claims=eve_claims)
    assert asked(service, event, login_id="canary")[0] == 422


@pytest.mark.parametrize(
    ("query", "live"),
    [("", [200, 200, 401]), ("everywhere=false", [200, 200, 401]), ("everywhere=true", [401] * 3)],
)
def test_logging_out_ends_this_login_or_all_of_them(
    query: str,
    live: list[int],
    service: AuthService,
    call: Call,
    claims: list[dict[str, Any]],
    http_event: MakeEvent,
) -> None:
    event = http_event("auth_logout", claims=claims[2])

    assert asked(service, event, query=query) == (204, {})
    assert [call("auth_me", claims=one)[0] for one in claims] == live


@pytest.mark.parametrize("query", ["everywhere=canary", "everywere=true"])
def test_a_log_out_that_is_misspelt_is_a_422_and_ends_nothing(
    query: str,
    service: AuthService,
    call: Call,
    claims: list[dict[str, Any]],
    http_event: MakeEvent,
) -> None:
    status, document = asked(service, http_event("auth_logout", claims=claims[2]), query=query)

    assert (status, document["code"]) == (422, "invalid_request")
    assert call("auth_me", claims=claims[2])[0] == 200


def test_a_changed_password_ends_the_other_logins(call: Call, claims: list[dict[str, Any]]) -> None:
    assert call("auth_password", claims=claims[1]) == (204, {})

    assert [call("auth_me", claims=one)[0] for one in claims] == [401, 200, 401]
    assert call("auth_login")[0] == 401
    body = {"email": ADA["email"], "password": "other battery"}
    assert call("auth_login", body=body)[0] == 200


def test_a_wrong_current_password_is_a_403_that_is_not_the_401_of_a_token(
    call: Call, claims: list[dict[str, Any]], tables: Tables
) -> None:
    body = CHANGE | {"current_password": "canary"}
    status, document = call("auth_password", claims=claims[0], body=body)

    assert (status, document["code"]) == (403, "bad_credentials")
    [account] = tables.accounts.values()
    assert account.password_hash == "hash of correct horse"


def test_who_changes_it_after_somebody_else_has_is_told_that_it_is_wrong(
    call: Call, claims: list[dict[str, Any]], tables: Tables
) -> None:
    tables.changed_meanwhile = True

    status, document = call("auth_password", claims=claims[0])

    assert (status, document["code"]) == (403, "bad_credentials")


def test_too_many_guesses_at_it_are_a_429_before_anything_is_looked_at(
    call: Call, claims: list[dict[str, Any]], tables: Tables, hashing: Hashing
) -> None:
    hashing.checked.clear()
    tables.wait_seconds = 7

    status, document = call("auth_password", claims=claims[0])

    assert (status, document["code"]) == (429, "too_many_logins")
    assert hashing.checked == []


def test_guesses_are_counted_apart_from_those_at_logins_but_of_one_address(
    call: Call, claims: list[dict[str, Any]], tables: Tables
) -> None:
    call("auth_password", claims=claims[0])

    login, change = tables.subjects[-2:]
    assert login.account != change.account
    assert login.address == change.address


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("7 signs", "invalid_request"),
        ("p" * 129, "invalid_request"),
        ("ADA@example.com ", "password_is_email"),
        ("password1", "password_too_common"),
        ("PassWord1", "password_too_common"),
        ("ｐａｓｓｗｏｒｄ", "password_too_common"),  # noqa: RUF001
    ],
)
def test_a_new_password_must_be_as_good_as_at_sign_up(
    password: str, code: str, call: Call, claims: list[dict[str, Any]], tables: Tables
) -> None:
    changed = call("auth_password", claims=claims[0], body=CHANGE | {"new_password": password})
    body = ADA | {"password": password}
    signed_up = call("auth_signup", body=body)

    for status, document in (changed, signed_up):
        assert (status, document["code"]) == (422, code)
    [account] = tables.accounts.values()
    assert account.password_hash == "hash of correct horse"


@pytest.mark.parametrize("name", ["auth_logins", "auth_end_login", "auth_password"])
def test_without_a_good_word_of_the_authorizer_nothing_is_shown_or_changed(
    name: str, call: Call
) -> None:
    assert call(name, claims={})[0] == 401


def test_no_password_reaches_the_log(
    call: Call,
    claims: list[dict[str, Any]],
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    for current, new in (
        ("canary1", "canary2-battery"),
        ("correct horse", "canary3"),
        ("correct horse", "canary4-battery"),
    ):
        body = {"current_password": current, "new_password": new}
        call("auth_password", claims=claims[0], body=body)

    assert [line["status"] for line in log_lines()][-3:] == [403, 422, 204]
    assert "canary" not in json.dumps(log_lines())
