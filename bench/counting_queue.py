"""A queue that only counts: SendMessageBatch as fast as a real one answers, which moto is not.

moto's server takes about 40 ms a call with a few messages in the queue and longer with each one
more; SQS takes some 10 ms with any number.
"""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from local.processes import LOOPBACK

_ANSWER = b'{"Successful": [], "Failed": []}'


class CountingQueue:
    """Takes every message, and answers after a given time.

    Attributes:
        calls: how many SendMessageBatch there were.
        messages: how often each body was sent.
    """

    def __init__(self, *, takes_seconds: float = 0.0) -> None:
        self.calls = 0
        self.messages: Counter[str] = Counter()
        self._takes_seconds = takes_seconds
        self._mutex = threading.Lock()
        self._never = threading.Event()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def accounts(self) -> Counter[str]:
        """How often each person was named."""
        named: Counter[str] = Counter()
        for message, times in self.messages.items():
            named[json.loads(message)["account"]] += times
        return named

    def reset(self) -> None:
        """Counts from nought again."""
        self.calls = 0
        self.messages.clear()

    def take(self, body: bytes) -> None:
        """Counts one call, after the time that it takes."""
        self._never.wait(self._takes_seconds)
        entries = json.loads(body)["Entries"]
        with self._mutex:
            self.calls += 1
            self.messages.update(entry["MessageBody"] for entry in entries)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        queue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                queue.take(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", str(len(_ANSWER)))
                self.end_headers()
                self.wfile.write(_ANSWER)

            def log_message(self, *_: object) -> None: ...

        return Handler
