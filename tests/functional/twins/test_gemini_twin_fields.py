"""The Gemini twin reads the fields that the SDK knows, in both spellings, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.genai import types
from pydantic import BaseModel

from local.twins.gemini.app import create
from local.twins.gemini.fields import snake
from local.twins.gemini.messages import MESSAGES

Run = Callable[..., None]
MODEL = "/v1/models/gemini-3.5-flash-lite:generateContent"
# What the SDK's types have for Google's enterprise platform, and refuses for this service.
ENTERPRISE = {
    "GenerationConfig": {"model_selection_config", "audio_timestamp", "routing_config"},
    "FunctionCall": {"partial_args", "will_continue"},
    "FunctionCallingConfig": {"stream_function_call_arguments"},
    "SafetySetting": {"method"},
    "Schema": {"additional_properties"},
    "Tool": {
        "retrieval",
        "enterprise_web_search",
        "parallel_ai_search",
        "exa_ai_search",
    },
    "EmbedContentConfig": {"mime_type", "http_options"},
}
# What the SDK sends beside the fields of its type.
BESIDE = {"GenerationConfig": {"image_config"}}


def post(run: Run, body: Any, path: str = MODEL) -> httpx.Response:
    found: list[httpx.Response] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        found.append(await client.post(path, json=body))

    run(create(), scenario, x_goog_api_key="test-key")
    return found[0]


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": [{"text": text}]}]


@pytest.mark.parametrize(
    "name", [name for name in MESSAGES if isinstance(getattr(types, name, None), type)]
)
def test_the_fields_are_those_of_the_sdks_type(name: str) -> None:
    kind: type[BaseModel] = getattr(types, name)
    known = set(kind.model_fields) - ENTERPRISE.get(name, set()) | BESIDE.get(name, set())

    assert {snake(field) for field in MESSAGES[name]} == known


def test_most_messages_were_compared() -> None:
    compared = {name for name in MESSAGES if isinstance(getattr(types, name, None), type)}

    assert MESSAGES.keys() - compared == {
        "GenerateContentRequest",
        "CountTokensRequest",
        "EmbedContentRequest",
        "BatchEmbedContentsRequest",
    }


def test_unknown_fields_are_named_with_their_place_all_at_once(run: Run) -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "Hello", "emphasis": 1}]}],
        "generationConfig": {"thinkingConfig": {"deep": True}},
        "mood": "good",
    }

    answer = post(run, body)

    assert answer.status_code == 400
    error = answer.json()["error"]
    [detail] = error["details"]
    places = [one.get("field", "") for one in detail["fieldViolations"]]
    assert error["status"] == "INVALID_ARGUMENT"
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert places == ["contents[0].parts[0]", "generation_config.thinking_config", ""]
    assert 'Unknown name "mood": Cannot find field.' in error["message"]
    assert "Unknown name \"emphasis\" at 'contents[0].parts[0]': Cannot find" in error["message"]


def test_both_spellings_and_lone_values_and_nulls_are_read(run: Run) -> None:
    body = {
        "contents": {"parts": {"text": "Hello there"}},
        "system_instruction": {"parts": {"text": "Be brief."}},
        "generation_config": {"max_output_tokens": "1", "stopSequences": None},
        "tools": None,
    }

    candidate = post(run, body).json()["candidates"][0]

    assert candidate["finishReason"] == "MAX_TOKENS"
    assert candidate["content"]["parts"] == [{"text": "Hell"}]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"contents": "Hello"}, "Invalid value at 'contents'"),
        ({"contents": [7]}, "contents[0]"),
        ({"contents": said("x"), "generationConfig": {"temperature": "warm"}}, "temperature"),
        ({"contents": said("x"), "generationConfig": {"maxOutputTokens": 1.5}}, "max_output"),
        ({"contents": said("x"), "generationConfig": {"stopSequences": [1]}}, "stop_sequences[0]"),
        ({"contents": said("x"), "generationConfig": {"responseMimeType": ["a"]}}, "mime_type"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "text"),
        ({"contents": [{"parts": [{"text": "x", "thoughtSignature": "%"}]}]}, "thought_signature"),
        ({"contents": [{"parts": [{"functionCall": {"args": []}}]}]}, "args"),
        (
            {"contents": said("x"), "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "mode",
        ),
        ({"contents": said("x"), "safetySettings": [{"category": "RUDE"}]}, "category"),
        (
            {"contents": said("x"), "generationConfig": {"thinkingConfig": {"thinkingLevel": "X"}}},
            "thinking_level",
        ),
        (
            {
                "contents": said("x"),
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseSchema": {"type": ["string", "null"]},
                },
            },
            "cannot start list",
        ),
        (
            {
                "contents": said("x"),
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseSchema": {
                        "type": "OBJECT",
                        "properties": {"a": {"type": "STRING"}},
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties",
        ),
    ],
)
def test_values_of_another_type_are_refused(run: Run, body: Any, place: str) -> None:
    answer = post(run, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert place in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "contents is not specified"),
        ({"contents": [{"role": "user"}]}, "contents.parts must not be empty"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "valid role"),
        ({"contents": [{"parts": [{}]}]}, "required oneof field 'data'"),
        (
            {"contents": [{"parts": [{"text": "x", "functionCall": {"name": "f"}}]}]},
            "oneof field 'data' is already set",
        ),
        ({"contents": said("x"), "systemInstruction": {"parts": []}}, "system_instruction.parts"),
        ({"contents": said("x"), "generationConfig": {"candidateCount": 2}}, "candidates"),
        ({"contents": said("x"), "generationConfig": {"temperature": 2.5}}, "temperature"),
        ({"contents": said("x"), "generationConfig": {"maxOutputTokens": 0}}, "max_output_tokens"),
        ({"contents": said("x"), "generationConfig": {"stopSequences": ["a"] * 6}}, "at most 5"),
        ({"contents": said("x"), "generationConfig": {"responseModalities": ["IMAGE"]}}, "image"),
        (
            {
                "contents": said("x"),
                "generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": 1}},
            },
            "thinking budget and thinking level",
        ),
    ],
)
def test_requests_that_the_service_would_not_take_are_refused(
    run: Run, body: Any, words: str
) -> None:
    answer = post(run, body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_cache_that_nobody_made_is_forbidden(run: Run) -> None:
    answer = post(run, {"contents": said("x"), "cachedContent": "cachedContents/abc"})

    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
