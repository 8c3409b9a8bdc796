"""What every twin's server does with bodies and answers, whatever the routes say."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message

from local.twins.server import Answer, Call, Handler, Twin, create_app
from tests.functional.twins.small_twin import Shelf, eventually, on_a_socket

_SCOPE = {
    "type": "http",
    "asgi": {"spec_version": "2.3"},
    "method": "GET",
    "query_string": b"",
    "headers": [],
}
EVENTS = [{"part": 1, "text": "Grüße"}, {"part": 2}]


def _app(*routes: tuple[str, str, Handler], **options: Any) -> ASGIApp:
    return create_app(
        Twin(
            name="test",
            routes=list(routes),
            guard=lambda _: None,
            bad_body=lambda: Answer({"error": "body"}, 400),
            unknown=lambda _: Answer({"error": "unknown"}, 404),
            broken=lambda: Answer({"error": "broken"}, 500),
            reset=lambda: None,
            **options,
        )
    )


def _echo(call: Call) -> Answer:
    return Answer({"body": call.body, "query": dict(call.query)})


async def _messages(app: ASGIApp, path: str) -> list[Message]:
    sent: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app({**_SCOPE, "path": path}, receive, send)
    return sent


def test_events_are_streamed_each_in_a_chunk_of_its_own() -> None:
    app = _app(("GET", "/events", lambda _: Answer(events=EVENTS)))
    head, *chunks = asyncio.run(_messages(app, "/events"))
    assert (b"content-type", b"text/event-stream") in head["headers"]
    assert [chunk["body"].decode() for chunk in chunks] == [
        'data: {"part":1,"text":"Grüße"}\r\n\r\n',
        'data: {"part":2}\r\n\r\n',
        "",
    ]


@pytest.mark.parametrize(
    ("method", "content", "seen"),
    [
        ("DELETE", '{"ids": ["a"]}', {"ids": ["a"]}),
        ("DELETE", "", {}),
        ("DELETE", "[1]", {}),
        ("DELETE", "no json", {}),
        ("DELETE", '{"lone": "\\ud800"}', {}),
        ("GET", '{"ids": ["a"]}', {}),
        ("GET", "no json", {}),
        ("POST", '{"ids": ["a"]}', {"ids": ["a"]}),
    ],
)
def test_a_body_is_what_the_method_makes_of_it(
    run: Callable[..., None], method: str, content: str, seen: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.request(method, "/echo?limit=3", content=content)
        assert answer.json() == {"body": seen, "query": {"limit": "3"}}

    run(_app((method, "/echo", _echo)), scenario)


@pytest.mark.parametrize("content", ["[1]", "no json", '{"lone": "\\ud800"}'])
def test_a_post_without_a_json_object_is_refused(run: Callable[..., None], content: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.post("/echo", content=content)).status_code == 400

    run(_app(("POST", "/echo", _echo)), scenario)


def test_an_answer_leaves_after_what_the_handler_changed_is_kept() -> None:
    happened: list[str] = []

    def around(call: Call, handler: Handler) -> Answer:
        answer = handler(call)
        happened.append("committed")
        return answer

    app = _app(("GET", "/thing", lambda _: Answer({})), around=around)

    async def scenario() -> None:
        async def send(message: Message) -> None:
            happened.append(message["type"])

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        await app({**_SCOPE, "path": "/thing"}, receive, send)

    asyncio.run(scenario())
    assert happened == ["committed", "http.response.start", "http.response.body"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_request_that_breaks_off_does_nothing_and_says_nothing(
    whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf()
    with (
        on_a_socket(shelf.app()) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        client.post("/_twin/requests", json={"whole": whole})
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as broken:
            head = f"POST /v1/things HTTP/1.1\r\nhost: {host}\r\ncontent-length: 20\r\n\r\n"
            broken.sendall(head.encode() + b'{"half": "o')
            eventually(lambda: client.get("/_twin/requests").json()["requests"], "not received")

        def ended() -> Any:
            return client.get("/_twin/requests").json()["requests"][0]["milliseconds"]

        eventually(ended, "the call never ended")
        (record,) = client.get("/_twin/requests").json()["requests"]
        assert record["status"] is None
        assert client.post("/v1/things", json={"whole": 1}).status_code == 201
    assert shelf.kept == [{"whole": 1}]
    assert caplog.text == ""


def test_a_handler_that_breaks_is_the_services_500_and_no_word_is_logged(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: Call) -> Answer:
        raise ValueError(str(call.body))

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/thing", json={"said": "canary"})
        assert (answer.status_code, answer.json()) == (500, {"error": "broken"})

    run(_app(("POST", "/thing", broken)), scenario)
    assert "ValueError" in caplog.text
    assert "canary" not in caplog.text
