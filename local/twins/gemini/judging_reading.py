"""What a statement is made of, for judging by rule: words, numbers, dates, time and negation."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from local.twins.gemini import judging_phrases as phrases
from local.twins.gemini import judging_words as words

_LONGEST: Final = 600
_LEFT_OUT: Final = frozenset({",", "do", "does", "now", "currently", "really", "just", "very"})
_PASSIVE: Final = re.compile(r"(.+?) (was|were|is|are|am) (?:\w+ly )?(\w+)( .+)? by (.+)")
_HAVE: Final = frozenset({"have", "has"})
_WORD: Final = re.compile(r"d\d\d-\d\d|t\d+:\d\d|\d+(?:\.\d+)?|[^\W\d_]+|,")
_MONTH: Final = "|".join(sorted(words.MONTHS, key=len, reverse=True))
_TENS: Final = "|".join(word for word, n in words.NUMBERS.items() if n >= 20)  # noqa: PLR2004
_ONES: Final = "|".join(word for word, n in words.NUMBERS.items() if 0 < n < 10)  # noqa: PLR2004
_TEENS: Final = "|".join(word for word, n in words.NUMBERS.items() if n in {0, *range(10, 20)})


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement, taken apart."""

    line: str
    """Its words without endings, one space between them, in order; "is" for all of am, are, is."""
    chunks: Counter[tuple[str, ...]]
    """Its parts that may change places, each as meanings in order."""
    negations: Counter[str]
    tense: frozenset[str]
    """Some of "past", "perfect", "future", "ended"; none of these for a plain present."""
    names: frozenset[str]
    """What is written with a capital inside the text."""
    said: frozenset[str]
    """All words as they were said, in small letters."""


@lru_cache(maxsize=1_024)
def read(text: str, said_at: datetime | None = None) -> Reading:
    """The statement's parts. Of a long text the first 600 characters count.

    With `said_at`, "yesterday" and "two years ago" are the day and the year that they meant.
    """
    kept = unicodedata.normalize("NFKC", text)[:_LONGEST].replace("\u2019", "'").strip()
    plain = _plain(kept, said_at)
    tokens = _WORD.findall(plain)
    tense = _tense(tokens)
    tokens = _without_auxiliaries(tokens)
    line = " ".join(_stemmed(word) for word in tokens if word not in _LEFT_OUT)
    return Reading(
        line=line,
        chunks=Counter(content(part) for part in _parts(tokens) if content(part)),
        negations=Counter(token for token in tokens if token in words.NEGATIONS),
        tense=tense,
        names=_names(kept) & set(tokens),
        said=frozenset(re.findall(r"[^\W_]+", kept.casefold())) | set(tokens),
    )


