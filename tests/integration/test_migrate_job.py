"""The migrate job on real PostgreSQL, invoked by a person and by CloudFormation."""

from typing import Any

import pytest

import tandem.db.migrate
from memory_api.jobs import migrate, stack_answer
from tandem.db.connection import connect
from tandem.db.migrate import Migration, shipped
from tandem.secrets import Secrets
from tandem.settings import DatabaseSettings

pytestmark = pytest.mark.integration

UPDATE = {
    "RequestType": "Update",
    "ResponseURL": "https://example.invalid/",
    "ResourceProperties": {"CodeVersion": "arn:aws:lambda:x:1:function:migrate:11"},
    "OldResourceProperties": {"CodeVersion": "arn:aws:lambda:x:1:function:migrate:9"},
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What CloudFormation was told; sending it is tested without a database."""
    answers: list[tuple[str, str]] = []

    def send(_: stack_answer.StackAnswer, status: str, reason: str) -> None:
        answers.append((status, reason))

    monkeypatch.setattr(stack_answer.StackAnswer, "send", send)
    return answers


@pytest.fixture(autouse=True)
def new_schema(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    connection = connect(empty_database, DatabaseSettings(database_statement_seconds=30))
    connection.run("drop schema public cascade")
    connection.run("create schema public")
    connection.close()
    monkeypatch.setattr(migrate, "secrets", Secrets(lambda: {"DATABASE_URL": empty_database}))
    return empty_database


def test_a_person_is_told_what_was_applied() -> None:
    assert migrate.handler({}, None) == {"applied": [item.name for item in shipped()]}
    assert migrate.handler({}, None) == {"applied": []}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_deployment_migrates(kind: str, told: list[tuple[str, str]]) -> None:
    migrate.handler(UPDATE | {"RequestType": kind}, None)

    assert told == [("SUCCESS", f"Migrations applied: {len(shipped())}.")]
    assert migrate.handler({}, None) == {"applied": []}


def test_a_deployment_fails_with_its_migration_and_no_row_is_quoted(
    told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, log_lines: Any
) -> None:
    doubled = "create table t (w text primary key); insert into t values ('canary'), ('canary')"
    monkeypatch.setattr(tandem.db.migrate, "shipped", lambda: [Migration("0001_a.sql", doubled)])

    migrate.handler(UPDATE, None)

    assert told == [
        ("FAILED", "The database refused a migration, SQLSTATE 23505. Nothing was changed.")
    ]
    [line] = log_lines()
    assert (line["message"], line["sqlstate"]) == ("migration_failed", "23505")
    assert "canary" not in str(line)


def test_going_back_migrates_nothing(told: list[tuple[str, str]]) -> None:
    back = {
        "ResourceProperties": UPDATE["OldResourceProperties"],
        "OldResourceProperties": UPDATE["ResourceProperties"],
    }

    migrate.handler(UPDATE | back, None)

    assert told == [("SUCCESS", "The older code runs on the newer schema.")]
    assert migrate.handler({}, None) == {"applied": [item.name for item in shipped()]}
