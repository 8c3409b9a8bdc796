"""What `make dev` shows while it runs, from log lines of the functions."""

import json
from pathlib import Path

import pytest

from local.activity import Activity, summary

_AT = "2026-11-20T12:05:08.581+00:00"


def line(function: str = "ChatFunction", **entry: object) -> str:
    return f"{function}: {json.dumps({'timestamp': _AT, **entry})}"


def request(**more: object) -> str:
    told = {"method": "POST", "route": "/api/chat", "status": 200, "duration_ms": 113.8}
    return line(level="INFO", message="request", **{**told, **more})


def test_a_request_is_one_short_line() -> None:
    said = summary(request(account_id="canary", turn_id="canary", session="canary"))
    assert said is not None
    assert said.endswith("POST /api/chat 200 114 ms")
    assert "canary" not in said


def test_a_failed_request_says_its_code_and_whose_fault_it_was() -> None:
    said = summary(
        request(
            status=503,
            error="UpstreamUnavailable",
            code="upstream_unavailable",
            context_provider="gemini",
            context_reason="ConnectError",
        )
    )
    assert said is not None
    for word in ("503", "code=upstream_unavailable", "provider=gemini", "reason=ConnectError"):
        assert word in said


def test_a_warning_of_any_function_is_shown() -> None:
    said = summary(
        line("SweepFunction", level="WARNING", message="turn_degraded", missing="mem0,zep")
    )
    assert said is not None
    assert said.endswith("SweepFunction warning turn_degraded  missing=mem0,zep")


def test_a_call_that_failed_says_whom_it_was_meant_for() -> None:
    failed = {"provider": "zep", "operation": "graph.search", "outcome": "unavailable"}
    said = summary(line(level="WARNING", message="upstream_call", **failed))
    assert said is not None
    assert said.endswith("provider=zep  operation=graph.search  outcome=unavailable")


@pytest.mark.parametrize(
    "text",
    [
        line(level="INFO", message="upstream_call", provider="zep"),
        line(_aws={}, service="chat"),
        "ERROR:    something of the gateway's own",
        "",
    ],
)
def test_the_rest_stays_in_the_log(text: str) -> None:
    assert summary(text) is None


def test_a_handler_that_raised_is_told_without_its_stack() -> None:
    said = line(errorType="KeyError", errorMessage="'x'", stackTrace=["a long one"])
    assert summary(said) == "ChatFunction error KeyError: 'x'"


@pytest.mark.parametrize("said", ["Traceback (most recent call last):", "3"])
def test_what_is_no_json_is_shown_as_it_is(said: str) -> None:
    text = f"ChatFunction: {said}"
    assert summary(text) == text


def test_news_starts_at_the_present_end_and_says_each_whole_line_once(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text(request(route="/old") + "\n")
    activity = Activity(log)
    assert activity.news() == []
    with log.open("a") as file:
        file.write(request(route="/one") + "\n" + request(route="/two")[:30])
    (one,) = activity.news()
    assert "/one" in one
    with log.open("a") as file:
        file.write(request(route="/two")[30:] + "\n")
    (two,) = activity.news()
    assert "/two" in two
    assert activity.news() == []
