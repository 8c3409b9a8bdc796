"""What our Gemini client makes of answers: whole ones, cut ones, refusals and junk."""

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from tandem.clients.gemini import GeminiClient
from tandem.clients.gemini_models import Said
from tandem.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.contract.gemini_calls import CALLS, EMBEDDER, MODEL, Verdict, failure, replying, run
from tests.contract.wire import Recorder

PRIVATE = "what the person said"
STRUCTURED = CALLS["structured"][0]


def answered(body: Any, name: str = "structured") -> Any:
    return run(Recorder([httpx.Response(200, json=body)]), CALLS[name][0])


def failed(body: Any, name: str = "structured") -> UpstreamError:
    error = failure(Recorder([httpx.Response(200, json=body)]), CALLS[name][0])
    assert PRIVATE not in f"{error!r} {error.detail} {error.context} {error.__cause__!r}"
    return error


def test_a_structured_answer_is_an_instance_of_what_was_asked_for() -> None:
    body = replying('{"relation": "distinct", "confidence": 0.25}')

    assert answered(body) == Verdict(relation="distinct", confidence=0.25)


def test_thoughts_are_no_part_of_the_answer_and_its_parts_are_joined() -> None:
    body = replying("")
    body["candidates"][0]["content"]["parts"] = [
        {"text": '{"relation": "distinct"', "thought": True},
        {"text": '{"relation": "same", '},
        {"text": '"confidence": 1}', "thoughtSignature": "c2ln"},
    ]

    assert answered(body) == Verdict(relation="same", confidence=1)


@pytest.mark.parametrize(
    ("body", "kind", "reason", "code"),
    [
        (
            {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}},
            UpstreamRejected,
            "blocked",
            "reply_blocked",
        ),
        (
            {"candidates": [{"finishReason": "SAFETY", "index": 0}]},
            UpstreamRejected,
            "blocked",
            "reply_blocked",
        ),
        (replying(PRIVATE, finish="RECITATION"), UpstreamRejected, "blocked", "reply_blocked"),
        (replying("{", finish="MAX_TOKENS"), UpstreamRejected, "cut", "reply_cut"),
        (
            replying('{"relation": "same", "confidence": 1}', finish="MAX_TOKENS"),
            UpstreamRejected,
            "cut",
            "reply_cut",
        ),
        ({"usageMetadata": {}}, UpstreamUnavailable, "no_reply", "reply_missing"),
        (replying(PRIVATE, finish="OTHER"), UpstreamUnavailable, "no_reply", "reply_missing"),
        (replying(PRIVATE, finish=None), UpstreamUnavailable, "no_reply", "reply_missing"),
        (replying(PRIVATE), UpstreamUnavailable, "unreadable", "upstream_unavailable"),
        (replying(""), UpstreamUnavailable, "unreadable", "upstream_unavailable"),
        (
            replying(f'{{"relation": "{PRIVATE}", "confidence": 1}}'),
            UpstreamUnavailable,
            "unreadable",
            "upstream_unavailable",
        ),
        (
            replying('{"relation": "same"'),
            UpstreamUnavailable,
            "unreadable",
            "upstream_unavailable",
        ),
    ],
)
def test_only_a_whole_answer_counts(
    body: Any, kind: type[UpstreamError], reason: str, code: str
) -> None:
    error = failed(body)

    assert (type(error), error.context["reason"], error.code) == (kind, reason, code)


def test_a_schema_of_the_callers_own_is_sent_in_place_of_the_models() -> None:
    schema = {"type": "object", "propertyOrdering": ["confidence", "relation"]}
    recorder = Recorder([httpx.Response(200, json=CALLS["structured"][1])])

    run(
        recorder,
        lambda gemini: gemini.structured(
            MODEL,
            [Said("user", "x")],
            answer=Verdict,
            schema=schema,
            max_output_tokens=5,
            timeout_seconds=0.2,
        ),
    )

    assert recorder.body["generationConfig"]["responseJsonSchema"] == schema
    assert "systemInstruction" not in recorder.body
    assert recorder.requests[0].headers["x-server-timeout"] == "1"


