"""A reply before it is on the wire, and its two forms there: whole, and as a stream of chunks."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from local.twins.gemini import wire
from local.twins.gemini.request import Asked
from local.twins.server import Json

_WORDS_OF_A_CHUNK: Final = 4
_PIECE: Final = re.compile(rf"(?:\S*\s*){{1,{_WORDS_OF_A_CHUNK}}}")
_EFFORT: Final = {"MINIMAL": 0, "LOW": 1, "MEDIUM": 2, "HIGH": 4, "XHIGH": 8}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says, and how it ends."""

    parts: list[Json] = field(default_factory=list)
    finish: str | None = "STOP"
    blocked: str | None = None
    """The prompt's block reason; such a reply has no candidate."""
    candidate: bool = True
    ratings: list[Json] = field(default_factory=list)
    thought: str = ""
    thought_tokens: int = 0
    thinks_aloud: bool = False
    cached: int = 0


def text(words: str) -> Reply:
    """A reply of words alone."""
    return Reply([{"text": words}])


def thinking(asked: Asked, thought: str) -> tuple[str, int, bool]:
    """(what it thought, its tokens, whether the caller wants to see it)."""
    config = asked.config.get("thinkingConfig") or {}
    level = config.get("thinkingLevel") or asked.model.thinking
    # A budget of -1 leaves it to the model; a part of a config asks for thinking by itself.
    level = level or ("LOW" if config else "MINIMAL")
    counted = wire.tokens(thought) * _EFFORT.get(level, 1)
    budget = config.get("thinkingBudget", -1)
    counted = counted if budget < 0 else min(counted or wire.tokens(thought), budget)
    return (thought, counted, bool(config.get("includeThoughts"))) if counted else ("", 0, False)


def bounded(reply: Reply, asked: Asked) -> Reply:
    """The reply as far as stop sequences and maxOutputTokens let it come."""
    words = "".join(part.get("text", "") for part in reply.parts)
    for stop in asked.config.get("stopSequences") or []:
        words = words.partition(stop)[0] if stop else words
    if reply.parts and all("text" in part for part in reply.parts):
        reply = replace(reply, parts=[{"text": words}])
    most = asked.config.get("maxOutputTokens")
    if most is None or reply.thought_tokens + _spoken(reply.parts) <= most:
        return reply
    # Thoughts count too: they may leave nothing for the answer.
    left = most - reply.thought_tokens
    calls = any("functionCall" in part for part in reply.parts)
    kept = [] if left <= 0 or calls else [{"text": wire.first_tokens(words, left)}]
    return replace(
        reply, parts=kept, finish="MAX_TOKENS", thought_tokens=min(reply.thought_tokens, most)
    )


def whole(reply: Reply, asked: Asked) -> Json:
    """The body of generateContent."""
    parts = [*_thoughts(reply), *reply.parts]
    return _body(reply, asked, parts, _spoken(reply.parts), reply.finish, _new_id())


def chunks(reply: Reply, asked: Asked) -> list[Json]:
    """The events of streamGenerateContent; the last alone says why it ended. Usage adds up."""
    same = _new_id()
    if not reply.candidate:
        return [_body(reply, asked, [], 0, None, same)]
    made: list[Json] = []
    said: list[Json] = []
    thought = [[part] for part in _thoughts(reply)]
    for parts in thought + [[part] for part in _pieces(reply.parts)]:
        said += [part for part in parts if not part.get("thought")]
        made.append(_body(reply, asked, parts, _spoken(said), None, same))
    if not made:
        return [_body(reply, asked, [], 0, reply.finish, same)]
    made[-1] = _body(
        reply,
        asked,
        made[-1]["candidates"][0]["content"]["parts"],
        _spoken(reply.parts),
        reply.finish,
        same,
    )
    return made


def _new_id() -> str:
    return uuid.uuid4().hex[:22]


def _pieces(parts: list[Json]) -> Iterator[Json]:
    for part in parts:
        pieces = [piece for piece in _PIECE.findall(part.get("text", "")) if piece]
        yield from ({**part, "text": piece} for piece in pieces)
        if not pieces:
            yield part


def _thoughts(reply: Reply) -> list[Json]:
    return [{"text": reply.thought, "thought": True}] if reply.thinks_aloud else []


def _spoken(parts: list[Json]) -> int:
    words = "".join(part.get("text", "") for part in parts)
    others = [part["functionCall"] for part in parts if "functionCall" in part]
    return wire.tokens(words) + sum(wire.tokens(call) for call in others)


def _body(
    reply: Reply, asked: Asked, parts: list[Json], spoken: int, finish: str | None, name: str
) -> Json:
    body: Json = {}
    if reply.candidate:
        body["candidates"] = [_candidate(reply, parts, finish)]
    if reply.blocked:
        body["promptFeedback"] = {"blockReason": reply.blocked}
        if reply.ratings:
            body["promptFeedback"]["safetyRatings"] = reply.ratings
    body["usageMetadata"] = _usage(reply, asked, spoken)
    body |= {"modelVersion": asked.model.version, "responseId": name}
    if asked.model.stage in {"LEGACY", "DEPRECATED"}:
        body["modelStatus"] = {"modelStage": asked.model.stage}
    return body


def _candidate(reply: Reply, parts: list[Json], finish: str | None) -> Json:
    made: Json = {}
    if parts or finish == "MAX_TOKENS":
        content: Json = {"parts": parts} if parts else {}
        made["content"] = {**content, "role": "model"}
    if finish:
        made["finishReason"] = finish
    made["index"] = 0
    if reply.ratings and finish:
        made["safetyRatings"] = reply.ratings
    return made


def _usage(reply: Reply, asked: Asked, spoken: int) -> Json:
    prompt = wire.prompt_tokens(asked.body)
    usage: Json = {"promptTokenCount": prompt}
    if reply.candidate:
        usage["candidatesTokenCount"] = spoken
    usage["totalTokenCount"] = prompt + spoken + reply.thought_tokens
    if reply.thought_tokens:
        usage["thoughtsTokenCount"] = reply.thought_tokens
    if reply.cached:
        usage["cachedContentTokenCount"] = reply.cached
        usage["cacheTokensDetails"] = _text_tokens(reply.cached)
    usage["promptTokensDetails"] = _text_tokens(prompt)
    return usage


def _text_tokens(count: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": count}]
