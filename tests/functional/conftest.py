"""Secrets Manager on a socket, answering what the test wants."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local_servers import LocalServer, QuietHandler, serving


class SecretsManager(LocalServer):
    """Answers GetSecretValue with `values`, or with `status` and `payload` when those are set."""

    def __init__(self) -> None:
        super().__init__(_Answer)
        self.values: dict[str, Any] = {}
        self.status = 200
        self.payload: bytes | None = None
        self.requests: list[tuple[dict[str, str], bytes]] = []

    def answer(self) -> bytes:
        return self.payload or json.dumps({"SecretString": json.dumps(self.values)}).encode()


class _Answer(QuietHandler):
    server: SecretsManager

    def do_POST(self) -> None:
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((headers, body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.answer())


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    """Secrets Manager, with the environment pointing at it."""
    with serving(SecretsManager()) as server:
        monkeypatch.setenv(
            "SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:test"
        )
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-key")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "test-session")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield server
