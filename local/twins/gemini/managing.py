"""Changes of what is remembered: proposed, asked about, settled. By the names of the functions.

Functions that are called `propose_…` or `settle_…` change something of the person's: they are
called only when the person's own words ask for it, and what they gave is told as a question.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

from local.twins import speech
from local.twins.gemini import function_calls
from local.twins.gemini.evidence import Item, Situation
from local.twins.gemini.request import Asked, Function
from local.twins.gemini.words import stems
from local.twins.rules import extract
from local.twins.server import Json

_MANAGING: Final = re.compile(r"(?:propose|settle)_\w+", re.IGNORECASE)
_FORGET: Final = re.compile(
    r"\b(?:forget|delete|remove|erase|wipe|unlearn|stop remembering)\b\s*"
    r"(?:(?:what|everything|all|anything)\b.*?\babout\s+|about\s+|(?:the fact\s+)?that\s+)?"
    r"(?P<what>[^.!?;\n]+)",
    re.IGNORECASE,
)
_WRONG: Final = re.compile(
    r"\b(?:not (?:right|true|correct)|wrong|incorrect|correct|outdated|isn't (?:right|true))\b"
    r"[^,.:;!]*[,.:;!]?\s*(?P<right>.*)",
    re.IGNORECASE | re.DOTALL,
)
_CLAUSE: Final = re.compile(r"[,.;!?\n]|\b(?:but|and)\b", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"\b(?:not|no|never|n't|don't|wrong|used to|was|any ?more|longer|stopped)\b", re.IGNORECASE
)
_BOTH: Final = re.compile(r"\b(?:both|each of them|either)\b", re.IGNORECASE)
_MOST_READ: Final = 2_000


def calls(asked: Asked, situation: Situation) -> list[Json] | None:
    """The parts with calls, [] when the message asks for no change; None when no function that
    changes anything is declared, or others are there that may answer."""
    managed = [one for one in asked.functions if _MANAGING.fullmatch(one.name)]
    if not managed or asked.mode == "ANY":
        return None
    called = [] if situation.searched else _called(managed, situation)
    if not called and len(managed) < len(asked.functions):
        return None
    return [function_calls.part(call, signed=n == 0) for n, call in enumerate(called)]


def others(asked: Asked) -> Asked:
    """The request without the functions that change anything, unless one has to be called."""
    if asked.mode == "ANY":
        return asked
    kept = [one for one in asked.functions if not _MANAGING.fullmatch(one.name)]
    return replace(asked, functions=kept)


def told(body: Json, situation: Situation) -> str | None:
    """What a function has proposed, refused or settled, as it is told to the person."""
    if not situation.searched:
        return None
    given = [found for response in _responses(body) if (found := _told(response))]
    return " ".join(given) or None


def with_asides(spoken: str, situation: Situation, *, settling: bool) -> str:
    """A reply that tells the evidence's notes first, and asks about its conflict last."""
    parts = [*situation.notes, spoken]
    if situation.conflict and not settling:
        first, second = (_to_you(text) for text in situation.conflict)
        parts.append(
            f"By the way, I remember both that {first} and that {second}. Which of the two holds?"
        )
    return " ".join(parts)


def is_settling(asked: Asked) -> bool:
    """Whether a conflict may be settled now, so that it need not be asked about."""
    return any(one.name.casefold().startswith("settle_") for one in asked.functions)


def _called(functions: list[Function], situation: Situation) -> list[Json]:
    """The first call that the message asks for; one change at a time."""
    message = situation.message[:_MOST_READ]
    for function in functions:
        named = set(function.parameters.get("properties", {}))
        args: Json | None = None
        if "query" in named:
            args = _to_forget(message)
        elif {"item_id", "new_statement"} <= named:
            args = _to_correct(message, situation.items)
        elif "keep" in named and situation.conflict:
            args = _to_keep(message, situation.conflict)
        if args is not None:
            return [{"name": function.name, "args": args}]
    return []


def _to_forget(message: str) -> Json | None:
    found = _FORGET.search(message)
    return {"query": found["what"].strip()} if found else None


def _to_correct(message: str, items: list[Item]) -> Json | None:
    """The item that shares most words with what is said to be right."""
    found = _WRONG.search(message)
    right = found["right"].strip(" .!") if found else ""
    if not right:
        return None
    meant = stems(" ".join([right, *(fact.text for fact in extract(right))]))
    scored = [(len(meant & stems(item.text)), n) for n, item in enumerate(items) if item.id]
    best = max(scored, key=lambda pair: (pair[0], -pair[1]), default=(0, 0))
    return {"item_id": items[best[1]].id, "new_statement": right} if best[0] else None


def _to_keep(message: str, conflict: tuple[str, str]) -> Json | None:
    """The side that shares more words with the message; one that is denied counts for the other."""
    if _BOTH.search(message):
        return {"keep": "both"}
    scores = [0, 0]
    for clause in _CLAUSE.split(message):
        heard = stems(" ".join([clause, *(fact.text for fact in extract(clause))]))
        for side, text in enumerate(conflict):
            meant = side if not _DENIED.search(clause) else 1 - side
            scores[meant] += len(heard & stems(text))
    if scores[0] == scores[1]:
        return None
    return {"keep": "first" if scores[0] > scores[1] else "second"}


def _responses(body: Json) -> list[tuple[str, Any]]:
    """Functions that change something, and what each gave, after the person's last words."""
    given: list[tuple[str, Any]] = []
    for content in body["contents"]:
        responses = [part["functionResponse"] for part in content["parts"] if _is_given(part)]
        if not responses and content.get("role") != "model":
            given = []
        given += [(one["name"], (one.get("response") or {}).get("result")) for one in responses]
    return [pair for pair in given if _MANAGING.fullmatch(pair[0])]


def _is_given(part: Json) -> bool:
    return isinstance(part.get("functionResponse"), dict)


def _told(response: tuple[str, Any]) -> str:
    result = response[1]
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except ValueError:
            return f"I could not do that: {result}"
    if not isinstance(result, dict):
        return "I could not do that."
    if result.get("refused"):
        return f"I can't do that: {result['refused']}"
    if "settled" in result:
        return "Thank you, I will keep that in mind."
    texts = [str(item.get("text")) for item in result.get("items") or []]
    listed = speech.listed([f"“{text}”" for text in texts]) if texts else "nothing"
    if result.get("new_statement"):
        return f"I would correct {listed} to “{result['new_statement']}”. Shall I? Please say yes."
    return f"I would forget this: {listed}. Shall I? Please say yes."


def _to_you(text: str) -> str:
    facts = extract(text)
    return speech.to_you(facts[0].text if len(facts) == 1 else text)
