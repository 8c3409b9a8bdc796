"""Our own Gemini client on the twin: two readings of one contract."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field

from local.twins.gemini.app import create
from tandem.clients.connections import build_http_client
from tandem.clients.gemini import GeminiClient
from tandem.clients.gemini_models import Said
from tandem.clients.http import ProviderHttp
from tandem.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)

MODEL, EMBEDDER = "gemini-3.5-flash-lite", "gemini-embedding-001"


class Verdict(BaseModel):
    """What a judge might say of one pair."""

    pair: int
    relation: Literal["same", "update", "contradiction", "distinct"]


class Verdicts(BaseModel):
    """What a judge might say."""

    verdicts: list[Verdict]


Scenario = Callable[[GeminiClient], Awaitable[Any]]


def run(scenario: Scenario, *plans: dict[str, Any], key: str = "test-key") -> Any:
    """What the scenario gives, after the plans were queued."""

    async def main() -> Any:
        transport = httpx.ASGITransport(create())
        async with build_http_client(base_url="http://twin", transport=transport) as http:
            for plan in plans:
                assert (await http.post("/_twin/next", json=plan)).status_code == 200
            return await scenario(GeminiClient(ProviderHttp("gemini", http), api_key=lambda: key))

    return asyncio.run(main())


def ask(gemini: GeminiClient, model: str = MODEL, bound: int = 500) -> Awaitable[Verdicts]:
    return gemini.structured(
        model,
        [Said("user", "Pair 7: <Lives in Pune> and <Lives in Thane>. Is it a contradiction?")],
        answer=Verdicts,
        system="You compare statements.",
        max_output_tokens=bound,
        timeout_seconds=5,
    )


def test_a_structured_answer_is_valid() -> None:
    found = run(ask)

    assert found.verdicts == [Verdict(pair=7, relation="contradiction")]


class Batch(BaseModel):
    """What a judge might say of twenty pairs."""

    model_config = ConfigDict(extra="forbid")
    verdicts: list[Verdict] = Field(min_length=20, max_length=20)


@pytest.mark.parametrize("model", [MODEL, "gemini-3.8-flash"])
def test_twenty_pairs_are_judged_in_one_call(model: str) -> None:
    pairs = "\n".join(
        f"Pair {n}: <Lives in Pune since {2000 + n}> and <Lives in Thane \U0001f60a>."
        for n in range(1, 21)
    )

    async def scenario(gemini: GeminiClient) -> Batch:
        said = [Said("user", pairs), Said("user", "Judge each pair.")]
        counted = await gemini.count_tokens(model, said, timeout_seconds=5)
        assert 300 < counted < 600
        return await gemini.structured(
            model, said, answer=Batch, max_output_tokens=2_000, timeout_seconds=5
        )

    assert len(run(scenario).verdicts) == 20


def test_a_batch_that_does_not_fit_gives_no_verdict_at_all() -> None:
    with pytest.raises(UpstreamRejected) as caught:
        run(
            lambda gemini: gemini.structured(
                MODEL,
                [Said("user", "Judge each pair.")],
                answer=Batch,
                max_output_tokens=100,
                timeout_seconds=5,
            )
        )

    assert caught.value.code == "reply_cut"


def test_vectors_and_counts_come() -> None:
    texts = [f"I like tea and number {number}" for number in range(150)]

    async def scenario(gemini: GeminiClient) -> None:
        vectors = await gemini.embed(
            EMBEDDER, texts, task="SEMANTIC_SIMILARITY", dimensions=16, timeout_seconds=10
        )
        [alone] = await gemini.embed(EMBEDDER, texts[140:141], dimensions=16, timeout_seconds=5)
        assert len(vectors) == 150
        assert vectors[140] == alone
        assert (
            await gemini.count_tokens(MODEL, [Said("user", "I like tea")], timeout_seconds=5) == 3
        )

    run(scenario)


@pytest.mark.parametrize(
    ("plan", "kind", "reason"),
    [
        ({"kind": "blocked"}, UpstreamRejected, "blocked"),
        ({"kind": "safety"}, UpstreamRejected, "blocked"),
        ({"kind": "max_tokens"}, UpstreamRejected, "cut"),
        ({"kind": "empty"}, UpstreamUnavailable, "no_reply"),
        ({"kind": "finish", "finish": "MALFORMED_RESPONSE"}, UpstreamUnavailable, "no_reply"),
        ({"kind": "no_text"}, UpstreamUnavailable, "unreadable"),
        ({"kind": "text", "text": "Sure!"}, UpstreamUnavailable, "unreadable"),
        ({"kind": "malformed"}, UpstreamUnavailable, "unreadable"),
        (
            {"kind": "status", "status": 429, "retry": "30s"},
            UpstreamRateLimited,
            "status",
        ),
        ({"kind": "status", "status": 503, "times": 3}, UpstreamUnavailable, "status"),
        ({"kind": "status", "status": 400}, UpstreamRejected, "status"),
    ],
)
def test_each_way_to_fail_is_one_of_our_errors(
    plan: dict[str, Any], kind: type[UpstreamError], reason: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        run(ask, plan)

    assert (type(caught.value), caught.value.context["reason"]) == (kind, reason)


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        (lambda gemini: ask(gemini, "gemini-0"), 404),
        (lambda gemini: ask(gemini, EMBEDDER), 404),
        (lambda gemini: ask(gemini, bound=0), 400),
        (lambda gemini: gemini.embed(MODEL, ["x"], timeout_seconds=5), 404),
        (lambda gemini: gemini.embed(EMBEDDER, [""], timeout_seconds=5), 400),
        (lambda gemini: gemini.embed(EMBEDDER, ["x"], dimensions=0, timeout_seconds=5), 400),
        (lambda gemini: gemini.embed(EMBEDDER, ["x"], dimensions=-3, timeout_seconds=5), 400),
        (lambda gemini: gemini.count_tokens(MODEL, [], timeout_seconds=5), 400),
    ],
)
def test_what_gemini_refuses_for_good_is_rejected(scenario: Scenario, status: int) -> None:
    with pytest.raises(UpstreamRejected) as caught:
        run(scenario)

    assert caught.value.status == status


def test_an_answer_that_does_not_fit_is_cut_and_says_so() -> None:
    with pytest.raises(UpstreamRejected) as caught:
        run(lambda gemini: ask(gemini, bound=3))

    assert caught.value.code == "reply_cut"


@pytest.mark.parametrize("key", ["denied-key", "", "invalid"])
def test_a_key_that_is_not_good_is_an_error_about_us_without_the_key(key: str) -> None:
    with pytest.raises(UpstreamUnavailable) as caught:
        run(ask, key=key)

    error = caught.value
    shown = f"{error!r} {error.detail} {error.context} {error.__cause__!r}"
    assert error.status in {400, 403}
    assert not key or key not in shown
    assert "API" not in shown
