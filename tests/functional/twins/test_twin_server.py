"""What every twin's server does with bodies and answers, whatever the routes say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message

from local.twins.server import Answer, Call, Handler, Twin, create_app

EVENTS = [{"part": 1, "text": "Grüße"}, {"part": 2}]


def _app(*routes: tuple[str, str, Handler]) -> ASGIApp:
    return create_app(
        Twin(
            name="test",
            routes=list(routes),
            guard=lambda _: None,
            bad_body=lambda: Answer({"error": "body"}, 400),
            unknown=lambda _: Answer({"error": "unknown"}, 404),
            broken=lambda: Answer({"error": "broken"}, 500),
            reset=lambda: None,
        )
    )


def _echo(call: Call) -> Answer:
    return Answer({"body": call.body, "query": dict(call.query)})


async def _messages(app: ASGIApp, path: str) -> list[Message]:
    sent: list[Message] = []
    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.3"},
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
    }
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

    await app(scope, receive, send)
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
