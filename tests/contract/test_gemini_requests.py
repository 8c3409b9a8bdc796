"""Our Gemini client sends what google-genai 3.3.0 sends for the same operation."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from google.genai import Client
from google.genai.types import (
    Content,
    EmbedContentConfig,
    GenerateContentConfig,
    HttpOptions,
    Part,
)

from tandem.clients.connections import build_http_client
from tandem.clients.gemini import GOOGLE_URL, GeminiClient
from tests.contract.gemini_calls import (
    CALLS,
    CONTENTS,
    EMBEDDER,
    MODEL,
    SYSTEM,
    TEXTS,
    Verdict,
    run,
)
from tests.contract.wire import Recorder

# Who sends it, over which connection, and what httpx adds.
NOT_COMPARED = {
    "user-agent",
    "x-goog-api-client",
    "accept",
    "accept-encoding",
    "connection",
    "host",
}


def _sdk_contents() -> list[Content]:
    return [Content(role=said.role, parts=[Part(text=said.text)]) for said in CONTENTS]


OFFICIAL: dict[str, Callable[[Client], Awaitable[Any]]] = {
    "structured": lambda client: client.aio.models.generate_content(
        model=MODEL,
        contents=_sdk_contents(),
        config=GenerateContentConfig(
            system_instruction=SYSTEM,
            max_output_tokens=200,
            response_mime_type="application/json",
            response_json_schema=Verdict.model_json_schema(),
        ),
    ),
    "embed": lambda client: client.aio.models.embed_content(
        model=EMBEDDER,
        contents=list(TEXTS),
        config=EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT", output_dimensionality=3),
    ),
    "count_tokens": lambda client: client.aio.models.count_tokens(
        model=MODEL, contents=_sdk_contents()
    ),
}


def official_request(name: str) -> httpx.Request:
    """What the SDK sends, with a timeout of 5 s like our calls."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=CALLS[name][1])

    async def scenario() -> None:
        async with build_http_client(transport=httpx.MockTransport(answer)) as http:
            options = HttpOptions(timeout=5_000, httpx_async_client=http)
            client = Client(vertexai=False, api_key="test-key", http_options=options)
            await OFFICIAL[name](client)
            client.close()

    asyncio.run(scenario())
    [request] = seen
    return request


@pytest.mark.parametrize("name", sorted(CALLS))
def test_each_request_is_the_one_that_the_sdk_sends(name: str) -> None:
    recorder = Recorder([httpx.Response(200, json=CALLS[name][1])])

    run(recorder, CALLS[name][0])

    [ours], theirs = recorder.requests, official_request(name)
    assert ours.method == theirs.method
    assert ours.url.raw_path == theirs.url.raw_path
    assert json.loads(ours.content) == json.loads(theirs.content)
    wanted = {k: v for k, v in theirs.headers.items() if k not in NOT_COMPARED}
    sent = {k: v for k, v in ours.headers.items() if k not in NOT_COMPARED}
    wanted.pop("content-length")
    sent.pop("content-length")
    assert sent == wanted
    assert {"x-goog-api-key", "x-server-timeout", "content-type"} == sent.keys()


def test_the_sdk_goes_to_the_host_that_we_go_to() -> None:
    assert f"https://{official_request('count_tokens').url.host}" == GOOGLE_URL


def test_every_method_is_compared() -> None:
    public = {name for name in vars(GeminiClient) if not name.startswith("_")}

    assert public == CALLS.keys() == OFFICIAL.keys()