def test_vectors_come_in_the_order_of_the_texts_whatever_their_number() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        recorder.requests.append(request)
        sizes.append(len(recorder.body["requests"]))
        vectors = [
            {"values": [float(one["content"]["parts"][0]["text"])]}
            for one in recorder.body["requests"]
        ]
        return httpx.Response(200, json={"embeddings": vectors})

    recorder = Recorder([])
    recorder._answer = answer  # type: ignore[method-assign]
    texts = [str(number) for number in range(205)]

    vectors = run(
        recorder, lambda gemini: gemini.embed(EMBEDDER, texts, dimensions=1, timeout_seconds=5)
    )

    assert vectors == [(float(text),) for text in texts]
    assert sizes == [100, 100, 5]


@pytest.mark.parametrize(("dimensions", "calls"), [(None, 2), (3_072, 2), (768, 1)])
def test_long_vectors_are_asked_for_in_smaller_calls(dimensions: int | None, calls: int) -> None:
    size = dimensions or 3_072
    replies = [
        httpx.Response(200, json={"embeddings": [{"values": [0.5] * size}] * count})
        for count in ([65, 35] if calls == 2 else [100])
    ]
    recorder = Recorder([*replies])

    vectors = run(
        recorder,
        lambda gemini: gemini.embed(
            EMBEDDER, ["x"] * 100, dimensions=dimensions, timeout_seconds=5
        ),
    )

    assert len(vectors) == 100
    assert len(recorder.requests) == calls


def test_no_texts_make_no_call() -> None:
    recorder = Recorder([httpx.Response(500)])

    assert run(recorder, lambda gemini: gemini.embed(EMBEDDER, [], timeout_seconds=5)) == []
    assert recorder.requests == []


@pytest.mark.parametrize(
    "vectors",
    [
        [[1, 2, 3]],
        [[1, 2, 3], [1, 2]],
        [[1, 2], [1, 2]],
        [[], []],
        [[1, 2, 3], None],
        [[1, 2, 3], [1, 2, PRIVATE]],
    ],
)
def test_vectors_that_are_missing_or_of_another_length_are_not_used(vectors: list[Any]) -> None:
    error = failed({"embeddings": [{"values": vector} for vector in vectors]}, "embed")

    assert isinstance(error, UpstreamUnavailable)
    assert error.context["reason"] == "unreadable"


def test_the_count_is_a_number() -> None:
    assert answered({"totalTokens": 31, "cachedContentTokenCount": 0}, "count_tokens") == 31


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UpstreamRejected),
        (401, UpstreamUnavailable),
        (403, UpstreamUnavailable),
        (404, UpstreamRejected),
        (429, UpstreamRateLimited),
        (500, UpstreamUnavailable),
        (503, UpstreamUnavailable),
        (504, UpstreamTimeout),
    ],
)
def test_googles_errors_become_ours_whatever_their_body(
    name: str, status: int, kind: type[UpstreamError]
) -> None:
    envelope = {"error": {"code": status, "message": PRIVATE, "status": "X", "details": [{}]}}
    for reply in (
        httpx.Response(status, json=envelope),
        httpx.Response(status, json=[envelope]),
        httpx.Response(status, html=f"<html>{PRIVATE}</html>"),
        httpx.Response(status, content=b""),
    ):
        error = failure(Recorder([reply]), CALLS[name][0])

        assert (type(error), error.status, error.provider) == (kind, status, "gemini")
        assert PRIVATE not in f"{error!r} {error.detail} {error.context} {error.__cause__!r}"


def refusal(status: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": 400, "message": PRIVATE, "status": status, "details": [*details]}}


BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (refusal("INVALID_ARGUMENT", BAD_KEY, {"@type": "x", "message": PRIVATE}), "key"),
        (refusal("FAILED_PRECONDITION"), "plan"),
        (refusal("INVALID_ARGUMENT"), "request"),
        (refusal("INVALID_ARGUMENT", {"reason": PRIVATE}), "request"),
        (refusal("INVALID_ARGUMENT", {"reason": ["API_KEY_INVALID"]}), "request"),
        (refusal("INVALID_ARGUMENT", "API_KEY_INVALID"), "request"),
        ({"error": {"details": {"reason": "API_KEY_INVALID"}}}, "request"),
        ({"error": "API_KEY_INVALID"}, "request"),
        (["API_KEY_INVALID"], "request"),
    ],
)
def test_a_wrong_key_is_about_us_and_not_about_the_request(name: str, body: Any, kind: str) -> None:
    recorder = Recorder([httpx.Response(400, json=body)])

    error = failure(recorder, CALLS[name][0])

    assert type(error) is (UpstreamRejected if kind == "request" else UpstreamUnavailable)
    assert error.status == 400
    assert len(recorder.requests) == 1
    assert PRIVATE not in f"{error!r} {error.detail} {error.context} {error.__cause__!r}"


