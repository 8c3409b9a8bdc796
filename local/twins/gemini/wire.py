"""Errors in Google's envelope, and how much of a text makes a token."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from local.twins.server import Answer, Json

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RPC: Final = "type.googleapis.com/google.rpc"
_CHARACTERS_PER_TOKEN: Final = 4
_TOKENS_OF_MEDIA: Final = 258


def error(
    status: int, message: str, *, retry: str | None = None, details: Sequence[Json] = ()
) -> Answer:
    """{"error": {code, message, status, details?}}; `retry` such as "2s" adds RetryInfo."""
    body: Json = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
    listed = list(details)
    if retry:
        listed.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": retry})
    if listed:
        body["details"] = listed
    return Answer({"error": body}, status)


def failure(status: int, retry_after: float | str | None) -> Answer:
    """What a fault that asks for a status is answered; seconds to wait are told in the body too."""
    retry = f"{retry_after}s" if isinstance(retry_after, int | float) else None
    return error(status, "This call was made to fail.", retry=retry)


def bad_fields(violations: Sequence[tuple[str, str]]) -> Answer:
    """400 with google.rpc.BadRequest; each violation is (field, description)."""
    told = [
        {**({"field": field} if field else {}), "description": problem}
        for field, problem in violations
    ]
    detail = {"@type": f"{_RPC}.BadRequest", "fieldViolations": told}
    message = "\n".join(problem for _, problem in violations)
    return error(400, message, details=[detail])


def refused_key(status: int, message: str, reason: str) -> Answer:
    """An error about the caller with google.rpc.ErrorInfo."""
    info = {
        "@type": f"{_RPC}.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    plain = {"@type": f"{_RPC}.LocalizedMessage", "locale": "en-US", "message": message}
    return error(status, message, details=[info, plain])


def as_text(value: Any) -> str:
    """JSON as it is written into a reply."""
    return json.dumps(value, ensure_ascii=False)


def tokens(value: Any) -> int:
    """About how many tokens a text or a JSON value has."""
    written = value if isinstance(value, str) else as_text(value)
    return -(-len(written) // _CHARACTERS_PER_TOKEN)


def first_tokens(text: str, count: int) -> str:
    """As much of a text as fits into that many tokens."""
    return text[: count * _CHARACTERS_PER_TOKEN]


def prompt_tokens(request: Json) -> int:
    """The tokens of contents, system instruction and tools."""
    counted = sum(content_tokens(content) for content in request.get("contents") or [])
    if request.get("systemInstruction"):
        counted += content_tokens(request["systemInstruction"])
    return counted + (tokens(request["tools"]) if request.get("tools") else 0)


def content_tokens(content: Json) -> int:
    """The tokens of one content: its words, its calls, and a fixed sum for each medium."""
    return sum(_part_tokens(part) for part in content.get("parts") or [])


def _part_tokens(part: Json) -> int:
    if "text" in part:
        return tokens(part["text"])
    if "inlineData" in part or "fileData" in part:
        return _TOKENS_OF_MEDIA
    shown = {name: value for name, value in part.items() if name != "thoughtSignature"}
    return tokens(shown)
