"""Only a whole reply reaches a person; everything else becomes an error without Gemini's words."""

import asyncio
import json
import logging
import time
from typing import Any

import httpx
import pytest

from chat_api.answering import silence_agno
from chat_api.turn import ModelReply, Prompt
from tandem import errors
from tests.functional.chat_wires import (
    Gemini,
    Step,
    Stores,
    answering,
    calls,
    fails,
    never,
    prompt,
    says,
)
from tests.own_process import run_python

WORDS = "Words of Google's that nobody may read"


@pytest.fixture(autouse=True)
def silence() -> None:
    silence_agno()


def ask(gemini: Gemini, given: Prompt | None = None, *, seconds: float = 20.0) -> ModelReply:
    async def story() -> ModelReply:
        return await answering(gemini).answer(
            given or prompt(), Stores().toolbox(), seconds=seconds
        )

    return asyncio.run(story())


def failure_of(*script: Step, seconds: float = 20.0) -> errors.AppError:
    with pytest.raises(errors.AppError) as failed:
        ask(Gemini(*script), seconds=seconds)
    return failed.value


def google_says(status: int, name: str) -> Step:
    return fails(status, {"error": {"code": status, "message": WORDS, "status": name}})


def raw(body: str) -> Step:
    return httpx.Response(200, content=body, headers={"content-type": "application/json"})


def finished(reason: str) -> Step:
    return says(WORDS, reason)


FAILURES: list[tuple[str, Step, type[errors.AppError], str, int]] = [
    ("429", google_says(429, "RESOURCE_EXHAUSTED"), errors.UpstreamRateLimited, "", 2),
    ("400", google_says(400, "INVALID_ARGUMENT"), errors.UpstreamRejected, "", 1),
    ("401", google_says(401, "UNAUTHENTICATED"), errors.UpstreamUnavailable, "", 1),
    ("403", google_says(403, "PERMISSION_DENIED"), errors.UpstreamUnavailable, "", 1),
    ("404", google_says(404, "NOT_FOUND"), errors.UpstreamRejected, "", 1),
    ("408", google_says(408, "TIMEOUT"), errors.UpstreamTimeout, "", 1),
    ("500", google_says(500, "INTERNAL"), errors.UpstreamUnavailable, "", 2),
    ("503", google_says(503, "UNAVAILABLE"), errors.UpstreamUnavailable, "", 2),
    ("504", google_says(504, "DEADLINE_EXCEEDED"), errors.UpstreamTimeout, "", 1),
    ("HTML 502", fails(502, b"<html>" + WORDS.encode()), errors.UpstreamUnavailable, "", 2),
    ("HTML 200", raw(f"<html>{WORDS}"), errors.UpstreamUnavailable, "", 1),
    ("redirect", fails(302, b"", location="http://a.test"), errors.UpstreamUnavailable, "", 1),
    ("read timeout", httpx.ReadTimeout(WORDS), errors.UpstreamTimeout, "", 1),
    ("connect timeout", httpx.ConnectTimeout(WORDS), errors.UpstreamTimeout, "", 2),
    ("no connection", httpx.ConnectError(WORDS), errors.UpstreamUnavailable, "", 2),
    ("reset", httpx.ReadError(WORDS), errors.UpstreamUnavailable, "", 2),
    ("safety", finished("SAFETY"), errors.UpstreamUnavailable, "reply_blocked", 1),
    ("recitation", finished("RECITATION"), errors.UpstreamUnavailable, "reply_blocked", 1),
    ("other", finished("OTHER"), errors.UpstreamUnavailable, "reply_blocked", 1),
    ("unheard of", finished("FOUL_MOOD"), errors.UpstreamUnavailable, "reply_blocked", 1),
    # Agno asks the model once more, with guidance, and then gives up.
    ("malformed", finished("MALFORMED_FUNCTION_CALL"), errors.UpstreamError, "reply_blocked", 2),
    (
        "blocked prompt",
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": WORDS}},
        errors.UpstreamUnavailable,
        "reply_blocked",
        1,
    ),
    ("cut", finished("MAX_TOKENS"), errors.UpstreamUnavailable, "reply_cut", 1),
    (
        # The SDK would go on by itself, with calls that nobody counts.
        "continuation",
        says(WORDS, "CONTINUATION", continuationToken="dG9r"),
        errors.UpstreamUnavailable,
        "reply_cut",
        1,
    ),
    ("no candidates", {"candidates": []}, errors.UpstreamUnavailable, "reply_empty", 1),
    ("nothing at all", {}, errors.UpstreamUnavailable, "reply_empty", 1),
    ("no parts", says(None), errors.UpstreamUnavailable, "reply_empty", 1),
    ("empty text", says(""), errors.UpstreamUnavailable, "reply_empty", 1),
    ("white space", says(" \n\t "), errors.UpstreamUnavailable, "reply_empty", 1),
    ("only NUL", says("\x00\x00"), errors.UpstreamUnavailable, "reply_empty", 1),
    ("no finish reason", says(WORDS, None), errors.UpstreamUnavailable, "reply_empty", 1),
]


