"""From a checked request to a reply, by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.twins.gemini import answers, calling, reading, replies, safety, turns, wire
from local.twins.gemini.asking import ENUM, JSON, Asked
from local.twins.gemini.evidence import Evidence
from local.twins.gemini.instances import build
from local.twins.gemini.replies import Reply
from local.twins.gemini.schemas import Unservable, refuse
from local.twins.server import Json


def reply(asked: Asked) -> Reply:
    """The reply.

    Raises:
        Refusal: 400, no value can satisfy the schema that was asked for.
    """
    request = reading.read(asked.body)
    refused = safety.blocked(asked.body, request.message)
    if refused:
        return refused
    known = answers.answer(request)
    words = _told(asked.body, request) or known or answers.UNKNOWN
    evidence = Evidence(request.message, words)
    parts = calling.chosen(asked, evidence, searched=request.searched, known=known is not None) or [
        {"text": _formed(asked, evidence, words)}
    ]
    thought, counted, aloud = replies.thinking(asked, _thought(request, parts))
    made = Reply(parts, thought=thought, thought_tokens=counted, thinks_aloud=aloud)
    return replies.bounded(made, asked)


def _formed(asked: Asked, evidence: Evidence, words: str) -> str:
    """The words in the form that was asked for."""
    if asked.mime not in {JSON, ENUM}:
        return words
    if asked.schema is None:
        return wire.as_text({"answer": words})
    try:
        value: Any = build(asked.schema, evidence)
    except Unservable as problem:
        raise refuse("generation_config.response_schema", str(problem)) from None
    return str(value) if asked.mime == ENUM else wire.as_text(value)


def _told(asked_for: Json, request: reading.Request) -> str | None:
    """What functions gave that are no search for items, spoken as they gave it."""
    if not request.searched:
        return None
    given = [
        f"{response['name']}: {_plainly(response.get('response'))}"
        for content in turns.since_said(asked_for["contents"])
        if content.get("role") != "model"
        for part in content["parts"]
        if (response := part.get("functionResponse")) and not reading.has_items(response)
    ]
    return f"Here is what I found. {'; '.join(given)}." if given else None


def _plainly(response: Any) -> str:
    result = (response or {}).get("result", response)
    return result if isinstance(result, str) else wire.as_text(result)


def _thought(request: reading.Request, parts: list[Json]) -> str:
    named = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    does = f"I call {', '.join(named)}." if named else "I answer from that."
    return f"The person says: {request.message[:80]} I have {len(request.items)} notes. {does}"


def with_cached(made: Reply, cached: int) -> Reply:
    """The reply, saying how much of the prompt the service had seen before."""
    return replace(made, cached=cached)
