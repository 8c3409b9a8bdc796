"""A twin with three routes, and any twin on a socket of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from local.twins.server import Answer, Call, Twin, create_app
from local.twins.serving import configured, listening

Json = dict[str, Any]
THING: Json = {"said": "hello"}


class Shelf:
    """What the twin keeps: so that a test sees whether a handler ran."""

    def __init__(self) -> None:
        self.kept: list[Json] = []

    def app(self, **options: Any) -> ASGIApp:
        """The twin over this shelf."""
        return create_app(
            Twin(
                name="small",
                routes=[
                    ("POST", "/v1/things", self._add),
                    ("GET", "/v1/things", self._list),
                    ("GET", "/v1/things/{number}", self._show),
                    ("GET", "/v1/events", lambda _: Answer(events=[{"n": n} for n in range(3)])),
                ],
                guard=lambda _: None,
                bad_body=lambda: Answer({"detail": "body"}, 400),
                unknown=lambda _: Answer({"detail": "unknown"}, 404),
                broken=lambda: Answer({"detail": "broken"}, 500),
                reset=self.kept.clear,
            ),
            **options,
        )

    def _add(self, call: Call) -> Answer:
        self.kept.append(call.body)
        return Answer({"thing": call.body, "tags": ["new"], "number": len(self.kept)}, 201)

    def _list(self, _: Call) -> Answer:
        return Answer({"items": self.kept})

    def _show(self, call: Call) -> Answer:
        return Answer({"number": call.params["number"]})


@contextmanager
def on_a_socket(app: ASGIApp) -> Iterator[str]:
    """Serves the app as a twin's process does, in a thread; gives its URL."""
    listener = listening(0)
    server = uvicorn.Server(configured(app))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


class Served:
    """A small twin on a socket and a client of it."""

    def __init__(self, url: str, shelf: Shelf, client: httpx.Client) -> None:
        self.url, self.shelf, self.client = url, shelf, client

    def fault(self, **rule: Any) -> None:
        answer = self.client.post("/_twin/faults", json=rule)
        assert answer.status_code == 200, answer.text

    def add(self) -> httpx.Response:
        return self.client.post("/v1/things", json=THING)

    def rules(self) -> list[Json]:
        found: list[Json] = self.client.get("/_twin/faults").json()["rules"]
        return found

    def records(self) -> list[Json]:
        found: list[Json] = self.client.get("/_twin/requests").json()["requests"]
        return found


def eventually(condition: Any, what: str, *, seconds: float = 5) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