def content(tokens: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """The meanings of what is neither a small word nor punctuation, in order."""
    kept = [word for word in tokens if word != "," and word not in words.STOP]
    return tuple(words.concept(_stemmed(word)) for word in kept)


def meanings(line: str) -> tuple[str, ...]:
    """The meanings in a part of a `line`, whose words have no endings any more."""
    stops = {words.stem(word) for word in words.STOP} | words.STOP
    return tuple(words.concept(token) for token in line.split() if token not in stops)


def _plain(text: str, said_at: datetime | None) -> str:
    plain = text.casefold().rstrip(".!? ")
    first = plain.split(" ", 1)[0]
    if first in words.VERBS:
        plain = f"user {plain}"
    elif first in words.BARE:
        plain = f"user is {plain}"
    elif first in {"name", "birthday", "favourite", "favorite"}:
        plain = f"my {plain}"
    told = plain.startswith(("user", "the user"))
    plain = _rewritten(plain, phrases.CONTRACTED)
    if told:
        # Of the person: nobody else was named yet who could be meant by it.
        plain = _rewritten(plain, phrases.THIRD_PERSON)
    plain = _rewritten(plain, phrases.SHORT)
    plain = _absolute(_numbered(plain), said_at)
    plain = _clocked(_dated(_rewritten(plain, phrases.SHAPES)))
    plain = _metric(plain)
    for unit, factor, base in phrases.UNITS:
        plain = re.sub(rf"\b(\d+(?:\.\d+)?)[ -]?{unit}\b", _measure(factor, base), plain)
    plain = _rewritten(plain, phrases.PHRASES)
    return _rewritten(_active(_rewritten(plain, phrases.YOUNGER)), phrases.CONVERSE)


def _metric(text: str) -> str:
    """Feet, miles and pounds of weight as whole centimetres, kilometres and kilograms."""
    text = re.sub(
        r"\b(\d)(?:'| ?ft\b| ?feet| ?foot) ?(?:(\d\d?)(?:\"|''| ?in\b| ?inch(?:es)?)?)?",
        lambda m: f"{(int(m[1]) * 12 + int(m[2] or 0)) * 2.54:.0f} cm ",
        text,
    )
    text = re.sub(
        r"\b(\d+(?:\.\d+)?)[ -]miles?\b(?! an)", lambda m: f"{float(m[1]) * 1.609:.0f} km", text
    )
    text = re.sub(
        r"\b(\d+) (?:square feet|square foot|sq\.? ?ft\.?)(?!\w)",
        lambda m: f"{float(m[1]) * 0.0929:.0f} square metre",
        text,
    )
    text = re.sub(r"\b(\d+) ?(?:m2|sqm|sq\.? ?m|square met(?:re|er)s?)\b", r"\1 square metre", text)
    if not re.search(r"\b(?:weigh|weight|lose|lost|gain|heavy)", text):
        return text
    return re.sub(r"\b(\d+(?:\.\d+)?) pounds?\b", lambda m: f"{float(m[1]) * 0.4536:.0f} kg", text)


def _absolute(text: str, said_at: datetime | None) -> str:
    """With days and years in the place of "yesterday" and "two years ago"."""
    if said_at is None:
        return text
    for days, word in enumerate(("yesterday", "today", "tomorrow"), start=-1):
        day = said_at + timedelta(days=days)
        text = re.sub(rf"\b{word}\b", f"d{day.month:02}-{day.day:02}", text)
    for years, word in enumerate(("last", "this", "next"), start=-1):
        text = re.sub(rf"\b{word} year\b", f"in {said_at.year + years}", text)
    text = re.sub(
        r"\b(?:about )?(\d{1,2}|a) years? ago\b",
        lambda m: f"in {said_at.year - int(m[1].replace('a', '1'))}",
        text,
    )
    return re.sub(
        r"(?<=\w )(?<!old )for (?:the (?:past|last) )?(\d{1,2}) years\b(?! old)",
        lambda m: f"since {said_at.year - int(m[1])}",
        text,
    )


def _active(text: str) -> str:
    """ "A is made by B" as "B makes A"."""
    found = _PASSIVE.fullmatch(text)
    if not found:
        return text
    done, when, verb, what, doer = found.groups(default="")
    base = words.base(verb)
    if base == verb and not verb.endswith("ed"):
        return text
    if when in {"was", "were"}:
        return f"{doer} {verb} {done}{what}"
    present = base if base != verb else verb.removesuffix("d")
    return f"{doer} {present} {done}{what}"


def _rewritten(text: str, table: phrases.Rewriting) -> str:
    for pattern, by in table:
        text = re.sub(pattern, by, text)
    return " ".join(text.split())


def _measure(factor: float, unit: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{float(match[1]) * factor:g} {unit}"


def _dated(text: str) -> str:
    """Days of a month as `d05-17`, whichever way they are written; a year stays beside them."""
    day = r"(\d{1,2})(?:st|nd|rd|th)?"
    text = re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", r"d\2-\3 \1", text)
    # Beyond twelve it can only be the day.
    text = re.sub(
        r"\b(1[3-9]|2\d|3[01])[./](0?\d|1[0-2])(?:[./](\d{4}))?\b",
        lambda m: f"d{int(m[2]):02}-{m[1]} {m[3] or ''}".strip(),
        text,
    )
    text = re.sub(
        r"\b(0?\d|1[0-2])/(1[3-9]|2\d|3[01])(?:/(\d{4}))?\b",
        lambda m: f"d{int(m[1]):02}-{m[2]} {m[3] or ''}".strip(),
        text,
    )
    text = re.sub(
        rf"\b(?:the )?{day} (?:of )?({_MONTH})\b,?",
        lambda m: f"d{words.MONTHS[m[2]]:02}-{int(m[1]):02}",
        text,
    )
    return re.sub(
        rf"\b({_MONTH}) (?:the )?{day}\b(?!:),?",
        lambda m: f"d{words.MONTHS[m[1]]:02}-{int(m[2]):02}",
        text,
    )


def _clocked(text: str) -> str:
    """Times of day as `t19:30`."""

    def clock(match: re.Match[str]) -> str:
        return f"t{int(match[1]) % 12 + 12}:{int(match[2] or 0):02}"

    text = re.sub(
        r"\b(?:a )?quarter to (\d{1,2})\b", lambda m: f"{(int(m[1]) - 2) % 12 + 1}:45", text
    )
    late = r"p\.?m\b\.?|in the evening|in the afternoon|at night"
    early = r"(?<![\w:])(\d{1,2})(?:[:.](\d\d))? ?(?:a\.?m\b\.?|in the morning)"
    text = re.sub(early, lambda m: f"t{int(m[1]) % 12}:{int(m[2] or 0):02}", text)
    text = re.sub(rf"(?<![\w:])(\d{{1,2}})(?:[:.](\d\d))? ?(?:{late})", clock, text)
    text = re.sub(r"(?<![\w:])(\d{1,2}):(\d\d)\b", lambda m: f"t{int(m[1])}:{m[2]}", text)
    if re.search(r"\bevening|\bafternoon", text) and "morning" not in text:
        text = re.sub(r"\bt(\d|1[01]):", lambda m: f"t{int(m[1]) + 12}:", text)
    if re.search(r"\bnight|\bto bed\b|\bto sleep\b|\bbedtime", text) and "morning" not in text:
        text = re.sub(r"\bt([7-9]|1[01]):", lambda m: f"t{int(m[1]) + 12}:", text)
    return text


def _numbered(text: str) -> str:
    """Number words as figures."""

    def figure(match: re.Match[str]) -> str:
        first, second = words.NUMBERS[match[1]], words.NUMBERS.get(match[2] or "", 0)
        return str(first + second)

    text = re.sub(r"\ban? (?=hundred|thousand|million)", "1 ", text)
    text = re.sub(rf"\b({_TENS})(?:[- ]({_ONES}))?\b", figure, text)
    text = re.sub(rf"\b({_ONES}|{_TEENS})()\b", figure, text)
    for word, scale in (
        ("hundred", 100),
        ("thousand", 1_000),
        ("million", 1_000_000),
        ("lakh", 100_000),
        ("crore", 10_000_000),
    ):
        text = re.sub(rf"\b(\d+(?:\.\d+)?) +{word}\b", _measure(scale, ""), text)
    return text


def _stemmed(word: str) -> str:
    if word in {"am", "are", "is"}:
        return "is"
    return "have" if word in {"has", "have"} else words.stem(word)


def _parts(said: list[str]) -> list[list[str]]:
    """The words, cut where a part begins that may stand elsewhere."""
    parts: list[list[str]] = [[]]
    started = bool(said) and said[0] in words.SPLITTING
    for word in said:
        if word in words.ALONE:
            parts.insert(0, [word])
            continue
        subject = started and word in {"i", "my", "we"}
        if word == "," or word in words.SPLITTING or subject:
            parts.append([])
            started = started and not subject
        parts[-1].append(word)
    return parts


def _without_auxiliaries(said: list[str]) -> list[str]:
    """Without the "have" of a perfect, and its "been"."""
    behind = [*said[1:], ""]
    return [
        word
        for word, after in zip(said, behind, strict=False)
        if not (word in _HAVE and (_is_past(after) or after == "been")) and word != "been"
    ]


def _is_past(word: str) -> bool:
    return word in words.PAST or (word.endswith("ed") and word not in words.ADJECTIVES)


def _tense(said: list[str]) -> frozenset[str]:
    found: set[str] = set()
    before = ""
    for word in said:
        past = _is_past(word)
        if before in _HAVE and (past or word == "been"):
            found.add("perfect" if word in words.STATIVE else "past")
        elif past and before not in {"am", "is", "are", "been"}:
            found.add("past")
        if word in words.FUTURE:
            found.add("future")
        if word in {"ended", "formerly", "former", "ex"}:
            found.add("ended")
        before = word if word not in {"not", "always", "also", "just"} else before
    # What has lasted since then, or for so long, lasts.
    return frozenset(found - {"perfect"} if {"since", "for"} & set(said) else found)


def _names(text: str) -> frozenset[str]:
    inside = re.findall(r"(?<![.!?:])(?<=\s)[A-Z\u00c0-\u00de][^\W_]*", text)
    small = {name.casefold() for name in inside}
    return frozenset(small - {"i", "user", "my"} - words.MONTHS.keys() - words.WEEKDAYS)
