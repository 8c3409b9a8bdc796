"""Blocks by a short list of words, for callers who ask for a threshold."""

from __future__ import annotations

import re
from typing import Final

from local.twins.gemini.replies import Reply
from local.twins.server import Json

_OPEN: Final = frozenset({"BLOCK_NONE", "OFF", "HARM_BLOCK_THRESHOLD_UNSPECIFIED"})
_WORDS: Final = {
    "HARM_CATEGORY_DANGEROUS_CONTENT": r"\b(?:build|make|making) (?:a |an )?(?:bomb|explosive)s?\b",
    "HARM_CATEGORY_HARASSMENT": r"\bi will (?:hunt|hurt|stalk) (?:you|him|her|them)\b",
    "HARM_CATEGORY_HATE_SPEECH": r"\ball (?:immigrants|foreigners) (?:are|should)\b",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT": r"\bporn(?:ography|ographic)?\b",
}


def blocked(body: Json, message: str) -> Reply | None:
    """A prompt that is refused; None when it isn't. Without settings nothing is blocked."""
    asked = [
        setting.get("category", "")
        for setting in body.get("safetySettings") or []
        if setting.get("threshold", "OFF") not in _OPEN
    ]
    hit = [
        category
        for category in asked
        if category in _WORDS and re.search(_WORDS[category], message, re.IGNORECASE)
    ]
    if not hit:
        return None
    ratings = [
        {
            "category": category,
            "probability": "HIGH" if category in hit else "NEGLIGIBLE",
            **({"blocked": True} if category in hit else {}),
        }
        for category in asked
    ]
    return Reply(candidate=False, finish=None, blocked="SAFETY", ratings=ratings)