@pytest.mark.parametrize(
    ("delay", "header", "seconds"),
    [
        ("30s", None, 30),
        ("34.074824224s", None, 35),
        ("30s", "40", 40),
        ("999999999s", None, 86_400),
        ("0s", None, 0),
        ("-1s", None, None),
        ("soon", None, None),
        (30, None, None),
        (None, None, None),
    ],
)
def test_a_wait_is_read_from_the_body_where_no_header_says_it(
    delay: Any, header: str | None, seconds: int | None
) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    headers = {"retry-after": header} if header else {}
    busy = httpx.Response(429, json=refusal("RESOURCE_EXHAUSTED", {}, info), headers=headers)
    recorder = Recorder([busy])

    error = failure(recorder, CALLS["count_tokens"][0])

    assert (type(error), error.retry_after_seconds) == (UpstreamRateLimited, seconds)
    # A wait beyond the deadline is not begun.
    assert len(recorder.requests) == (1 if seconds else 3)


def test_a_wait_that_fits_the_deadline_is_waited() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
    call, answer = CALLS["count_tokens"]
    busy = httpx.Response(503, json=refusal("UNAVAILABLE", info))
    recorder = Recorder([busy, httpx.Response(200, json=answer)])

    assert run(recorder, call) == 31
    assert recorder.waits == [2]


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html></html>",
        b"[1]",
        b'"ok"',
        b'{"error": 1',
        b"{}",
        b'{"message": "hello"}',
        b'{"candidates": 1}',
        b'{"candidates": [1]}',
        b'{"candidates": [{"content": 1}]}',
        b'{"candidates": [{"content": {"parts": {"a": 1}}}]}',
        b'{"candidates": [{"content": {"parts": [{"text": 1}]}, "finishReason": "STOP"}]}',
        b'{"candidates": [], "promptFeedback": 7}',
        b'{"embeddings": {}}',
        b'{"embeddings": [7]}',
        b'{"totalTokens": "many"}',
    ],
)
def test_a_success_with_junk_means_unavailable(name: str, content: bytes) -> None:
    error = failure(Recorder([httpx.Response(200, content=content)]), CALLS[name][0])

    assert isinstance(error, UpstreamUnavailable)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_busy_gemini_is_asked_again_with_the_same_words(name: str) -> None:
    call, answer = CALLS[name]
    recorder = Recorder(
        [httpx.Response(503), httpx.Response(429), httpx.Response(200, json=answer)]
    )

    run(recorder, call)

    assert len({request.content for request in recorder.requests}) == 1
    assert [one.outcome for one in recorder.calls] == ["unavailable", "rate_limited", "ok"]


def test_the_key_is_asked_anew_for_each_call() -> None:
    recorder = Recorder([httpx.Response(200, json={"totalTokens": 1})])
    keys = iter(["old", "new\n"])

    async def scenario() -> None:
        gemini = GeminiClient(recorder.http("gemini"), api_key=lambda: next(keys))
        for _ in range(2):
            await gemini.count_tokens(MODEL, [Said("user", "x")], timeout_seconds=5)

    asyncio.run(scenario())

    assert [sent.headers["x-goog-api-key"] for sent in recorder.requests] == ["old", "new"]


def test_a_model_id_stays_in_its_place_in_the_path() -> None:
    recorder = Recorder([httpx.Response(200, json={"totalTokens": 1})])

    run(
        recorder,
        lambda gemini: gemini.count_tokens("../x?key=1", [Said("user", "x")], timeout_seconds=5),
    )

    assert recorder.path == "/v1/models/..%2Fx%3Fkey%3D1:countTokens"


class Nothing(BaseModel):
    """An answer that may be empty."""


def test_an_empty_object_is_an_answer_where_it_is_valid() -> None:
    found = run(
        Recorder([httpx.Response(200, json=replying("{}"))]),
        lambda gemini: gemini.structured(
            MODEL, [Said("user", "x")], answer=Nothing, max_output_tokens=9, timeout_seconds=5
        ),
    )

    assert found == Nothing()
