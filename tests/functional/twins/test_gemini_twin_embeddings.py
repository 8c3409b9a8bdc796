"""embedContent and batchEmbedContents on the Gemini twin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.twins.gemini.app import create

Run = Callable[..., None]
Json = dict[str, Any]
OLDER, NEWER = "gemini-embedding-001", "gemini-embedding-2"


def request(text: str, model: str = OLDER, **more: Any) -> Json:
    return {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **more}


def post(run: Run, body: Json, model: str = OLDER, method: str = "batchEmbedContents") -> Any:
    found: list[httpx.Response] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        found.append(await client.post(f"/v1/models/{model}:{method}", json=body))

    run(create(), scenario, x_goog_api_key="test-key")
    return found[0]


def vectors(run: Run, *texts: str, model: str = OLDER, **more: Any) -> list[list[float]]:
    answer = post(run, {"requests": [request(text, model, **more) for text in texts]}, model)
    assert answer.status_code == 200, answer.text
    return [one["values"] for one in answer.json()["embeddings"]]


def length(vector: list[float]) -> float:
    return math.sqrt(sum(value * value for value in vector))


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / length(one) / length(other)


@pytest.mark.parametrize("size", [3072, 768, 128])
def test_texts_that_share_stems_lie_nearer_than_those_that_share_none(run: Run, size: int) -> None:
    tea, teas, both, oslo = vectors(
        run,
        "I like green tea",
        "She liked green teas!",
        "Green tea is drunk in Oslo",
        "My flat is in Oslo",
        outputDimensionality=size,
    )

    assert cosine(tea, teas) > 0.99
    assert 0.3 < cosine(tea, both) < 0.9
    assert abs(cosine(tea, oslo)) < 0.3
    assert cosine(both, oslo) > cosine(tea, oslo)


@pytest.mark.parametrize(
    ("model", "size", "unit"),
    [(OLDER, None, True), (OLDER, 768, False), (NEWER, None, True), (NEWER, 768, True)],
)
def test_vectors_have_the_size_asked_for_and_length_one_where_the_service_makes_it(
    run: Run, model: str, size: int | None, unit: bool
) -> None:
    more = {"outputDimensionality": size} if size else {}

    [vector] = vectors(run, "I like tea", model=model, **more)

    assert len(vector) == (size or 3072)
    assert (abs(length(vector) - 1) < 1e-3) is unit


def test_a_shorter_vector_is_the_beginning_of_the_longer(run: Run) -> None:
    [long] = vectors(run, "I like tea")
    [short] = vectors(run, "I like tea", outputDimensionality=256)

    assert short == long[:256]


def test_the_same_text_has_the_same_vector_in_every_process(run: Run) -> None:
    once, again = vectors(run, "I like tea", "I like tea")

    assert once == again
    # A hash of the words, not Python's own, which differs from process to process.
    assert [round(value * math.sqrt(2 * 3072)) for value in once[:8]] == [-2, 0, 0, -2, 0, -2, 2, 0]


def test_one_text_and_a_batch_of_one_are_the_same(run: Run) -> None:
    alone = post(run, request("I like tea"), method="embedContent").json()

    assert alone["embedding"]["values"] == vectors(run, "I like tea")[0]
    assert alone["usageMetadata"]["promptTokenCount"] == 3


def test_a_content_of_several_parts_has_one_vector(run: Run) -> None:
    parts = [{"text": "I like"}, {"text": "tea"}]
    body = {"requests": [{"model": f"models/{NEWER}", "content": {"parts": parts}}]}

    assert len(post(run, body, NEWER).json()["embeddings"]) == 1


@pytest.mark.parametrize("text", ["the of", "!?", "😀", "\u0000", "x" * 20_000, "a\ud83dz"])
def test_any_text_has_a_vector(run: Run, text: str) -> None:
    [vector] = vectors(run, text.encode("utf-8", "replace").decode())

    assert length(vector) > 0.9


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "requests is not specified"),
        ({"requests": [request("x")] * 101}, "at most 100 requests can be in one batch"),
        ({"requests": [{"content": {"parts": [{"text": "x"}]}}]}, "unexpected model name format"),
        ({"requests": [request("x", NEWER)]}, "must match"),
        ({"requests": [{"model": f"models/{OLDER}"}]}, "content is not specified"),
        ({"requests": [request("")]}, "contains an empty Part"),
        ({"requests": [request("x", outputDimensionality=0)]}, "output_dimensionality"),
        ({"requests": [request("x", outputDimensionality=3073)]}, "output_dimensionality"),
        ({"requests": [request("x", taskType="GUESSING")]}, "task_type"),
        ({"requests": [request("x", dimensions=5)]}, 'Unknown name "dimensions"'),
        (
            {"requests": [request("x" * 9000, embedContentConfig={"autoTruncate": False})]},
            "exceeds the limit of 2048",
        ),
    ],
)
def test_requests_that_the_service_would_not_take_are_refused(
    run: Run, body: Json, words: str
) -> None:
    answer = post(run, body)

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in answer.json()["error"]["message"]


def test_a_hundred_and_every_kind_of_task_are_taken(run: Run) -> None:
    tasks = ["RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLUSTERING"]
    requests = [
        request(f"text {number}", taskType=tasks[number % 4], title="x", outputDimensionality=8)
        for number in range(100)
    ]

    assert len(post(run, {"requests": requests}).json()["embeddings"]) == 100


def test_each_model_does_what_it_is_for_and_nothing_else(run: Run) -> None:
    generated = {"contents": [{"parts": [{"text": "x"}]}]}
    for model, method, body in (
        (OLDER, "generateContent", generated),
        (OLDER, "streamGenerateContent", generated),
        ("gemini-3.8-flash", "embedContent", request("x", "gemini-3.8-flash")),
        ("gemini-3.8-flash", "batchEmbedContents", {"requests": [request("x")]}),
    ):
        answer = post(run, body, model, method)
        assert answer.status_code == 404
        assert f"is not supported for {method}" in answer.text


def test_only_plans_that_suit_an_embedding_are_used_up_by_one(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        path = f"/v1/models/{OLDER}:batchEmbedContents"
        body = {"requests": [request("x", outputDimensionality=2)]}
        await client.post("/_twin/next", json={"kind": "status", "status": 429, "retry": "1s"})
        busy = await client.post(path, json=body)
        assert busy.json()["error"]["details"][0]["retryDelay"] == "1s"
        await client.post("/_twin/next", json={"kind": "malformed"})
        with pytest.raises(ValueError, match="Expecting value"):
            (await client.post(path, json=body)).json()
        await client.post("/_twin/next", json={"kind": "text", "text": "for chat"})
        assert (await client.post(path, json=body)).status_code == 200
        chat = await client.post(
            "/v1/models/gemini-3.8-flash:generateContent",
            json={"contents": [{"parts": [{"text": "x"}]}]},
        )
        assert "for chat" in chat.text

    run(create(), scenario, x_goog_api_key="test-key")
