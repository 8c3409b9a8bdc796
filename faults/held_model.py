"""Gemini's twin behind somebody who keeps each call until it may go on."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

import httpx

from local.processes import LOOPBACK

_LONGEST_SECONDS: Final = 60.0
_PASSED_ON: Final = ("content-type", "x-goog-api-key", "x-goog-api-client")


class HeldModel:
    """Takes calls of the model, keeps them, and passes them on when they are let go.

    Attributes:
        url: for the functions.
        target: where the twin is; set once it is known.
        go_on: while it is clear, calls wait.
        callers: the ports from which it was called, in order.
    """

    def __init__(self) -> None:
        self.target = ""
        self.go_on = threading.Event()
        self.go_on.set()
        self.callers: list[int] = []
        self._twin = httpx.Client(timeout=30, trust_env=False)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._twin.close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def port(self) -> int:
        """Of the address."""
        return self._server.server_port

    def pass_on(self, port: int, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """The twin's answer, once the call may go on."""
        self.callers.append(port)
        self.go_on.wait(_LONGEST_SECONDS)
        return self._twin.post(f"{self.target}{path}", content=body, headers=headers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kept = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
                answer = model.pass_on(self.client_address[1], self.path, kept, body)
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers["content-type"])
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    return  # whoever asked was killed

            def log_message(self, *_: object) -> None: ...

        return Handler
