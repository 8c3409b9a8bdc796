"""Every method of our Gemini client beside the call of google-genai that asks for the same."""

from __future__ import annotations

from typing import Any

from google.genai import types
from pydantic import BaseModel

from tandem.clients.gemini_models import Said
from tests.official.requests_compared import Pair

MODEL = "gemini-3.5-flash-lite"
EMBEDDING = "gemini-embedding-001"
SECONDS = 5
TIMED: dict[str, Any] = {"timeout_seconds": float(SECONDS)}
TEXTS = ["I like tea", "Ich mag Tee"]


class City(BaseModel):
    name: str
    rivers: list[str]


SAID = [Said("user", "Hello"), Said("model", "Hi"), Said("user", "Tell me about Delhi.")]
CONTENTS = [types.Content(role=one.role, parts=[types.Part(text=one.text)]) for one in SAID]
PAIRS: dict[str, Pair] = {
    "structured": Pair(
        lambda ours, _: ours.structured(
            MODEL, SAID, answer=City, system="Be brief.", max_output_tokens=500, **TIMED
        ),
        lambda gemini, _: gemini.models.generate_content(
            model=MODEL,
            contents=CONTENTS,
            config=types.GenerateContentConfig(
                system_instruction="Be brief.",
                max_output_tokens=500,
                response_mime_type="application/json",
                response_json_schema=City.model_json_schema(),
            ),
        ),
    ),
    "embed": Pair(
        lambda ours, _: ours.embed(
            EMBEDDING, TEXTS, task="RETRIEVAL_DOCUMENT", dimensions=768, **TIMED
        ),
        lambda gemini, _: gemini.models.embed_content(
            model=EMBEDDING,
            contents=TEXTS,
            config=types.EmbedContentConfig(
                task_type="RETRIEVAL_DOCUMENT", output_dimensionality=768
            ),
        ),
    ),
    "count_tokens": Pair(
        lambda ours, _: ours.count_tokens(MODEL, SAID, **TIMED),
        lambda gemini, _: gemini.models.count_tokens(model=MODEL, contents=CONTENTS),
    ),
}
