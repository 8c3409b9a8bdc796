"""Each method of our Gemini client called once, with an answer that suits it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from tandem.clients.gemini import GeminiClient
from tandem.clients.gemini_models import Said
from tandem.errors import UpstreamError
from tests.contract.wire import Recorder

MODEL = "gemini-3.5-flash-lite"
EMBEDDER = "gemini-embedding-001"
Call = Callable[[GeminiClient], Awaitable[Any]]


class Verdict(BaseModel):
    """What a judge might say."""

    relation: Literal["same", "distinct"]
    confidence: float


CONTENTS = [Said("user", "Are these the same?"), Said("model", "Which?"), Said("user", "<a> <b>")]
SYSTEM = "You compare statements."
TEXTS = ["Likes tea", "Lives in Pune"]


def replying(text: str, *, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    """A whole answer of generateContent with this text."""
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 9}, **more}


CALLS: dict[str, tuple[Call, Any]] = {
    "structured": (
        lambda gemini: gemini.structured(
            MODEL,
            CONTENTS,
            answer=Verdict,
            system=SYSTEM,
            max_output_tokens=200,
            timeout_seconds=5,
        ),
        replying('{"relation": "same", "confidence": 0.9}'),
    ),
    "embed": (
        lambda gemini: gemini.embed(
            EMBEDDER, TEXTS, task="RETRIEVAL_DOCUMENT", dimensions=3, timeout_seconds=5
        ),
        {"embeddings": [{"values": [0.5, 0, -1]}, {"values": [1, 2, 3]}]},
    ),
    "count_tokens": (
        lambda gemini: gemini.count_tokens(MODEL, CONTENTS, timeout_seconds=5),
        {"totalTokens": 31},
    ),
}


def run(recorder: Recorder, call: Call, *, key: str = "test-key") -> Any:
    """What `call` gives when the recorder answers."""

    async def scenario() -> Any:
        return await call(GeminiClient(recorder.http("gemini"), api_key=lambda: key))

    return asyncio.run(scenario())


def failure(recorder: Recorder, call: Call) -> UpstreamError:
    """The error that `call` ends with."""
    with pytest.raises(UpstreamError) as caught:
        run(recorder, call)
    return caught.value
