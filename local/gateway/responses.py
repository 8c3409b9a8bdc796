"""What a client gets: a function's result turned into HTTP, and the gateway's own answers."""

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import Any

from local.runtime.outcome import Failure, Outcome

# Documented bodies. That 431 is the status for an over-long head is unverified on AWS.
_MESSAGES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# Documented: an integration that fails, ends or overruns its own timeout is a 500. Observed by
# others: a throttled one is a 503. Unverified on AWS: a request above Lambda's limit is a 413.
_STATUS_OF_FAILURE = {
    Failure.THROTTLED: 503,
    Failure.REQUEST_TOO_LARGE: 413,
}
_LOWEST, _HIGHEST = 100, 599
# Unverified on AWS: these describe a connection that the function never sees.
_OF_THE_GATEWAY = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True)
class Response:
    """Status, headers (lower-case names, repeats allowed) and body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def with_headers(self, *added: tuple[str, str]) -> "Response":
        """The same with more headers."""
        return replace(self, headers=(*self.headers, *added))


class _BadResultError(Exception):
    """The function's result is not a response that the gateway takes."""


def gateway_error(status: int) -> Response:
    """The gateway's own answer of this status."""
    body = json.dumps({"message": _MESSAGES[status]}, separators=(",", ":")).encode()
    return Response(status, (("content-type", "application/json"),), body)


def from_outcome(outcome: Outcome) -> Response:
    """The response that a function's outcome stands for."""
    if outcome.failure is not None:
        return gateway_error(_STATUS_OF_FAILURE.get(outcome.failure, 500))
    try:
        return _from_result(json.loads(outcome.payload), outcome.payload)
    except (_BadResultError, ValueError):
        return gateway_error(500)


def _from_result(result: Any, payload: bytes) -> Response:
    if not isinstance(result, dict) or "statusCode" not in result:
        # Documented: without a status code, the value is the body of a 200 in JSON.
        return Response(200, (("content-type", "application/json"),), payload)
    status = result["statusCode"]
    # Documented: a malformed response is a 500. Unverified on AWS: "200" is malformed.
    if type(status) is not int or not _LOWEST <= status <= _HIGHEST:
        raise _BadResultError
    headers = _headers(result)
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))  # observed by others
    return Response(status, tuple(headers), _body(result))


def _headers(result: dict[str, Any]) -> list[tuple[str, str]]:
    given = result.get("headers") or {}
    cookies = result.get("cookies") or []
    if not isinstance(given, dict) or not isinstance(cookies, list):
        raise _BadResultError
    headers = [
        (name.lower(), _header_text(value))
        for name, value in given.items()
        if name.lower() not in _OF_THE_GATEWAY
    ]
    # Documented: each entry of `cookies` is a set-cookie header of its own.
    return headers + [("set-cookie", str(cookie)) for cookie in cookies]


def _header_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise _BadResultError  # unverified on AWS
    if not result.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)  # documented: whatever the content type
    except binascii.Error as error:
        raise _BadResultError from error
