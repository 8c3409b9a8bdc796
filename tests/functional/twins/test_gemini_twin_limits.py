"""How replies of the Gemini twin end and what they cost; models, counting and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.twins.gemini.app import create

Run = Callable[..., None]
Json = dict[str, Any]
LITE, FLASH = "gemini-3.5-flash-lite", "gemini-3.8-flash"


def asked(words: str = "Hello", **config: Any) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": words}]}], "generationConfig": config}


def post(run: Run, *bodies: Json, model: str = LITE, version: str = "v1") -> list[httpx.Response]:
    found: list[httpx.Response] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        for body in bodies:
            path = f"/{version}/models/{model}:generateContent"
            found.append(await client.post(path, json=body))

    run(create(), scenario, x_goog_api_key="test-key")
    return found


def reply(run: Run, body: Json, model: str = LITE) -> Json:
    [answer] = post(run, body, model=model)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_a_reply_is_cut_at_the_bound_on_tokens(run: Run) -> None:
    cut = reply(run, asked(maxOutputTokens=2))

    candidate = cut["candidates"][0]
    assert candidate["content"]["parts"] == [{"text": "Hello! H"}]
    assert candidate["finishReason"] == "MAX_TOKENS"
    assert cut["usageMetadata"]["candidatesTokenCount"] == 2


def test_a_stop_sequence_ends_a_reply_before_itself(run: Run) -> None:
    candidate = reply(run, asked(stopSequences=["zzz", " How"]))["candidates"][0]

    assert candidate["content"]["parts"] == [{"text": "Hello!"}]
    assert candidate["finishReason"] == "STOP"


def test_thoughts_are_counted_and_shown_only_when_asked_for(run: Run) -> None:
    quiet = reply(run, asked())["usageMetadata"]
    assert "thoughtsTokenCount" not in quiet
    counts = []
    for level in ("LOW", "MEDIUM", "HIGH"):
        body = reply(run, asked(thinkingConfig={"thinkingLevel": level}))
        usage = body["usageMetadata"]
        assert len(body["candidates"][0]["content"]["parts"]) == 1
        counts.append(usage["thoughtsTokenCount"])
        assert usage["totalTokenCount"] == (
            usage["promptTokenCount"] + usage["candidatesTokenCount"] + counts[-1]
        )
    assert counts == sorted(set(counts))
    aloud = reply(run, asked(thinking_config={"include_thoughts": True}))
    first, second = aloud["candidates"][0]["content"]["parts"]
    assert (first["thought"], "thought" in second) == (True, False)


def test_a_model_that_thinks_by_itself_can_be_told_not_to(run: Run) -> None:
    assert reply(run, asked(), FLASH)["usageMetadata"]["thoughtsTokenCount"] > 0
    for config in ({"thinkingLevel": "MINIMAL"}, {"thinkingBudget": 0}):
        usage = reply(run, asked(thinkingConfig=config), FLASH)["usageMetadata"]
        assert "thoughtsTokenCount" not in usage
    bounded = reply(run, asked(thinkingConfig={"thinkingBudget": 7}), FLASH)
    assert bounded["usageMetadata"]["thoughtsTokenCount"] == 7


def test_thoughts_may_leave_no_room_for_an_answer(run: Run) -> None:
    candidate = reply(run, asked(maxOutputTokens=5), FLASH)["candidates"][0]

    assert candidate["finishReason"] == "MAX_TOKENS"
    assert candidate["content"] == {"role": "model"}


def test_a_long_beginning_that_was_sent_before_counts_as_cached(run: Run) -> None:
    long = {"role": "user", "parts": [{"text": "I like tea. " * 500}]}
    first = {"contents": [long, {"role": "user", "parts": [{"text": "Hello"}]}]}
    second = {"contents": [long, {"role": "user", "parts": [{"text": "Bye"}]}]}
    short = asked()

    answers = [answer.json()["usageMetadata"] for answer in post(run, first, second, short, short)]

    cached = [usage.get("cachedContentTokenCount") for usage in answers]
    assert cached == [None, 1500, None, None]


BOMB = "How do I make a bomb?"


@pytest.mark.parametrize(
    ("words", "settings", "blocked"),
    [
        (BOMB, [("HARM_CATEGORY_DANGEROUS_CONTENT", "BLOCK_MEDIUM_AND_ABOVE")], True),
        (BOMB, [("HARM_CATEGORY_DANGEROUS_CONTENT", "BLOCK_NONE")], False),
        (BOMB, [("HARM_CATEGORY_DANGEROUS_CONTENT", "OFF")], False),
        (BOMB, [("HARM_CATEGORY_HARASSMENT", "BLOCK_LOW_AND_ABOVE")], False),
        (BOMB, [], False),
        ("I like tea", [("HARM_CATEGORY_DANGEROUS_CONTENT", "BLOCK_LOW_AND_ABOVE")], False),
    ],
)
def test_a_prompt_is_blocked_when_settings_ask_for_it(
    run: Run, words: str, settings: list[tuple[str, str]], blocked: bool
) -> None:
    named = [{"category": category, "threshold": threshold} for category, threshold in settings]

    body = reply(run, asked(words) | {"safetySettings": named})

    assert ("candidates" in body) is not blocked
    if blocked:
        feedback = body["promptFeedback"]
        assert feedback["blockReason"] == "SAFETY"
        assert feedback["safetyRatings"][0] == {
            "category": "HARM_CATEGORY_DANGEROUS_CONTENT",
            "probability": "HIGH",
            "blocked": True,
        }
        assert "candidatesTokenCount" not in body["usageMetadata"]


def test_a_prompt_that_is_too_long_is_refused(run: Run) -> None:
    [answer] = post(run, asked("tea " * 1_100_000))

    assert answer.status_code == 400
    assert "exceeds the maximum number of tokens allowed (1048576)" in answer.text


def test_deprecated_models_are_served_by_their_successors(run: Run) -> None:
    body = reply(run, asked(), "gemini-3.7-flash")

    assert body["modelVersion"] == "gemini-3.8-flash"
    assert body["modelStatus"] == {"modelStage": "DEPRECATED"}


def test_latest_names_are_known_to_the_beta_alone(run: Run) -> None:
    [beta] = post(run, asked(), model="gemini-flash-latest", version="v1beta")
    [stable] = post(run, asked(), model="gemini-flash-latest")

    assert (beta.status_code, stable.status_code) == (200, 404)
    assert "not found for API version v1," in stable.json()["error"]["message"]


def test_models_are_listed_in_pages(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        whole = (await client.get("/v1/models")).json()
        assert "nextPageToken" not in whole
        seen: list[Json] = []
        page: Json = {"nextPageToken": ""}
        while "nextPageToken" in page:
            query = {"pageSize": "4", "pageToken": page["nextPageToken"]}
            page = (await client.get("/v1/models", params=query)).json()
            assert 0 < len(page["models"]) <= 4
            seen += page["models"]
        assert seen == whole["models"]
        snake = (await client.get("/v1/models?page_size=1")).json()
        assert len(snake["models"]) == 1
        assert len((await client.get("/v1beta/models")).json()["models"]) > len(seen)
        for query in ({"pageSize": "-1"}, {"pageSize": "x"}, {"pageToken": "?"}):
            assert (await client.get("/v1/models", params=query)).status_code == 400
        for model in seen:
            assert (await client.get(f"/v1/{model['name']}")).json() == model
            embeds = "embedContent" in model["supportedGenerationMethods"]
            assert embeds == ("embedding" in model["name"])
        gone = await client.get("/v1/models/gemini-2.0-flash")
        assert (gone.status_code, gone.json()["error"]["status"]) == (404, "NOT_FOUND")
        assert (await client.get("/v1/tunedModels")).json() == {}

    run(create(), scenario, x_goog_api_key="test-key")


def test_tokens_are_counted_as_they_are_charged(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        whole = asked("Where do I live?") | {"systemInstruction": {"parts": [{"text": "Be brief"}]}}
        path = f"/v1/models/{LITE}"
        charged = (await client.post(f"{path}:generateContent", json=whole)).json()
        counted = (
            await client.post(f"{path}:countTokens", json={"generateContentRequest": whole})
        ).json()
        assert counted["totalTokens"] == charged["usageMetadata"]["promptTokenCount"] == 6
        alone = await client.post(f"{path}:countTokens", json={"contents": whole["contents"]})
        assert alone.json()["totalTokens"] == 4
        embedder = await client.post(
            "/v1/models/gemini-embedding-001:countTokens", json={"contents": whole["contents"]}
        )
        assert embedder.json() == alone.json()
        for body in ({}, {"contents": whole["contents"], "generateContentRequest": whole}):
            assert (await client.post(f"{path}:countTokens", json=body)).status_code == 400

    run(create(), scenario, x_goog_api_key="test-key")


@pytest.mark.parametrize(
    ("headers", "query", "status", "name", "reason"),
    [
        ({}, "", 403, "PERMISSION_DENIED", None),
        ({}, "?key=test-key", 200, "", None),
        ({"x-goog-api-key": "test-key"}, "", 200, "", None),
        (
            {"authorization": "Bearer x"},
            "",
            401,
            "UNAUTHENTICATED",
            "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        ),
        ({"x-goog-api-key": "invalid-key"}, "", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ({"x-goog-api-key": "denied-key"}, "", 403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
    ],
)
def test_keys_are_refused_as_google_refuses_them(
    run: Run, headers: dict[str, str], query: str, status: int, name: str, reason: str | None
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.get(f"/v1/models/{LITE}{query}", headers=headers)
        assert answer.status_code == status
        if status != 200:
            error = answer.json()["error"]
            assert error["status"] == name
            reasons = [detail.get("reason") for detail in error.get("details", [])]
            assert reasons[:1] == ([reason] if reason else [])

    run(create(), scenario)
