import json
from http import HTTPStatus

import pytest
from fastapi.exceptions import RequestValidationError

from tandem import errors
from tandem.problems import problem, problem_of, status_of, validation_errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput(), 422),
        (errors.Unauthenticated(), 401),
        (errors.Forbidden(), 403),
        (errors.NotFound(), 404),
        (errors.Conflict(), 409),
        (errors.RateLimited(retry_after_seconds=1), 429),
        (errors.Unavailable(), 503),
        (errors.ConfigurationError(setting="STAGE", reason="is missing"), 503),
        (errors.UpstreamTimeout("zep", operation="search"), 504),
        (errors.UpstreamRateLimited("zep", operation="search"), 503),
        (errors.UpstreamRejected("mem0", operation="search"), 503),
        (errors.UpstreamUnavailable("gemini", operation="search"), 503),
        (errors.AppError(), 500),
    ],
)
def test_each_error_has_its_status(error: errors.AppError, status: int) -> None:
    assert status_of(error) == status


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    error = errors.Forbidden(code="forbidden_user", detail="That user_id is not yours.", secret="s")

    answer = problem_of(error, instance="/api/memory", request_id="r-1")

    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:tandem:problem:forbidden_user",
        "title": "Forbidden",
        "status": 403,
        "detail": "That user_id is not yours.",
        "instance": "/api/memory",
        "code": "forbidden_user",
        "request_id": "r-1",
    }
    assert "www-authenticate" not in answer.headers


def test_the_only_context_that_goes_out_is_the_turn_to_ask_for_again() -> None:
    error = errors.Unavailable(turn_id="0b0e1c52", reason="refused 57P03")

    document = json.loads(bytes(problem_of(error, instance="/api/chat", request_id="r-1").body))

    assert document["turn_id"] == "0b0e1c52"
    assert "57P03" not in json.dumps(document)


def test_a_problem_that_passes_says_when_to_come_back() -> None:
    answer = problem_of(errors.RateLimited(retry_after_seconds=9), instance="/", request_id="r-1")

    assert answer.headers["retry-after"] == "9"


def test_nobody_is_sent_away_for_a_day_because_a_provider_asked_for_that() -> None:
    """We ask it again after five minutes, so they may, too."""
    error = errors.UpstreamRateLimited("gemini", operation="x", retry_after_seconds=86_400)

    answer = problem_of(error, instance="/", request_id="r-1")

    assert answer.headers["retry-after"] == "300"


def test_no_login_names_the_scheme_that_is_wanted() -> None:
    answer = problem(
        HTTPStatus.UNAUTHORIZED, code="no_login", detail="Log in.", instance="/", request_id="r"
    )

    assert answer.headers["www-authenticate"] == "Bearer"
    assert "retry-after" not in answer.headers


def test_validation_errors_tell_where_and_what_and_never_the_input() -> None:
    error = RequestValidationError(
        [
            {
                "type": "string_too_short",
                "loc": ("body", "names", 0, "canary-key"),
                "msg": "String should have at least 1 character",
                "input": "canary-input",
                "ctx": {"min_length": 1},
                "url": "https://errors.example",
            },
            {"type": "value_error", "loc": ("body",), "msg": "Value error, canary-input is bad"},
        ]
    )

    assert validation_errors(error, frozenset({"body", "names"})) == [
        {
            "loc": ["body", "names", 0],
            "type": "string_too_short",
            "msg": "String should have at least 1 character",
        },
        {"loc": ["body"], "type": "value_error", "msg": "Value error"},
    ]
