"""As whom AWS is called: by keys in variables or, under SnapStart, by those of a local address."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from jwt_authorizer.secret import Keys, fetch_keys
from tandem.aws import aws_request
from tandem.aws_credentials import NoCredentials, RoleCredentials
from tandem.errors import Unavailable
from tandem.secrets import fetch_secret, secrets_from_environment

VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class CredentialsAddress(ThreadingHTTPServer):
    """Where Lambda hands out a role's keys to a function with SnapStart."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.payload: bytes | None = None
        self.expires = datetime.now(UTC) + timedelta(hours=6)
        self.authorizations: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/credentials?version=1"

    def answer(self) -> bytes:
        if self.payload is not None:
            return self.payload
        keys = {
            "AccessKeyId": "test-role",
            "SecretAccessKey": "test-key",
            "Token": "test-role-token",
        }
        return json.dumps({**keys, "Expiration": f"{self.expires:%Y-%m-%dT%H:%M:%SZ}"}).encode()


class _Answer(BaseHTTPRequestHandler):
    server: CredentialsAddress

    def do_GET(self) -> None:
        assert self.path == "/credentials?version=1"
        self.server.authorizations.append(self.headers["authorization"])
        body = self.server.answer()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[CredentialsAddress]:
    server = CredentialsAddress()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def snap_start(address: CredentialsAddress, monkeypatch: pytest.MonkeyPatch) -> CredentialsAddress:
    """The variables that a function with SnapStart has, and Secrets Manager beside them."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.url)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "test-handout")
    monkeypatch.setattr("tandem.aws._role", RoleCredentials())
    return address


def test_with_snapstart_a_function_signs_with_what_the_local_address_hands_out(
    secrets_manager: Any, snap_start: CredentialsAddress
) -> None:
    secrets_manager.values = {"SECRET_KEY": "test-key"}

    assert secrets_from_environment().value("SECRET_KEY") == "test-key"

    [(headers, _)] = secrets_manager.requests
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-role/")
    assert headers["x-amz-security-token"] == "test-role-token"
    assert snap_start.authorizations == ["test-handout"]


def test_with_snapstart_the_authorizer_signs_so_too(
    secrets_manager: Any, snap_start: CredentialsAddress
) -> None:
    secrets_manager.values = {"SECRET_KEY": "test-key"}

    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:test"
    assert fetch_keys(arn) == Keys("test-key", "")

    [(headers, _)] = secrets_manager.requests
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-role/")
    assert headers["x-amz-security-token"] == "test-role-token"
    assert snap_start.authorizations == ["test-handout"]


def test_keys_are_asked_for_once_and_again_before_they_expire(address: CredentialsAddress) -> None:
    now = NOW
    address.expires = NOW + timedelta(hours=1)
    role = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": address.url}, now=lambda: now)

    first = role.current()
    now = NOW + timedelta(minutes=54)
    assert role.current() == first
    assert address.authorizations == [None]

    now = NOW + timedelta(minutes=56)
    address.expires = NOW + timedelta(hours=2)
    role.current()
    assert len(address.authorizations) == 2


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        (500, b"canary"),
        (200, b"canary"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"AccessKeyId": "a", "SecretAccessKey": "canary", "Token": "t", "Expiration": 1}'),
        (200, b'{"AccessKeyId": "a", "SecretAccessKey": null, "Token": "canary"}'),
    ],
)
def test_an_address_that_hands_out_no_keys_is_an_error_that_quotes_nothing(
    status: int, payload: bytes, address: CredentialsAddress
) -> None:
    address.status, address.payload = status, payload

    with pytest.raises(NoCredentials) as refused:
        RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": address.url}).current()

    assert "canary" not in str(refused.value)


@pytest.mark.usefixtures("secrets_manager")
def test_without_keys_the_secret_is_unavailable(snap_start: CredentialsAddress) -> None:
    snap_start.status = 500

    with pytest.raises(Unavailable) as refused:
        secrets_from_environment().value("SECRET_KEY")

    assert refused.value.context["setting"] == "SECRET_ARN"


@pytest.mark.usefixtures("secrets_manager", "snap_start")
@pytest.mark.parametrize("read", [fetch_secret, fetch_keys])
def test_an_address_where_nobody_answers_counts_as_a_secret_that_can_not_be_read(
    read: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/credentials")

    with pytest.raises((OSError, ValueError)):
        read("arn:aws:secretsmanager:us-east-1:123456789012:secret:test")


@pytest.mark.usefixtures("secrets_manager")
def test_a_request_is_signed_with_the_variables_where_there_is_no_such_address() -> None:
    request = aws_request("sqs", "AmazonSQS.SendMessageBatch", b"{}", json_version="1.0")

    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-key/")
    assert request.headers["x-amz-security-token"] == "test-session"


@pytest.mark.parametrize("payload", [b"canary", b"[]", b"{}", b'{"AccessKeyId": "canary"}'])
def test_the_authorizer_takes_nothing_else_for_keys(
    payload: bytes, snap_start: CredentialsAddress
) -> None:
    snap_start.payload = payload

    with pytest.raises(ValueError, match=r"^(?!.*canary)"):
        fetch_keys("arn:aws:secretsmanager:us-east-1:123456789012:secret:test")