@pytest.mark.parametrize(
    ("step", "kind", "code", "attempts"),
    [row[1:] for row in FAILURES],
    ids=[row[0] for row in FAILURES],
)
def test_what_is_no_whole_reply_is_an_error_without_a_word_of_geminis(
    step: Step,
    kind: type[errors.AppError],
    code: str,
    attempts: int,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    gemini = Gemini(step)
    caplog.set_level(logging.DEBUG)

    with pytest.raises(errors.UpstreamError) as failed:
        ask(gemini)

    error = failed.value
    assert isinstance(error, kind)
    assert error.code == (code or kind.default_code)
    assert error.provider == "gemini"
    assert len(gemini.sent) == attempts
    told = [str(error), repr(error), error.detail, json.dumps(error.context)]
    told += [*capfd.readouterr(), caplog.text]
    assert not [text for text in told if WORDS in text]
    assert not [line for line in caplog.records if line.name.startswith(("agno", "google"))]


def test_in_a_process_of_its_own_nothing_is_printed_but_our_own_lines() -> None:
    # Agno's handlers hold the standard output of the moment in which they are made.
    code = f"""
import asyncio
from chat_api.answering import silence_agno
from tests.functional.chat_wires import Gemini, Stores, answering, fails, never, prompt, says
silence_agno()
async def story():
    error = {{"error": {{"code": 400, "message": "{WORDS}", "status": "{WORDS}"}}}}
    for step in (fails(400, error), says("{WORDS}", "{WORDS}"), never, ValueError("{WORDS}")):
        try:
            await answering(Gemini(step)).answer(
                prompt("{WORDS}"), Stores().toolbox(), seconds=0.2
            )
        except Exception as error:
            print('{{"raised": "' + type(error).__name__ + '"}}', flush=True)
asyncio.run(story())
"""
    ran = run_python(
        code, "layers/common", "functions/chat", ".", environment={"AGNO_DEBUG": "true"}
    )

    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["raised"] for line in lines if "raised" in line] == [
        "UpstreamRejected",
        "UpstreamUnavailable",
        "UpstreamTimeout",
        "UpstreamUnavailable",
    ]
    assert {line.get("message") for line in lines} == {None, "upstream_call"}
    assert (ran.stderr, WORDS in ran.stdout) == ("", False)


def test_a_reply_is_given_whole_with_what_it_cost() -> None:
    reply = ask(Gemini(says("  You live in Delhi.\n")))

    assert reply.text == "You live in Delhi."
    assert reply.usage == {"input_tokens": 11, "output_tokens": 7, "model_calls": 1}


def test_thoughts_and_words_beside_a_tool_call_are_no_part_of_the_reply() -> None:
    thinking = says("You live in Delhi.")
    thinking["candidates"][0]["content"]["parts"].insert(0, {"text": WORDS, "thought": True})
    looking = calls(("search_facts", {"query": "home"}))
    looking["candidates"][0]["content"]["parts"].insert(0, {"text": WORDS})

    reply = ask(Gemini(looking, thinking))

    assert reply.text == "You live in Delhi."
    assert reply.usage == {"input_tokens": 22, "output_tokens": 14, "model_calls": 2}


def test_nul_and_halves_of_surrogate_pairs_never_get_into_a_reply() -> None:
    body = json.dumps(says("NAME")).replace("NAME", r"A\u0000d\ud800a \udfff \ud83d\ude00")

    assert ask(Gemini(raw(body))).text == "Ad\ufffda \ufffd 😀"


def test_a_busy_gemini_is_asked_once_more() -> None:
    gemini = Gemini(google_says(503, "UNAVAILABLE"), says("Delhi."))

    reply = ask(gemini)

    assert (reply.text, len(gemini.sent)) == ("Delhi.", 2)
    assert reply.usage["model_calls"] == 1


@pytest.mark.parametrize("at", ["first call", "after a tool"])
def test_a_model_that_hangs_is_cancelled_in_time(at: str) -> None:
    before: list[Step] = [calls(("search_facts", {"query": "x"}))] if at == "after a tool" else []
    gemini = Gemini(*before, never)

    started = time.monotonic()
    with pytest.raises(errors.UpstreamTimeout):
        ask(gemini, seconds=0.3)

    assert 0.25 < time.monotonic() - started < 0.8  # the SDK alone would take 10 s
    assert gemini.cancelled == 1


def test_a_request_that_is_cancelled_from_outside_stays_cancelled() -> None:
    gemini = Gemini(never)

    async def story() -> Any:
        task = asyncio.create_task(
            answering(gemini).answer(prompt(), Stores().toolbox(), seconds=20)
        )
        await gemini.called.wait()
        task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    assert isinstance(asyncio.run(story()), asyncio.CancelledError)
    assert gemini.cancelled == 1


def test_every_call_of_the_model_is_one_log_line_without_words(log_lines: Any) -> None:
    looking = calls(("search_facts", {"query": WORDS}))
    with pytest.raises(errors.UpstreamRejected):
        ask(Gemini(looking, google_says(400, "INVALID_ARGUMENT")), prompt(WORDS))
    failure_of(never, seconds=0.2)

    lines = [line for line in log_lines() if line.get("provider") == "gemini"]
    assert [(line["outcome"], line.get("status")) for line in lines] == [
        ("ok", None),
        ("rejected", 400),
        ("timeout", None),
    ]
    assert all(line["operation"] == "generate_content" for line in lines)
    assert all(line["duration_ms"] >= 0 for line in lines)
    assert WORDS not in json.dumps(log_lines())
