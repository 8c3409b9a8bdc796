"""Errors as RFC 9457 problem documents. The only place that maps an error to a status."""

from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from tandem import errors

PROBLEM_JSON = "application/problem+json"

LONGEST_UPSTREAM_WAIT_SECONDS = 300
"""A provider that wants to be left alone for longer is asked once in between, so why not then."""

STATUS: dict[type[errors.AppError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ConfigurationError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.UpstreamTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    errors.UpstreamError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.AppError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: errors.AppError) -> HTTPStatus:
    """The status of an error: its own class's, or its nearest ancestor's."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    status: HTTPStatus,
    *,
    code: str,
    detail: str,
    instance: str,
    request_id: str,
    **members: Any,
) -> JSONResponse:
    """A problem document with its headers.

    Args:
        instance: the route's pattern, never the path with ids in it.
        members: further members of the document, such as `errors` or `turn_id`.
    """
    body = {
        "type": f"urn:tandem:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
    } | members
    headers = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(body, status_code=status, headers=headers, media_type=PROBLEM_JSON)


def problem_of(error: errors.AppError, *, instance: str, request_id: str) -> JSONResponse:
    """The problem document of one of our errors. Its `context` stays here."""
    members = {"turn_id": str(error.context["turn_id"])} if "turn_id" in error.context else {}
    document = problem(
        status_of(error),
        code=error.code,
        detail=error.detail,
        instance=instance,
        request_id=request_id,
        **members,
    )
    seconds = error.retry_after_seconds
    if seconds is not None:
        if isinstance(error, errors.UpstreamError):
            seconds = min(seconds, LONGEST_UPSTREAM_WAIT_SECONDS)
        document.headers["retry-after"] = str(seconds)
    return document


def validation_errors(error: RequestValidationError, known: frozenset[str]) -> list[dict[str, Any]]:
    """Where a request is wrong: `loc`, `type` and `msg` of each place, and nothing else.

    A custom message can quote the input, so only pydantic's own messages are passed on; a name in
    `loc` that isn't a field of ours was chosen by the caller and is left out.
    """
    places = []
    for item in error.errors():
        location = [part for part in item["loc"] if isinstance(part, int) or part in known]
        message = "Value error" if item["type"] == "value_error" else item["msg"]
        places.append({"loc": location, "type": item["type"], "msg": message})
    return places
