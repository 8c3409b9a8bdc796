"""streamGenerateContent on the Gemini twin, as events and as one array."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.twins.gemini.app import create

Run = Callable[..., None]
Json = dict[str, Any]
PATH = "/v1/models/gemini-3.5-flash-lite:streamGenerateContent"
WHOLE = "/v1/models/gemini-3.5-flash-lite:generateContent"
QUESTION = "I live in Pune and like tea and chess and long walks by the sea."


def body(words: str = QUESTION, **more: Any) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": words}]}], **more}


def events(answer: httpx.Response) -> list[Json]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]


def stream(run: Run, sent: Json, plan: Json | None = None, path: str = PATH) -> httpx.Response:
    found: list[httpx.Response] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        if plan:
            assert (await client.post("/_twin/next", json=plan)).status_code == 200
        found.append(await client.post(f"{path}?alt=sse", json=sent))

    run(create(), scenario, x_goog_api_key="test-key")
    return found[0]


def text(chunks: list[Json]) -> str:
    parts = [p for c in chunks for p in c["candidates"][0].get("content", {}).get("parts", [])]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def test_a_stream_says_the_same_as_the_whole_reply_in_pieces(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        whole = (await client.post(WHOLE, json=body())).json()
        sse = events(await client.post(f"{PATH}?alt=sse", json=body()))
        array = (await client.post(PATH, json=body())).json()
        for chunks in (sse, array):
            assert len(chunks) > 2
            assert text(chunks) == whole["candidates"][0]["content"]["parts"][0]["text"]
            reasons = [chunk["candidates"][0].get("finishReason") for chunk in chunks]
            assert reasons == [None] * (len(chunks) - 1) + ["STOP"]
            assert len({chunk["responseId"] for chunk in chunks}) == 1
            spoken = [chunk["usageMetadata"]["candidatesTokenCount"] for chunk in chunks]
            assert spoken == sorted(spoken)
            assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]

    run(create(), scenario, x_goog_api_key="test-key")


def test_thoughts_come_first_and_calls_come_whole(run: Run) -> None:
    tool = {
        "name": "lookup_order",
        "parameters": {
            "type": "OBJECT",
            "properties": {"order_id": {"type": "STRING"}},
            "required": ["order_id"],
        },
    }
    sent = body(
        "Where are orders A-17 and B-2?",
        tools=[{"functionDeclarations": [tool]}],
        generationConfig={"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}},
    )

    chunks = events(stream(run, sent))

    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    assert [part.get("thought", False) for part in parts] == [True, False, False]
    assert [part["functionCall"]["args"]["order_id"] for part in parts[1:]] == ["A-17", "B-2"]


def test_an_error_before_the_stream_is_an_error_of_the_call(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        busy = {"kind": "status", "status": 429, "retry": "2s", "times": 2}
        await client.post("/_twin/next", json=busy)
        sse = await client.post(f"{PATH}?alt=sse", json=body())
        array = await client.post(PATH, json=body())
        assert (sse.status_code, array.status_code) == (429, 429)
        [error] = array.json()
        assert error == sse.json()
        assert error["error"]["details"][0]["retryDelay"] == "2s"
        wrong = await client.post(f"{PATH}?alt=sse", json={})
        assert wrong.json()["error"]["status"] == "INVALID_ARGUMENT"
        [wrong_too] = (await client.post(PATH, json={})).json()
        assert wrong_too == wrong.json()

    run(create(), scenario, x_goog_api_key="test-key")


def test_an_error_in_the_middle_comes_after_what_was_said(run: Run) -> None:
    plan = {"kind": "stream_error", "after": 2, "status": 503, "message": "overloaded"}

    chunks = events(stream(run, body(), plan))

    assert ["candidates" in chunk for chunk in chunks] == [True, True, False]
    assert list(chunks[-1]) == ["error"]
    assert chunks[-1]["error"]["code"] == 503


def test_a_stream_that_is_cut_never_says_why_it_ended(run: Run) -> None:
    chunks = events(stream(run, body(), {"kind": "stream_cut", "after": 50}))

    assert len(chunks) > 1
    assert not any("finishReason" in chunk["candidates"][0] for chunk in chunks)


@pytest.mark.parametrize(
    ("plan", "last"),
    [
        ({"kind": "text", "text": "one two three four five six"}, {"finishReason": "STOP"}),
        ({"kind": "max_tokens"}, {"finishReason": "MAX_TOKENS"}),
        ({"kind": "safety"}, {"finishReason": "SAFETY"}),
        ({"kind": "finish", "finish": "RECITATION", "text": ""}, {"finishReason": "RECITATION"}),
        ({"kind": "no_text"}, {"finishReason": "STOP"}),
        ({"kind": "function_call", "name": "f", "args": {"a": 1}}, {"finishReason": "STOP"}),
    ],
)
def test_planned_replies_are_streamed_too(run: Run, plan: Json, last: Json) -> None:
    chunks = events(stream(run, body(), plan))

    assert chunks[-1]["candidates"][0].items() >= last.items()
    if "text" in plan:
        assert text(chunks) == plan["text"]


@pytest.mark.parametrize("kind", ["blocked", "empty"])
def test_a_stream_without_a_candidate_is_one_event(run: Run, kind: str) -> None:
    [chunk] = events(stream(run, body(), {"kind": kind}))

    assert "candidates" not in chunk
    assert ("promptFeedback" in chunk) == (kind == "blocked")


def test_junk_in_a_stream_is_no_json(run: Run) -> None:
    with pytest.raises(json.JSONDecodeError):
        events(stream(run, body(), {"kind": "malformed"}))


def test_a_call_that_does_not_stream_takes_stream_plans_as_its_own(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        path = WHOLE
        await client.post("/_twin/next", json={"kind": "stream_error", "status": 503})
        assert (await client.post(path, json=body())).status_code == 503
        await client.post("/_twin/next", json={"kind": "stream_cut"})
        cut = await client.post(path, json=body())
        assert cut.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            cut.json()

    run(create(), scenario, x_goog_api_key="test-key")
