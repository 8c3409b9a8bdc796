"""What a statement is made of, for judging by rule: words, numbers, dates, time and negation."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from local.twins.gemini import judging_figures as figures
from local.twins.gemini import judging_phrases as phrases
from local.twins.gemini import judging_turns as turns
from local.twins.gemini import judging_words as words

_LONGEST: Final = 600
_LEFT_OUT: Final = frozenset({",", "do", "does", "now", "currently", "really", "just", "very"})
_PASSIVE: Final = re.compile(r"(.+?) (was|were|is|are|am) (?:\w+ly )?(\w+)( .+)? by (.+)")
_HAVE: Final = frozenset({"have", "has"})
_WORD: Final = re.compile(r"d\d\d-\d\d|t\d+:\d\d|\d+(?:\.\d+)?|[^\W\d_]+|,")


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
def read(text: str, said_at: datetime | None = None, *, freer: bool = False) -> Reading:
    """The statement's parts. Of a long text the first 600 characters count.

    With `said_at`, "yesterday" and "two years ago" are the day and the year that they meant.
    The `freer` reading also brings many turns that mean the same to one of them.
    """
    kept = unicodedata.normalize("NFKC", text)[:_LONGEST].replace("\u2019", "'").strip()
    plain = _plain(kept, said_at, freer=freer)
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


def _plain(text: str, said_at: datetime | None, *, freer: bool) -> str:
    text = _rewritten(text, turns.CASED) if freer else text
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
    plain = figures.absolute(figures.numbered(plain), said_at)
    plain = figures.dated(_rewritten(plain, phrases.SHAPES))
    plain = figures.measured(figures.clocked(plain))
    if freer:
        plain = _rewritten(plain, turns.TURNS)
    plain = _rewritten(plain, phrases.PHRASES)
    return _rewritten(_active(_rewritten(plain, phrases.YOUNGER)), phrases.CONVERSE)


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
        text = pattern.sub(by, text)
    return " ".join(text.split())


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
            lasts = word in words.STATIVE or "since" in said
            found.add("perfect" if lasts else "past")
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
