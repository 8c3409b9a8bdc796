"""Logging in, renewing and logging out through Mangum."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from auth_api.routes import create_router
from auth_api.service import AuthService, Passwords, network_of
from tandem.db.logins import NewLogin
from tandem.errors import Unauthenticated, Unavailable
from tandem.ids import AccountId, LoginId
from tandem.tokens import refresh_digest
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.auth.accounts_in_memory import ADA, Call, Hashing, Issuer, Tables


def test_log_in_answers_tokens(call: Call, tables: Tables) -> None:
    call("auth_signup")

    status, tokens = call(
        "auth_login", body={"email": "Ada@EXAMPLE.com", "password": "correct horse"}
    )

    [login] = tables.logins.values()
    assert status == 200
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "user_id"}
    assert tokens["access_token"] == f"access of {login.account_id} {login.login_id}"
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1_800)
    assert tokens["user_id"] == "ada"
    assert login.token_digest == refresh_digest(tokens["refresh_token"])


def test_an_unknown_e_mail_and_a_wrong_password_are_answered_alike_and_cost_one_check_each(
    call: Call, hashing: Hashing
) -> None:
    call("auth_signup")

    wrong = call("auth_login", body={"email": ADA["email"], "password": "wrong horse"})
    unknown = call("auth_login", body={"email": "eve@example.com", "password": "wrong horse"})
    malformed = call("auth_login", body={"email": "eve", "password": "x"})

    assert wrong == unknown == malformed
    assert wrong[0] == 401
    assert wrong[1]["code"] == "bad_credentials"
    assert hashing.checked == ["hash of correct horse", None, None]


def test_too_many_failures_are_a_429_before_any_password_is_looked_at(
    service: AuthService, tables: Tables, hashing: Hashing, http_event: MakeEvent
) -> None:
    handler = create_handler(create_app(routers=[create_router(service, expires_in_seconds=1_800)]))
    handler(http_event("auth_signup"), None)
    tables.wait_seconds = 0

    answer = handler(http_event("auth_login"), None)

    assert answer["statusCode"] == 429
    assert json.loads(answer["body"])["code"] == "too_many_logins"
    assert answer["headers"]["retry-after"] == "1"
    assert hashing.checked == []
    assert tables.logins == {}


def test_who_failed_is_counted_under_keyed_hashes_that_name_nobody(
    call: Call, tables: Tables
) -> None:
    for email in ("ada@example.com", "ADA@example.com", "eve@example.com"):
        call("auth_login", body={"email": email, "password": "wrong horse"})

    ada, again, eve = tables.subjects
    assert ada == again
    assert ada.account != eve.account
    assert ada.address == eve.address
    assert ada.account != ada.address
    assert {len(subject) for subject in (*ada, *eve)} == {32}


def test_another_key_counts_under_other_hashes(tables: Tables, hashing: Hashing) -> None:
    async def fail(key: str) -> None:
        service = AuthService(
            accounts=tables,
            logins=tables,
            tokens=Issuer(),
            key=lambda: key,
            passwords=Passwords(hash=hashing.hash, verify=hashing.verify),
        )
        with pytest.raises(Unauthenticated):
            await service.log_in("ada@example.com", "wrong horse", "203.0.113.7")

    asyncio.run(fail("test-key"))
    asyncio.run(fail("test-key-2"))

    assert tables.subjects[0] != tables.subjects[1]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("somewhere", "somewhere"),
    ],
)
def test_one_site_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_refresh_token_works_once_and_brings_the_next(call: Call) -> None:
    call("auth_signup")
    _, first = call("auth_login")

    status, second = call("auth_refresh", body={"refresh_token": first["refresh_token"]})
    assert status == 200
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] == first["access_token"]

    assert call("auth_refresh", body={"refresh_token": second["refresh_token"]})[0] == 200


def test_a_refresh_token_that_is_used_again_is_refused_like_an_unknown_one_and_noted(
    call: Call, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    call("auth_signup")
    _, first = call("auth_login")
    _, second = call("auth_refresh", body={"refresh_token": first["refresh_token"]})

    used = call("auth_refresh", body={"refresh_token": first["refresh_token"]})
    assert log_lines()[-1]["refresh_token_reused"] is True
    assert used == call("auth_refresh")
    assert (used[0], used[1]["code"]) == (401, "bad_refresh_token")
    assert call("auth_refresh", body={"refresh_token": second["refresh_token"]})[0] == 401


@pytest.mark.parametrize("value", [None, 7, "t" * 201, "t\x00", "\ud800"])
def test_what_can_not_be_a_refresh_token_is_a_422(value: object, call: Call) -> None:
    assert call("auth_refresh", body={"refresh_token": value})[0] == 422


def test_a_refresh_token_is_not_used_up_when_no_new_one_can_be_signed(
    tables: Tables, http_event: MakeEvent
) -> None:
    def no_key() -> str:
        raise Unavailable(code="not_configured", setting="SECRET_KEY")

    service = AuthService(accounts=tables, logins=tables, tokens=Issuer(), key=no_key)
    tables.logins[LoginId(UUID(int=1))] = NewLogin(
        AccountId(UUID(int=2)), LoginId(UUID(int=1)), refresh_digest("test-refresh-token"), 0, None
    )
    before = dict(tables.logins)
    handler = create_handler(create_app(routers=[create_router(service, expires_in_seconds=1_800)]))

    assert handler(http_event("auth_refresh"), None)["statusCode"] == 503
    assert tables.logins == before


def test_after_logging_out_the_login_is_refused(call: Call, tables: Tables) -> None:
    call("auth_signup")
    call("auth_login")
    [login] = tables.logins.values()
    claims = {"sub": str(login.account_id), "sid": str(login.login_id), "exp": 4_102_444_800}

    assert call("auth_me", claims=claims)[1]["user_id"] == "ada"
    assert call("auth_logout", claims=claims) == (204, {})

    for name in ("auth_me", "auth_logout"):
        status, document = call(name, claims=claims)
        assert (status, document["code"]) == (401, "login_ended")


@pytest.mark.parametrize("name", ["auth_me", "auth_logout"])
@pytest.mark.parametrize(
    "claims", [{}, {"sub": "x", "sid": "y", "exp": 4_102_444_800}, {"exp": 1_000_000_000}]
)
def test_without_a_good_word_of_the_authorizer_nobody_is_logged_in(
    name: str, claims: dict[str, Any], call: Call
) -> None:
    assert call(name, claims=claims)[0] == 401


def test_nothing_that_a_person_typed_reaches_the_log(
    call: Call, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    canaries = {
        "email": "canary1@example.com",
        "password": "canary2-password",
        "user_id": "canary3",
        "first_name": "canary4",
        "last_name": "canary5",
    }
    call("auth_signup", body=canaries)
    call("auth_signup", body=canaries)
    call("auth_signup", body=canaries | {"canary6": "canary7"})
    call("auth_login", body={"email": "canary1@example.com", "password": "canary8"})
    _, tokens = call(
        "auth_login", body={"email": canaries["email"], "password": canaries["password"]}
    )
    call("auth_refresh", body={"refresh_token": tokens["refresh_token"]})
    call("auth_refresh", body={"refresh_token": "canary9"})

    lines = log_lines()
    written = json.dumps(lines)
    assert [line["status"] for line in lines] == [201, 409, 422, 401, 200, 200, 401]
    assert "canary" not in written
    assert tokens["refresh_token"] not in written
    assert tokens["access_token"] not in written
    assert "203.0.113.7" not in written
