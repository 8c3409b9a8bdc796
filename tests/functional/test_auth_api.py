"""The auth function's routes and rules through Mangum, with tables that are dictionaries."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from auth_api.routes import create_router
from auth_api.service import AuthService, Passwords, network_of
from tandem.db.accounts import Account, NewAccount
from tandem.db.logins import Attempt, Credentials, NewLogin, Renewal, Subjects
from tandem.errors import Unauthenticated, Unavailable
from tandem.ids import AccountId, LoginId
from tandem.passwords import Verdict
from tandem.principal import Principal
from tandem.tokens import refresh_digest
from tandem.web import create_app, create_handler

MakeEvent = Callable[..., dict[str, Any]]
Call = Callable[..., tuple[int, dict[str, Any]]]
CREATED = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


class Tables:
    """Accounts and logins in memory."""

    def __init__(self) -> None:
        self.accounts: dict[AccountId, NewAccount] = {}
        self.logins: dict[LoginId, NewLogin] = {}
        self.subjects: list[Subjects] = []
        self.ended: set[LoginId] = set()
        self.wait_seconds: int | None = None

    async def create(self, new: NewAccount) -> Account | None:
        for other in self.accounts.values():
            if other.user_id == new.user_id or other.email == new.email:
                return None
        self.accounts[new.id] = new
        return shown(new)

    async def own(self, principal: Principal) -> Account:
        if principal.login_id in self.ended:
            raise Unauthenticated
        return shown(self.accounts[principal.account_id])

    async def attempt(self, email: str, subjects: Subjects) -> Attempt:
        self.subjects.append(subjects)
        for account in self.accounts.values():
            if account.email == email:
                known = Credentials(account.id, account.user_id, account.password_hash)
                return Attempt(self.wait_seconds, known)
        return Attempt(self.wait_seconds, None)

    async def open(self, new: NewLogin, _subjects: Subjects) -> None:
        self.logins[new.login_id] = new

    async def rotate(self, old_digest: bytes, new_digest: bytes) -> Renewal | None:
        for login in self.logins.values():
            if login.token_digest == old_digest:
                account = self.accounts[login.account_id]
                self.logins[login.login_id] = NewLogin(account.id, login.login_id, new_digest, None)
                return Renewal(account.id, login.login_id, account.user_id)
        return None

    async def end(self, principal: Principal) -> None:
        if principal.login_id in self.ended:
            raise Unauthenticated
        self.ended.add(principal.login_id)


def shown(account: NewAccount) -> Account:
    return Account(account.user_id, account.email, account.first_name, account.last_name, CREATED)


class Hashing:
    """Passwords whose hash is their length and themselves, and a list of what was checked."""

    def __init__(self) -> None:
        self.checked: list[str | None] = []

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        self.checked.append(stored_hash)
        return Verdict(stored_hash == f"hash of {password}", None)


class Issuer:
    def issue(self, account_id: AccountId, login_id: LoginId) -> str:
        return f"access of {account_id} {login_id}"


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def hashing() -> Hashing:
    return Hashing()


@pytest.fixture
def service(tables: Tables, hashing: Hashing) -> AuthService:
    return AuthService(
        accounts=tables,
        logins=tables,
        tokens=Issuer(),
        key=lambda: "test-key",
        passwords=Passwords(hash=hashing.hash, verify=hashing.verify),
    )


@pytest.fixture
def call(service: AuthService, http_event: MakeEvent) -> Call:
    router = create_router(service, expires_in_seconds=1_800)
    handler = create_handler(create_app(routers=[router]))

    def send(name: str, **changes: Any) -> tuple[int, dict[str, Any]]:
        answer = handler(http_event(name, **changes), None)
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    return send


ADA = {
    "email": "ada@example.com",
    "password": "correct horse",
    "user_id": "ada",
    "first_name": "Ada",
    "last_name": "Lovelace",
}


def test_sign_up_answers_the_account_and_never_the_password(call: Call, tables: Tables) -> None:
    status, account = call("auth_signup")

    assert status == 201
    assert account == {
        "user_id": "ada",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "created_at": "2026-11-20T11:00:00Z",
    }
    [stored] = tables.accounts.values()
    assert stored.password_hash == "hash of correct horse"


def test_sign_up_makes_a_user_id_when_none_is_given(call: Call) -> None:
    body = {"email": "Ada@Example.com ", "password": "correct horse"}

    status, account = call("auth_signup", body=body)

    assert status == 201
    assert account["user_id"].startswith("u-")
    assert UUID(account["user_id"].removeprefix("u-"))
    assert account["first_name"] is None


@pytest.mark.parametrize(
    "email",
    ["ADA@EXAMPLE.COM", "  ada@example.com\n", "ａｄａ@example.com", "Ada@Example.Com"],  # noqa: RUF001
)
def test_an_e_mail_is_one_however_it_is_spelt(email: str, call: Call) -> None:
    assert call("auth_signup")[0] == 201

    status, document = call("auth_signup", body=ADA | {"email": email, "user_id": "other"})

    assert (status, document["code"]) == (409, "user_exists")


def test_a_user_id_is_never_given_twice(call: Call) -> None:
    call("auth_signup")

    status, document = call("auth_signup", body=ADA | {"email": "other@example.com"})

    assert (status, document["code"]) == (409, "user_exists")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "ada"),
        ("email", "ada@localhost"),
        ("email", "@example.com"),
        ("email", "ada@@example.com"),
        ("email", "ada@.com"),
        ("email", "ada@example."),
        ("email", "a da@example.com"),
        ("email", "ada@example.com\x07"),
        ("email", "a" * 65 + "@example.com"),
        ("email", "ada@" + "a" * 250 + ".com"),
        ("email", "a" * 2_000 + "@example.com"),
        ("email", "ada\x00@example.com"),
        ("email", "ada\ud800@example.com"),
        ("email", None),
        ("email", ["ada@example.com"]),
        ("password", ""),
        ("password", "7 signs"),
        ("password", "p" * 129),
        ("password", "correct\x00horse"),
        ("password", "correct\udfffhorse"),
        ("password", 12_345_678),
        ("password", None),
        ("user_id", ""),
        ("user_id", "-ada"),
        ("user_id", "ada lovelace"),
        ("user_id", "a" * 65),
        ("user_id", "ada\n"),
        ("user_id", 7),
        ("first_name", ""),
        ("first_name", "   "),
        ("first_name", "a" * 101),
        ("first_name", "Ada\nLovelace"),
        ("last_name", "Love\x00lace"),
        ("last_name", "Love\ud800"),
        ("last_name", {"canary": 1}),
        ("canary", 1),
    ],
)
def test_sign_up_refuses_what_it_can_not_keep_and_stores_nothing(
    field: str, value: object, call: Call, tables: Tables
) -> None:
    status, document = call("auth_signup", body=ADA | {field: value})

    assert (status, document["code"]) == (422, "invalid_request")
    assert tables.accounts == {}
    assert "canary" not in json.dumps(document)


@pytest.mark.parametrize("field", ["email", "password"])
def test_sign_up_needs_an_e_mail_and_a_password(field: str, call: Call) -> None:
    body = {name: value for name, value in ADA.items() if name != field}

    status, document = call("auth_signup", body=body)

    assert status == 422
    assert document["errors"] == [
        {"loc": ["body", field], "type": "missing", "msg": "Field required"}
    ]


@pytest.mark.parametrize("password", ["ada@example.com", "ADA@Example.com", " ada@example.com "])
def test_a_password_may_not_be_the_e_mail(password: str, call: Call, tables: Tables) -> None:
    status, document = call("auth_signup", body=ADA | {"password": password})

    assert (status, document["code"]) == (422, "password_is_email")
    assert tables.accounts == {}


@pytest.mark.parametrize("password", ["8 signs.", "p" * 128, "पासवर्ड १२३", "  spaces count  "])
def test_passwords_of_8_to_128_characters_are_taken_as_they_are(password: str, call: Call) -> None:
    assert call("auth_signup", body=ADA | {"password": password})[0] == 201
    status, _ = call("auth_login", body={"email": ADA["email"], "password": password})

    assert status == 200


@pytest.mark.parametrize("name", ["José", "O'Brien-Smith", "李", "नेहा", "می‌خواهم", "a" * 100])
def test_names_of_all_kinds_are_taken(name: str, call: Call) -> None:
    _, account = call("auth_signup", body=ADA | {"first_name": f" {name} "})

    assert account["first_name"] == name


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

    used = call("auth_refresh", body={"refresh_token": first["refresh_token"]})
    unknown = call("auth_refresh")
    assert used == unknown
    assert (used[0], used[1]["code"]) == (401, "bad_refresh_token")
    assert call("auth_refresh", body={"refresh_token": second["refresh_token"]})[0] == 200


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
        AccountId(UUID(int=2)), LoginId(UUID(int=1)), refresh_digest("test-refresh-token"), None
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
