"""What a question asks about time, told from its English words alone: no model, no store.

Understood are years, months, days, "last year", "two years ago", "since …", "between … and …"; the
past as such ("used to", "previously", "… before?"); all of time ("When did I …?", "… ever"); and
times that another statement gives ("before Mumbai", "when I was in Delhi"). Everything else, other
languages among it, is no time question, and then nothing is ranked by time. Days are UTC's: where a
person's day begins is not known.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tandem.recall.calendar_words import ABSOLUTE, TIME, Period, period_of, shifted_to
from tandem.recall.words import telling_words

Relation = Literal["before", "during", "after"]

_CLAUSE: Final = (
    r"(?P<rest>[^.,;:!?]+?)(?=\s*(?:[.,;:!?]|$)|\s+(?:what|where|who|which|how|why|did|do)\b)"
)
_BETWEEN: Final = re.compile(
    rf"\b(?:between|from)\s+(?P<first>{TIME})\s+(?:and|to|until|till)\s+(?P<last>{TIME})\b", re.I
)
_DATED: Final = re.compile(
    rf"\b(?:(?P<word>before|prior\s+to|until|till|since|after|in|during|on|of|from|around|by"
    rf"|throughout|for|as\s+of)\s+)?(?P<time>{TIME})\b",
    re.I,
)
_DURING: Final = re.compile(
    r"\b(?:when|while)\s+(?:(?:i|we)\s+(?:was|were|had\s+been|(?:still\s+)?(?:lived|worked|studied"
    r"|stayed))\s+(?:still\s+)?)?(?:(?:living|working|studying|staying)\s+)?(?:in|at|with|for)\s+"
    + _CLAUSE
    + r"|\bduring\s+(?:my|our)\s+(?:time|years?|days|stay|studies)\s+(?:in|at|with)\s+"
    + _CLAUSE.replace("rest", "spent"),
    re.I,
)
_NEXT_TO: Final = re.compile(r"\b(?P<word>before|prior\s+to|after)\s+" + _CLAUSE, re.I)
# "Before" at the end, or before what names nothing: the past as such.
_PAST: Final = re.compile(
    r"\bused\s+to\b|\bpreviously\b|\bformerly\b|\bin\s+the\s+past\b|\bback\s+then\b"
    r"|\b(?:my|our|the)\s+(?:previous|former)\b"
    r"|\b(?:before|earlier)(?:\s+(?:that|this|then|now|it))?\s*(?=[.,;!?]|$)",
    re.I,
)
_EVER: Final = re.compile(
    r"\b(?:when|how\s+long)\s+(?:did|was|were|had)\s+(?:i|we|my|our)\b"
    r"|\b(?:did|was|were|have|had)\s+(?:i|we)\s+ever\b",
    re.I,
)
_NOW: Final = re.compile(
    r"\b(?:do|does|am|is|are|can|could|will|would|should|shall|must|may|have|has)\b", re.I
)
_THEN: Final = re.compile(
    r"\b(?:did|was|were|had|used)\b|\b(?!need|feed|seed|speed)\w{2,}ed\b", re.I
)
_NAME: Final = re.compile(r"\b(?!I\b)[^\W\d_a-z]\w+")
_VERBS: Final = telling_words(
    "live lived living move moved moving work worked working start started starting join joined"
    " joining go went going come came coming get got getting become became study studied studying"
    " stay stayed staying leave left leaving meet met meeting still there job place"
)


@dataclass(frozen=True, slots=True)
class TimeQuestion:
    """What is asked about time; without a period and an anchor, about the past as such.

    Attributes:
        topic: the question without its words about time.
        period: the time that is asked about (aware, half open; an end that is None is open).
        anchor: words of the statement whose dates give the time, and how it lies to them.
        named: the date as the question has it, when a text may name it in the same words.
    """

    topic: str
    period: Period | None = None
    anchor: frozenset[str] = frozenset()
    relation: Relation = "before"
    named: str = ""


def understand(query: str, *, now: datetime) -> TimeQuestion | None:
    """What a query asks about time; None when it asks nothing, or nothing that is understood.

    Args:
        query: a question, or the words of a search.
        now: aware; what "last year" is counted from.
    """
    text = " ".join(query.replace("’", "'").split())  # noqa: RUF001 - what telephones type
    return _between(text, now) or _dated(text, now) or _beside(text) or _past(text)


def is_told_as_past(text: str) -> bool:
    """Whether a statement says by its words that it is over: "Used to play chess"."""
    return _PAST.search(text) is not None


def _between(text: str, now: datetime) -> TimeQuestion | None:
    found = _BETWEEN.search(text)
    if found is None:
        return None
    first, last = period_of(found["first"], now), period_of(found["last"], now)
    if first is None or last is None or last.end is None:
        return None
    return TimeQuestion(_without(text, found), Period(first.start, last.end))


def _dated(text: str, now: datetime) -> TimeQuestion | None:
    for found in _DATED.finditer(text):
        word = " ".join((found["word"] or "").lower().split())
        absolute = ABSOLUTE.fullmatch(found["time"])
        if absolute and not word:
            # A number alone may be anything: a house's, a model's.
            continue
        period = period_of(found["time"], now)
        if period is not None:
            named = found["time"] if absolute and word not in {"before", "after"} else ""
            return TimeQuestion(_without(text, found), shifted_to(word, period), named=named)
    return None


def _beside(text: str) -> TimeQuestion | None:
    found = _DURING.search(text)
    relation: Relation = "during"
    if found is None:
        found = _NEXT_TO.search(text)
        if found is None:
            return None
        relation = "after" if found["word"].lower() == "after" else "before"
    rest = found["rest"] or found.groupdict().get("spent") or ""
    topic = _without(text, found)
    if relation != "during" and _NOW.search(topic) and not _THEN.search(topic):
        return None  # "What do I drink before work?" asks about habits
    anchor = _anchor(rest)
    return TimeQuestion(topic, anchor=anchor, relation=relation) if anchor else None


def _anchor(clause: str) -> frozenset[str]:
    names = telling_words(" ".join(_NAME.findall(clause)))
    return names or telling_words(clause) - _VERBS


def _past(text: str) -> TimeQuestion | None:
    found = _PAST.search(text)
    if found is not None:
        return TimeQuestion(_without(text, found))
    return TimeQuestion(text, Period(None, None)) if _EVER.search(text) else None


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}".strip()
