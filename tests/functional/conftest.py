"""Secrets Manager on a socket, answering what the test wants."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class SecretsManager(ThreadingHTTPServer):
    """Answers GetSecretValue with `values`, or with `status` and `payload` when those are set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.values: dict[str, Any] = {}
        self.status = 200
        self.payload: bytes | None = None
        self.requests: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self) -> bytes:
        return self.payload or json.dumps({"SecretString": json.dumps(self.values)}).encode()


class _Answer(BaseHTTPRequestHandler):
    server: SecretsManager

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((headers, body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.answer())

    def log_message(self, *_: Any) -> None:
        """Writes nothing."""


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    """Secrets Manager, with the environment pointing at it."""
    server = SecretsManager()
    monkeypatch.setenv("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "test-session")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
