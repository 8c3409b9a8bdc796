"""google-genai on the Gemini twin: answers, streams, functions, schemas, vectors, errors."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.genai import types
from google.genai.errors import ClientError, ServerError
from pydantic import BaseModel

from tests.official.called import everything, refused
from tests.official.clients import Play
from tests.official.twin_process import TwinProcess

MODEL = "gemini-3.5-flash-lite"
EMBEDDING = "gemini-embedding-001"
VERSIONS = pytest.mark.parametrize("version", ["v1", "v1beta"])
RETRIED = types.HttpRetryOptions(
    attempts=3, initial_delay=0.01, max_delay=0.02, jitter=0.01, http_status_codes=[429, 503]
)


class City(BaseModel):
    name: str
    million_people: int
    rivers: list[str]


WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="The weather of a city.",
    parameters=types.Schema(
        type=types.Type.OBJECT,
        properties={"city": types.Schema(type=types.Type.STRING)},
        required=["city"],
    ),
)


@VERSIONS
def test_a_reply_has_text_reason_usage_and_version(gemini: Play, version: str) -> None:
    async def scenario(gemini: Any) -> None:
        reply = await gemini.models.generate_content(
            model=MODEL,
            contents="I live in Delhi. Where do I live?",
            config=types.GenerateContentConfig(
                system_instruction="Be brief.", temperature=0.0, max_output_tokens=200
            ),
        )
        assert "Delhi" in reply.text
        (candidate,) = reply.candidates
        assert candidate.finish_reason is types.FinishReason.STOP
        assert candidate.content.role == "model"
        used = reply.usage_metadata
        assert used.prompt_token_count > 0
        assert used.candidates_token_count > 0
        assert used.total_token_count >= used.prompt_token_count + used.candidates_token_count
        assert reply.model_version == MODEL
        assert reply.response_id

    gemini(scenario, api_version=version)


@VERSIONS
def test_a_stream_comes_in_parts_that_make_the_same_reply(
    gemini: Play, gemini_twin: TwinProcess, version: str
) -> None:
    words = " ".join(f"word{number}" for number in range(60))

    async def scenario(gemini: Any) -> None:
        gemini_twin.tell("next", kind="text", text=words)
        parts = await gemini.models.generate_content_stream(model=MODEL, contents="Hello")
        assert len(parts) > 1
        assert "".join(part.text or "" for part in parts) == words
        assert parts[-1].candidates[0].finish_reason is types.FinishReason.STOP
        assert parts[-1].usage_metadata.total_token_count > 0
        assert len({part.response_id for part in parts}) == 1

    gemini(scenario, api_version=version)


def test_a_function_is_called_and_its_result_used(gemini: Play) -> None:
    async def scenario(gemini: Any) -> None:
        asked = types.UserContent("What is the weather in Delhi?")
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[WEATHER])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        called = await gemini.models.generate_content(model=MODEL, contents=asked, config=config)
        (call,) = called.function_calls
        assert call.name == "get_weather"
        assert isinstance(call.args["city"], str)
        result = types.Part.from_function_response(
            name="get_weather", response={"result": "cloudy, 21 degrees"}
        )
        reply = await gemini.models.generate_content(
            model=MODEL,
            contents=[asked, called.candidates[0].content, types.UserContent([result])],
            config=config,
        )
        assert "cloudy" in reply.text
        assert not reply.function_calls

    gemini(scenario)


def test_functions_are_called_in_parallel(gemini: Play) -> None:
    forced = types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode.ANY
        )
    )
    time = types.FunctionDeclaration(
        name="get_time",
        description="The time in a city.",
        parameters=WEATHER.parameters,
    )

    async def scenario(gemini: Any) -> None:
        reply = await gemini.models.generate_content(
            model=MODEL,
            contents="What are the weather and the time in Delhi?",
            config=types.GenerateContentConfig(
                tools=[types.Tool(function_declarations=[WEATHER, time])], tool_config=forced
            ),
        )
        assert {call.name for call in reply.function_calls} == {"get_weather", "get_time"}

    gemini(scenario)


@pytest.mark.parametrize(
    "how",
    [{"response_schema": City}, {"response_json_schema": City.model_json_schema()}],
    ids=["model", "json schema"],
)
def test_a_reply_keeps_to_the_schema(gemini: Play, how: dict[str, Any]) -> None:
    async def scenario(gemini: Any) -> None:
        reply = await gemini.models.generate_content(
            model=MODEL,
            contents="Tell me about Delhi.",
            config=types.GenerateContentConfig(response_mime_type="application/json", **how),
        )
        assert City.model_validate_json(reply.text).name
        if "response_schema" in how:
            assert isinstance(reply.parsed, City)

    gemini(scenario)


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"kind": "max_tokens"}, types.FinishReason.MAX_TOKENS),
        ({"kind": "safety"}, types.FinishReason.SAFETY),
        ({"kind": "finish", "finish": "RECITATION"}, types.FinishReason.RECITATION),
        (
            {"kind": "finish", "finish": "MALFORMED_FUNCTION_CALL"},
            types.FinishReason.MALFORMED_FUNCTION_CALL,
        ),
    ],
    ids=str,
)
def test_a_reply_that_did_not_come_to_its_end_says_why(
    gemini: Play, gemini_twin: TwinProcess, plan: dict[str, Any], reason: types.FinishReason
) -> None:
    async def scenario(gemini: Any) -> None:
        gemini_twin.tell("next", **plan)
        reply = await gemini.models.generate_content(model=MODEL, contents="Hello")
        assert reply.candidates[0].finish_reason is reason

    gemini(scenario)


def test_a_blocked_prompt_has_no_candidate_and_says_why(
    gemini: Play, gemini_twin: TwinProcess
) -> None:
    async def scenario(gemini: Any) -> None:
        gemini_twin.tell("next", kind="blocked")
        reply = await gemini.models.generate_content(model=MODEL, contents="Hello")
        assert not reply.candidates
        assert reply.text is None
        assert reply.prompt_feedback.block_reason is types.BlockedReason.SAFETY

    gemini(scenario)


@VERSIONS
def test_vectors_are_the_same_for_the_same_and_near_for_alike_words(
    gemini: Play, version: str
) -> None:
    async def scenario(gemini: Any) -> None:
        texts = ["I like green teas", "She liked a green tea", "The bus to Pune is late"]
        answer = await gemini.models.embed_content(
            model=EMBEDDING,
            contents=texts,
            config=types.EmbedContentConfig(
                task_type="SEMANTIC_SIMILARITY", output_dimensionality=768
            ),
        )
        vectors = [each.values for each in answer.embeddings]
        assert [len(vector) for vector in vectors] == [768] * 3
        single = await gemini.models.embed_content(
            model=EMBEDDING,
            contents=texts[0],
            config=types.EmbedContentConfig(
                task_type="SEMANTIC_SIMILARITY", output_dimensionality=768
            ),
        )
        assert single.embeddings[0].values == vectors[0]
        assert _cosine(vectors[0], vectors[1]) > _cosine(vectors[0], vectors[2]) + 0.2

    gemini(scenario, api_version=version)


def _cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


@VERSIONS
def test_tokens_are_counted_and_grow_with_the_text(gemini: Play, version: str) -> None:
    async def scenario(gemini: Any) -> None:
        counts = [
            (await gemini.models.count_tokens(model=MODEL, contents="tea " * many)).total_tokens
            for many in (1, 10, 100)
        ]
        assert counts == sorted(set(counts))

    gemini(scenario, api_version=version)


@VERSIONS
def test_models_are_listed_page_by_page_and_told_one_by_one(gemini: Play, version: str) -> None:
    async def scenario(gemini: Any) -> None:
        pager = await gemini.models.list(config={"page_size": 2})
        assert len(pager) == 2
        listed = await everything(pager)
        assert len(listed) > 2
        assert len({model.name for model in listed}) == len(listed)
        assert f"models/{MODEL}" in {model.name for model in listed}
        model = await gemini.models.get(model=MODEL)
        assert model in listed
        assert model.input_token_limit > 0
        assert "generateContent" in model.supported_actions

    gemini(scenario, api_version=version)


def test_a_model_that_is_not_there_is_404_everywhere(gemini: Play) -> None:
    async def scenario(gemini: Any) -> None:
        for call in (
            gemini.models.get(model="gemini-0"),
            gemini.models.generate_content(model="gemini-0", contents="Hello"),
            gemini.models.generate_content_stream(model="gemini-0", contents="Hello"),
            gemini.models.count_tokens(model="gemini-0", contents="Hello"),
            gemini.models.embed_content(model="gemini-0", contents="Hello"),
        ):
            error = await refused(call, ClientError)
            assert (error.code, error.status) == (404, "NOT_FOUND")

    gemini(scenario)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", ClientError),
        (403, "PERMISSION_DENIED", ClientError),
        (404, "NOT_FOUND", ClientError),
        (429, "RESOURCE_EXHAUSTED", ClientError),
        (500, "INTERNAL", ServerError),
        (503, "UNAVAILABLE", ServerError),
        (504, "DEADLINE_EXCEEDED", ServerError),
    ],
)
def test_a_status_is_a_class_and_one_attempt_is_made_unless_more_are_asked_for(
    gemini: Play, gemini_twin: TwinProcess, status: int, name: str, kind: type[Exception]
) -> None:
    async def scenario(gemini: Any) -> None:
        gemini_twin.tell("next", kind="status", status=status, message="no luck", retry=1)
        error = await refused(
            gemini.models.generate_content(model=MODEL, contents="Hello"),
            kind,
        )
        assert isinstance(error, ClientError | ServerError)
        assert (error.code, error.status, error.message) == (status, name, "no luck")
        if status == 429:
            details = error.details["error"]["details"]
            assert any(each["@type"].endswith("RetryInfo") for each in details)

    gemini(scenario)
    assert len(gemini_twin.records()) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_attempts_are_made_as_often_as_asked_for(
    gemini: Play, gemini_twin: TwinProcess, status: int
) -> None:
    async def scenario(gemini: Any) -> None:
        gemini_twin.tell("next", kind="status", status=status, times=2)
        reply = await gemini.models.generate_content(model=MODEL, contents="Hello")
        assert reply.text
        gemini_twin.tell("next", kind="status", status=status, times=3)
        await refused(
            gemini.models.generate_content(model=MODEL, contents="Hello"),
            ClientError if status == 429 else ServerError,
        )

    gemini(scenario, retry_options=RETRIED)
    assert [record["status"] for record in gemini_twin.records()] == [
        status,
        status,
        200,
        status,
        status,
        status,
    ]


def test_an_error_in_the_middle_of_a_stream_is_raised(
    gemini: Play, gemini_twin: TwinProcess
) -> None:
    async def scenario(gemini: Any) -> None:
        gemini_twin.tell("next", kind="stream_error", status=503, message="no luck")
        error = await refused(
            gemini.models.generate_content_stream(model=MODEL, contents="Hello there"),
            ServerError,
        )
        assert error.code == 503

    gemini(scenario)


def test_an_html_page_in_place_of_an_error_is_an_error_by_its_status(
    gemini: Play, gemini_twin: TwinProcess
) -> None:
    gemini_twin.fault("*", "html", status=502)

    async def scenario(gemini: Any) -> None:
        error = await refused(
            gemini.models.generate_content(model=MODEL, contents="Hello"), ServerError
        )
        assert error.code == 502

    gemini(scenario)
