"""Refusals in the v4 envelope: {"error": {code, message, param, details, request_id}}."""

from __future__ import annotations

import uuid

from local.twins.server import Answer, Refusal

_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "rate_limited",
    501: "not_implemented",
    503: "unavailable",
}


def error(status: int, code: str, message: str, param: str | None = None) -> Answer:
    """An error answer of /api/v4."""
    return Answer(
        {
            "error": {
                "code": code,
                "message": message,
                "param": param,
                "details": {},
                "request_id": str(uuid.uuid4()),
            }
        },
        status,
    )


def failure(status: int) -> Answer:
    """What a fault that asks for a status is answered."""
    code = _CODES.get(status, "internal" if status >= 500 else "invalid_request")  # noqa: PLR2004
    return error(status, code, "this call was made to fail")


def invalid(message: str, param: str | None = None, code: str = "invalid_request") -> Refusal:
    """400."""
    return Refusal(error(400, code, message, param))


def missing(kind: str) -> Refusal:
    """404: no such user, thread, graph …"""
    return Refusal(error(404, "not_found", f"{kind} not found"))
