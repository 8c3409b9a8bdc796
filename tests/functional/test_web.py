"""The manners that every function has, tried on a small app of its own."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter

from tandem.errors import Conflict, RateLimited
from tandem.web import Caller, Handler, RequestModel, ResponseModel, create_app, create_handler
from tests.conftest import MakeEvent

LogLines = Callable[[], list[dict[str, Any]]]


class Inner(RequestModel):
    text: str = ""


class NoteRequest(RequestModel):
    text: str
    count: int = 1
    inner: Inner = Inner()
    tags: tuple[str, ...] = ()


class NoteResponse(ResponseModel):
    text: str


router = APIRouter()


@router.post("/notes")
async def add(body: NoteRequest) -> NoteResponse:
    if body.text == "taken":
        raise Conflict(code="note_exists", detail="There is such a note.", note="canary")
    if body.text == "fast":
        raise RateLimited(retry_after_seconds=3)
    if body.text == "boom":
        raise ValueError("canary")
    return NoteResponse(text=body.text)


@router.get("/notes/{note_id}")
async def mine(note_id: int, principal: Caller) -> NoteResponse:
    return NoteResponse(text=f"{note_id} of {principal.account_id}")


@pytest.fixture(scope="module")
def handler() -> Handler:
    return create_handler(create_app(routers=[router]))


@pytest.fixture
def call(handler: Handler, http_event: MakeEvent) -> Callable[..., dict[str, Any]]:
    def send(method: str = "POST", path: str = "/notes", **changes: Any) -> dict[str, Any]:
        event = http_event("auth_me" if method == "GET" else "auth_login", **changes)
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        return handler(event, None)

    return send


def problem_in(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["isBase64Encoded"] is False
    document: dict[str, Any] = json.loads(answer["body"])
    assert document["status"] == answer["statusCode"]
    return document


def test_every_answer_carries_its_request_id_and_is_not_cached(
    call: Callable[..., dict[str, Any]],
) -> None:
    for body in ({"text": "hello"}, {"text": "taken"}, {"text": "boom"}, {}):
        headers = call(body=body)["headers"]

        assert headers["x-request-id"] == "request-auth_login"
        assert headers["cache-control"] == "no-store"


def test_an_error_of_ours_becomes_a_problem_without_its_context(
    call: Callable[..., dict[str, Any]],
) -> None:
    answer = call(body={"text": "taken"})

    assert problem_in(answer) == {
        "type": "urn:tandem:problem:note_exists",
        "title": "Conflict",
        "status": 409,
        "detail": "There is such a note.",
        "instance": "/notes",
        "code": "note_exists",
        "request_id": "request-auth_login",
    }
    assert call(body={"text": "fast"})["headers"]["retry-after"] == "3"


def test_an_unforeseen_error_is_a_500_that_says_nothing_and_is_logged_once_without_its_text(
    call: Callable[..., dict[str, Any]], log_lines: LogLines
) -> None:
    answer = call(body={"text": "boom"})

    assert problem_in(answer)["code"] == "internal_error"
    assert "canary" not in answer["body"]
    [line] = log_lines()
    assert (line["level"], line["error"], line["status"]) == ("ERROR", "ValueError", 500)
    assert "test_web.py:" in line["frames"]
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize(
    "body", ["{", "", "null,", '{"text": "a"', "\ufeff", "[" * 20_000, '{"text": ' + "1" * 5_000]
)
def test_a_body_that_is_not_json_is_a_400_or_names_the_missing_body(
    body: str, call: Callable[..., dict[str, Any]]
) -> None:
    answer = call(body=body)

    assert problem_in(answer)["status"] in (400, 422)


def test_bytes_that_are_not_utf_8_are_a_400(handler: Handler, http_event: MakeEvent) -> None:
    event = http_event("auth_login", body=base64.b64encode(b'{"text": "\xff\xfe"}').decode())
    event["isBase64Encoded"] = True
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/notes"

    assert problem_in(handler(event, None))["code"] == "malformed_body"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
)
def test_another_content_type_is_a_415(
    content_type: str, call: Callable[..., dict[str, Any]]
) -> None:
    answer = call(body={"text": "a"}, headers={"content-type": content_type})

    assert problem_in(answer)["status"] == 415
    assert problem_in(answer)["instance"] == "/api/auth/login"


def test_json_with_a_charset_is_json(call: Callable[..., dict[str, Any]]) -> None:
    answer = call(body={"text": "é"}, headers={"content-type": "Application/JSON; charset=utf-8"})

    assert json.loads(answer["body"]) == {"text": "é"}


def test_a_body_over_64_kib_is_a_413(call: Callable[..., dict[str, Any]]) -> None:
    assert call(body={"text": "a" * 60_000})["statusCode"] == 200
    assert problem_in(call(body={"text": "a" * 66_000}))["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, [(["body", "text"], "missing")]),
        ({"text": 7}, [(["body", "text"], "string_type")]),
        ({"text": "a", "count": "many"}, [(["body", "count"], "int_parsing")]),
        ({"text": "a", "canary": 1}, [(["body"], "extra_forbidden")]),
        ({"text": "a", "inner": {"canary": 1}}, [(["body", "inner"], "extra_forbidden")]),
        ({"text": "canary\x00"}, [(["body", "text"], "unstorable_text")]),
        ({"text": "canary\ud800"}, [(["body", "text"], "unstorable_text")]),
        (
            {"text": "a", "inner": {"text": "\x00"}},
            [(["body", "inner", "text"], "unstorable_text")],
        ),
        ({"text": "a", "tags": ["b", "\udfff"]}, [(["body", "tags"], "unstorable_text")]),
        ({"text": "a", "canary\ud800": 1}, [(["body"], "string_unicode")]),
        ([], [(["body"], "model_attributes_type")]),
    ],
)
def test_a_422_says_where_and_what_and_never_quotes_what_was_sent(
    body: Any, places: list[tuple[list[str], str]], call: Callable[..., dict[str, Any]]
) -> None:
    answer = call(body=body)

    document = problem_in(answer)
    assert (document["status"], document["code"]) == (422, "invalid_request")
    assert [(place["loc"], place["type"]) for place in document["errors"]] == places
    assert all(place.keys() == {"loc", "type", "msg"} for place in document["errors"])
    assert "canary" not in answer["body"]


def test_an_unknown_address_and_a_wrong_method_are_problems_too(
    call: Callable[..., dict[str, Any]],
) -> None:
    assert problem_in(call("GET", "/canary"))["code"] == "not_found"
    assert problem_in(call("GET", "/canary"))["instance"] == "unmatched"
    assert problem_in(call("GET", "/notes"))["code"] == "method_not_allowed"


def test_a_request_is_logged_in_one_line_under_its_route_s_pattern(
    call: Callable[..., dict[str, Any]], log_lines: LogLines
) -> None:
    call("GET", "/notes/77")

    [line] = log_lines()
    assert (line["message"], line["level"]) == ("request", "INFO")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/notes/{note_id}", 200)
    assert line["request_id"] == "request-auth_me"
    assert line["account_id"] == "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"
    assert line["duration_ms"] >= 0
    assert "77" not in line["route"]


def test_an_expired_word_of_the_authorizer_is_a_401(call: Callable[..., dict[str, Any]]) -> None:
    claims = {
        "sub": "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a",
        "sid": "7d4c3b2a-1f0e-4d5c-8b6a-9a8b7c6d5e4f",
        "exp": 1_000_000_000,
    }

    answer = call("GET", "/notes/7", claims=claims)

    assert problem_in(answer)["code"] == "token_expired"
    assert answer["headers"]["www-authenticate"] == "Bearer"
