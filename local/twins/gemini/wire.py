"""Answers and errors in the shapes of Gemini's REST API."""

from __future__ import annotations

import json
import uuid
from typing import Any

from local.twins.server import Answer, Json

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CHARACTERS_PER_TOKEN = 4


def error(status: int, message: str, *, retry: str | None = None) -> Answer:
    """{"error": {code, message, status, details?}}; `retry` such as "2s" adds RetryInfo."""
    body: Json = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
    if retry:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        body["details"] = [{"@type": kind, "retryDelay": retry}]
    return Answer({"error": body}, status)


def generated(request: Json, model: str, parts: list[Json], *, finish: str = "STOP") -> Answer:
    """A candidate with these parts."""
    candidate: Json = {"finishReason": finish, "index": 0}
    if parts:
        candidate["content"] = {"parts": parts, "role": "model"}
    return _reply(request, model, [candidate], spoken=parts)


def without_candidates(request: Json, model: str, *, blocked: str | None = None) -> Answer:
    """No candidate at all; `blocked` is the prompt's block reason."""
    answer = _reply(request, model, [], spoken=[])
    if blocked:
        answer.body["promptFeedback"] = {"blockReason": blocked}
    return answer


def tokens(value: Any) -> int:
    """About how many tokens a text or a JSON value has."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return -(-len(written) // _CHARACTERS_PER_TOKEN)


def prompt_tokens(request: Json) -> int:
    """The tokens of contents, system instruction and tools."""
    return sum(
        tokens(request[name])
        for name in ("contents", "systemInstruction", "tools")
        if request.get(name)
    )


def _reply(request: Json, model: str, candidates: list[Json], *, spoken: list[Json]) -> Answer:
    asked, said = prompt_tokens(request), tokens(spoken) if spoken else 0
    return Answer(
        {
            "candidates": candidates,
            "usageMetadata": {
                "promptTokenCount": asked,
                "candidatesTokenCount": said,
                "totalTokenCount": asked + said,
            },
            "modelVersion": model,
            "responseId": uuid.uuid4().hex[:22],
        }
    )
