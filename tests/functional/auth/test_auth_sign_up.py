"""Signing up through Mangum: what is taken, refused and answered."""

import json
from uuid import UUID

import pytest

from tests.functional.auth.accounts_in_memory import ADA, Call, Tables


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
