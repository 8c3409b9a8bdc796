"""The migrate job as CloudFormation calls it: one answer to each event, whatever happens."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.template import load_template
from memory_api.jobs import migrate, stack_answer
from tandem.errors import ConfigurationError, Unavailable
from tandem.secrets import Secrets, secrets_from_environment
from tests.local_servers import LocalServer, QuietHandler, serving

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
VERSION = "arn:aws:lambda:eu-central-1:123456789012:function:tandem-migrate:"
CANARY = "hunter2-canary"


class Answers(LocalServer):
    """Where a presigned ResponseURL leads: keeps what is put there."""

    def __init__(self) -> None:
        super().__init__(_Keep)
        self.statuses: list[int] = []
        self.puts: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"{super().url}/bucket/key%7C1?X-Signature=a%2Fb&Expires=1"


class _Keep(QuietHandler):
    server: Answers

    def do_PUT(self) -> None:
        body = json.loads(self.body())
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.puts.append((self.path, headers, body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()


class Invocation:
    """The context of an invocation."""

    aws_request_id = "request-1"

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1_000)


@pytest.fixture
def answers() -> Iterator[Answers]:
    with serving(Answers()) as server:
        yield server


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is in the secret: an address at which nothing listens, until a test says otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    values = {"DATABASE_URL": f"postgresql://tandem:{CANARY}@127.0.0.1:{port}/tandem"}
    monkeypatch.setattr(migrate, "secrets", Secrets(lambda: values))
    return values


def sent(answers: Answers, kind: str, **fields: Any) -> dict[str, Any]:
    """An event of CloudFormation."""
    return {
        "RequestType": kind,
        "ResponseURL": answers.url,
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/tandem/1",
        "RequestId": "unique-1",
        "ResourceType": "Custom::Migration",
        "LogicalResourceId": "Migration",
        "ResourceProperties": {"CodeVersion": VERSION + "10"},
        **fields,
    }


def update(answers: Answers, *, before: str = "9", after: str = "10") -> dict[str, Any]:
    return sent(
        answers,
        "Update",
        PhysicalResourceId="schema",
        ResourceProperties={"CodeVersion": VERSION + after},
        OldResourceProperties={"CodeVersion": VERSION + before},
    )


def only(answers: Answers) -> dict[str, Any]:
    [(_, _, body)] = answers.puts
    return body


def test_the_answer_is_put_to_the_address_as_it_was_signed_and_names_the_request(
    answers: Answers,
) -> None:
    migrate.handler(sent(answers, "Delete"), Invocation())

    [(path, headers, body)] = answers.puts
    assert path == "/bucket/key%7C1?X-Signature=a%2Fb&Expires=1"
    assert headers["content-type"] == ""
    assert body == {
        "Status": "SUCCESS",
        "Reason": "The database is left as it is.",
        "PhysicalResourceId": "schema",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/tandem/1",
        "RequestId": "unique-1",
        "LogicalResourceId": "Migration",
    }


@pytest.mark.parametrize("value", [None, ""])
def test_a_first_deployment_passes_without_a_secret_and_the_log_says_that_nothing_was_migrated(
    value: str | None,
    answers: Answers,
    secret: dict[str, str],
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    secret.clear()
    if value is not None:
        secret["DATABASE_URL"] = value

    migrate.handler(sent(answers, "Create"), Invocation())

    assert only(answers)["Status"] == "SUCCESS"
    assert only(answers)["Reason"].startswith("Not migrated")
    assert [line["message"] for line in log_lines()] == ["not_migrated"]


def test_a_secret_that_secrets_manager_has_no_value_for_is_an_empty_one(
    answers: Answers, secrets_manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets_manager.status, secrets_manager.payload = 400, b'{"__type":"ResourceNotFoundException"}'
    monkeypatch.setattr(migrate, "secrets", secrets_from_environment())

    migrate.handler(sent(answers, "Create"), Invocation())

    assert only(answers)["Status"] == "SUCCESS"


def test_an_update_without_a_secret_fails_and_names_what_is_missing(
    answers: Answers, secret: dict[str, str]
) -> None:
    secret.clear()

    migrate.handler(update(answers), Invocation())

    assert only(answers)["Status"] == "FAILED"
    assert only(answers)["Reason"] == "DATABASE_URL: missing or too short."
    assert only(answers)["PhysicalResourceId"] == "schema"


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_database_that_is_away_fails_the_deployment_and_no_secret_is_told_or_logged(
    kind: str,
    answers: Answers,
    secret: dict[str, str],
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    assert CANARY in secret["DATABASE_URL"]

    migrate.handler(sent(answers, kind), Invocation())

    assert only(answers)["Status"] == "FAILED"
    assert only(answers)["Reason"].startswith("The database can't be reached")
    assert [line["message"] for line in log_lines()] == ["migration_failed"]
    assert CANARY not in json.dumps([only(answers), log_lines()])


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError(CANARY), "RuntimeError; the function's log says where."),
        (
            ConfigurationError(setting="0001_a.sql", reason="was edited"),
            "0001_a.sql: was edited.",
        ),
    ],
)
def test_an_exception_that_nobody_foresaw_is_answered_too(
    error: Exception, reason: str, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: Any) -> None:
        raise error

    monkeypatch.setattr(migrate, "connect", connect)

    migrate.handler(update(answers), Invocation())

    assert (only(answers)["Status"], only(answers)["Reason"]) == ("FAILED", reason)


@pytest.mark.usefixtures("secret")
def test_undoing_a_deployment_succeeds_even_while_the_database_is_away(answers: Answers) -> None:
    migrate.handler(update(answers, before="10", after="9"), Invocation())

    assert only(answers)["Status"] == "SUCCESS"


@pytest.mark.usefixtures("secret")
def test_work_that_lambda_would_cut_off_is_answered_before_it_does(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    deliver = stack_answer.StackAnswer._deliver

    def delivered(self: stack_answer.StackAnswer, body: bytes) -> None:
        deliver(self, body)
        answered.set()

    def connect(*_: Any) -> None:
        assert answered.wait(10), "no answer while the work hung"
        raise TimeoutError

    monkeypatch.setattr(stack_answer.StackAnswer, "_deliver", delivered)
    monkeypatch.setattr(migrate, "connect", connect)

    migrate.handler(update(answers), Invocation(seconds=stack_answer.ANSWER_SECONDS + 0.05))

    assert only(answers)["Status"] == "FAILED"
    assert only(answers)["Reason"] == "The migrations took too long."


def test_an_answer_that_does_not_get_through_is_sent_again(answers: Answers) -> None:
    answers.statuses = [503]

    migrate.handler(sent(answers, "Delete"), Invocation())

    assert [body["Status"] for _, _, body in answers.puts] == ["SUCCESS", "SUCCESS"]


def test_an_answer_that_never_gets_through_is_logged_without_its_address(
    answers: Answers, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answers.statuses = [403] * 3

    migrate.handler(sent(answers, "Delete"), Invocation())

    assert len(answers.puts) == 3
    assert [line["message"] for line in log_lines()] == ["stack_not_answered"] * 3
    assert "Signature" not in json.dumps(log_lines())


@pytest.mark.parametrize(
    "address", ["http://example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd"]
)
def test_only_https_is_answered_unless_it_is_this_machine(
    address: str, answers: Answers, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    migrate.handler(sent(answers, "Delete", ResponseURL=address), Invocation())

    assert {line["error"] for line in log_lines()} == {"ValueError"}


@pytest.mark.usefixtures("secret")
def test_a_person_who_invokes_it_gets_the_error_itself() -> None:
    with pytest.raises(Unavailable) as refused:
        migrate.handler({}, Invocation())

    assert refused.value.code == "database_unavailable"


def test_the_local_stack_reads_the_template_past_the_custom_resource() -> None:
    assert "Type: Custom::Migration" in TEMPLATE.read_text()
    assert "MigrateFunction" in load_template(TEMPLATE).functions
