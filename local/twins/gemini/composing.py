"""From a checked request to a reply, by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.twins.gemini import (
    answers,
    conversation,
    evidence,
    function_calls,
    managing,
    replies,
    safety,
    wire,
)
from local.twins.gemini.evidence import Situation
from local.twins.gemini.instances import build
from local.twins.gemini.replies import Reply
from local.twins.gemini.request import ENUM, JSON, Asked
from local.twins.gemini.schemas import Unservable, refuse
from local.twins.gemini.words import Words
from local.twins.server import Json


def reply(asked: Asked, decided: Json | None = None) -> Reply:
    """The reply: what was decided, when the request asks for decisions.

    Raises:
        Refusal: 400, no value can satisfy the schema that was asked for.
    """
    situation = evidence.read(asked.body)
    refused = safety.blocked(asked.body, situation.message)
    if refused:
        return refused
    known = answers.answer(situation)
    changed = managing.told(asked.body, situation)
    spoken = changed or _told(asked.body, situation) or known or answers.UNKNOWN
    spoken = managing.with_asides(spoken, situation, settling=managing.is_settling(asked))
    words = Words(situation.message, spoken)
    parts = [{"text": wire.as_text(decided)}] if decided is not None else None
    if parts is None:
        parts = managing.calls(asked, situation)
    if parts is None:
        parts = function_calls.chosen(
            managing.others(asked), words, searched=situation.searched, known=known is not None
        )
    parts = parts or [{"text": _formed(asked, words, spoken)}]
    thought, counted, aloud = replies.thinking(asked, _thought(situation, parts))
    made = Reply(parts, thought=thought, thought_tokens=counted, thinks_aloud=aloud)
    return replies.bounded(made, asked)


def _formed(asked: Asked, words: Words, spoken: str) -> str:
    """The words in the form that was asked for."""
    if asked.mime not in {JSON, ENUM}:
        return spoken
    if asked.schema is None:
        return wire.as_text({"answer": spoken})
    try:
        value: Any = build(asked.schema, words)
    except Unservable as problem:
        raise refuse("generation_config.response_schema", str(problem)) from None
    return str(value) if asked.mime == ENUM else wire.as_text(value)


def _told(asked_for: Json, situation: Situation) -> str | None:
    """What functions gave that are no search for items, spoken as they gave it."""
    if not situation.searched:
        return None
    given = [
        f"{response['name']}: {_plainly(response.get('response'))}"
        for content in conversation.since_said(asked_for["contents"])
        if content.get("role") != "model"
        for part in content["parts"]
        if (response := part.get("functionResponse")) and not evidence.has_items(response)
    ]
    return f"Here is what I found. {'; '.join(given)}." if given else None


def _plainly(response: Any) -> str:
    result = (response or {}).get("result", response)
    return result if isinstance(result, str) else wire.as_text(result)


def _thought(situation: Situation, parts: list[Json]) -> str:
    named = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    does = f"I call {', '.join(named)}." if named else "I answer from that."
    return f"The person says: {situation.message[:80]} I have {len(situation.items)} notes. {does}"


def with_cached(made: Reply, cached: int) -> Reply:
    """The reply, saying how much of the prompt the service had seen before."""
    return replace(made, cached=cached)
