"""What a statement is made of, for judging by rule: words, numbers, dates, time and negation."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from local.twins.gemini import judging_words as words

_LONGEST: Final = 600
_LEFT_OUT: Final = frozenset({",", "do", "does", "now", "currently", "really", "just", "very"})
_WORD: Final = re.compile(r"d\d\d-\d\d|t\d+:\d\d|\d+(?:\.\d+)?|[^\W\d_]+|,")
_MONTH: Final = "|".join(sorted(words.MONTHS, key=len, reverse=True))
_TENS: Final = "|".join(word for word, n in words.NUMBERS.items() if n >= 20)  # noqa: PLR2004
_ONES: Final = "|".join(word for word, n in words.NUMBERS.items() if 0 < n < 10)  # noqa: PLR2004
_TEENS: Final = "|".join(word for word, n in words.NUMBERS.items() if n in {0, *range(10, 20)})
_CONTRACTED: Final = (
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"\bdont\b", "do not"),
    (r"\bi'm\b|\bim\b", "i am"),
    (r"'ve\b", " have"),
    (r"'re\b", " are"),
    (r"'ll\b", " will"),
    (r"\b(i|he|she|they|we|you)'d\b", r"\1 would"),
    (r"\b(it|that|there|he|she|what|who|where)'s\b", r"\1 is"),
    (r"\b(?:the )?user's\b", "my"),
    (r"\b(?:the )?user\b", "i"),
    (r"\b(?:mine|myself)\b", "my"),
    (r"\bme\b", "i"),
    (r"(?<=\w)'s\b|(?<=s)'(?=\s)", ""),
)
_SHAPES: Final = (
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"[$\u20ac\u20b9\u00a3] ?(\d+(?:\.\d+)?)", r"\1 money"),
    (r"%", " percent"),
    (r"\bhalf an hour\b", "30 minutes"),
    (r"\b(?:an|one) hour and a half\b|\bone and a half hours\b", "90 minutes"),
    (r"\bhalf a dozen\b", "6"),
    (r"\ba dozen\b|\bdozen\b", "12"),
    (r"\ba couple of\b", "2"),
    (r"\bonce\b(?= (?:a|an|every|each|per))", "1 time"),
    (r"\btwice\b", "2 times"),
    (r"\bthrice\b", "3 times"),
    (r"\b(?:each|every|per) (day|week|month|year)\b", r"\1ly"),
    (r"\bdayly\b|\beveryday\b|\bday in,? day out\b", "daily"),
    (r"(?<=times )an? (day|week|month|year)\b", r"\1ly"),
    (r"(?<=time )an? (day|week|month|year)\b", r"\1ly"),
    (r"\bdayly\b", "daily"),
    (r"\bnoon\b|\bmidday\b", "t12:00"),
    (r"\bmidnight\b", "t0:00"),
    (r" o'clock\b", ""),
)
_PHRASES: Final = (
    (r"\b(?:no longer|not any ?more|not any longer)\b", "ended"),
    (r"\b(?:not)\b(.*)\b(?:any ?more|any longer)\b", r"ended \1"),
    (r"\bused to\b", "formerly"),
    (r"\bnot (?:really |particularly |much )?(?:like|enjoy|love|care for)\b", "dislike"),
    (r"\b(?:am|is|are) not (?:really )?(?:an? )?(?:big |great |huge )?fan of\b", "dislike"),
    (r"\b(?:am|is|are) not (?:really |very |too )?(?:fond of|keen on|into)\b", "dislike"),
    (r"\b(?:can|could) not (?:stand|bear|abide)\b", "hate"),
    (r"\b(?:am|is|are) (?:an? )?(?:big |great |huge |real )?(?:fan|lover) of\b", "like"),
    (r"\b(?:am|is|are) (?:very |really |quite |so )?(?:fond of|keen on|into|mad about)\b", "like"),
    (r"\b(?:am|is|are) (?:very |really )?(?:passionate|crazy|enthusiastic) about\b", "like"),
    (r"\bhave (?:an? )?(?:great |real |deep )?(?:love|passion|liking) (?:for|of)\b", "like"),
    (r"\btakes? (?:great )?pleasure in\b", "like"),
    (r"\bknows? how to\b|\b(?:am|is|are) able to\b", "can"),
    (r"\b(?:am|is|are) unable to\b|\bdo not can\b|\bdoes not can\b", "can not"),
    (r"\bhave (?:got )?to\b", "must"),
    (r"\bhas got\b|\bhave got\b", "have"),
    (r"\b(?:get|gets|wake|wakes|getting) up\b|\bawake(?:ns?)?\b", "wake"),
    (r"\bgo(?:es)? to (?:bed|sleep)\b|\bturns? in\b", "bedtime"),
    (r"\bthe (\w+) of (my \w+)\b", r"\2 \1"),
    (r"\b(?:the )?(?:person|one|thing)s? (?:who|that|which)\b", ""),
    (r"\bat the moment\b|\bat present\b|\bthese days\b|\bright now\b", "now"),
    (r"\b(?:works?|working) out\b|\bexercis(?:es?|ing)\b", "exercise"),
    (r"\b(?:afraid|scared|frightened|terrified) (?:of|by)\b|\bfears?\b", "afraid"),
    (r"\bhave a fear of\b|\bis afraid\b|\bam afraid\b", "afraid"),
    (r"\bmy (?:mother tongue|first language|native tongue)\b", "my native language"),
    (r"\bon foot\b", "walking"),
    (r"\bby (?:bike|bicycle)\b", "cycling"),
    (r"\b(?:do|does) not have an?\b|\bhave no\b|\bhas no\b|\bwithout an?\b", "not have"),
    (r"\bgave birth to\b", "had"),
    (r"\bsince the age of\b|\bsince age\b", "since i was"),
)
_UNITS: Final = (
    (r"(\d+(?:\.\d+)?) ?(?:kilometres?|kilometers?|kms?)\b", 100_000, "cm"),
    (r"(\d+(?:\.\d+)?) ?(?:metres?|meters?|m)\b", 100, "cm"),
    (r"(\d+(?:\.\d+)?) ?(?:centimetres?|centimeters?|cms?)\b", 1, "cm"),
    (r"(\d+(?:\.\d+)?) ?(?:kilograms?|kilos?|kgs?)\b", 1000, "gram"),
    (r"(\d+(?:\.\d+)?) ?(?:grams?|g)\b", 1, "gram"),
    (r"(\d+(?:\.\d+)?) ?(?:hours?|hrs?)\b", 60, "minute"),
    (r"(\d+(?:\.\d+)?) ?(?:minutes?|mins?)\b", 1, "minute"),
)


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
def read(text: str) -> Reading:
    """The statement's parts. Of a long text the first 600 characters count."""
    kept = unicodedata.normalize("NFKC", text)[:_LONGEST].replace("\u2019", "'").strip()
    plain = _plain(kept)
    tokens = _WORD.findall(plain)
    line = " ".join(_stemmed(word) for word in tokens if word not in _LEFT_OUT)
    return Reading(
        line=line,
        chunks=Counter(content(part) for part in _parts(tokens) if content(part)),
        negations=Counter(token for token in tokens if token in words.NEGATIONS),
        tense=_tense(tokens),
        names=_names(kept),
        said=frozenset(re.findall(r"[^\W_]+", kept.casefold())),
    )


def content(tokens: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """The meanings of what is neither a small word nor punctuation, in order."""
    kept = [word for word in tokens if word != "," and word not in words.STOP]
    return tuple(words.concept(_stemmed(word)) for word in kept)


def meanings(line: str) -> tuple[str, ...]:
    """The meanings in a part of a `line`, whose words have no endings any more."""
    stops = {words.stem(word) for word in words.STOP} | words.STOP
    return tuple(words.concept(token) for token in line.split() if token not in stops)


def _plain(text: str) -> str:
    plain = text.casefold().rstrip(".!? ")
    first = plain.split(" ", 1)[0]
    if first in words.VERBS:
        plain = f"user {plain}"
    elif first in {"name", "birthday", "favourite", "favorite"}:
        plain = f"my {plain}"
    told = plain.startswith(("user", "the user"))
    for pattern, by in _CONTRACTED:
        plain = re.sub(pattern, by, plain)
    if told:
        # Of the person: nobody else was named yet who could be meant by it.
        plain = re.sub(r"\b(?:his|her|their|theirs)\b", "my", plain)
        plain = re.sub(r"\b(?:he|she|they|him|them)\b", "i", plain)
    for pattern, by in _SHAPES:
        plain = re.sub(pattern, by, plain)
    plain = _numbered(plain)
    plain = _clocked(_dated(plain))
    for pattern, factor, unit in _UNITS:
        plain = re.sub(pattern, _measure(factor, unit), plain)
    for pattern, by in _PHRASES:
        plain = re.sub(pattern, by, plain)
    return plain


def _measure(factor: float, unit: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{float(match[1]) * factor:g} {unit}"


def _dated(text: str) -> str:
    """Days of a month as `d05-17`, whichever way they are written; a year stays beside them."""
    day = r"(\d{1,2})(?:st|nd|rd|th)?"
    text = re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", r"d\2-\3 \1", text)
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

    late = r"p\.?m\b\.?|in the evening|in the afternoon|at night"
    early = r"(?<![\w:])(\d{1,2})(?:[:.](\d\d))? ?(?:a\.?m\b\.?|in the morning)"
    text = re.sub(early, lambda m: f"t{int(m[1]) % 12}:{int(m[2] or 0):02}", text)
    text = re.sub(rf"(?<![\w:])(\d{{1,2}})(?:[:.](\d\d))? ?(?:{late})", clock, text)
    return re.sub(r"(?<![\w:])(\d{1,2}):(\d\d)\b", lambda m: f"t{int(m[1])}:{m[2]}", text)


def _numbered(text: str) -> str:
    """Number words as figures."""

    def figure(match: re.Match[str]) -> str:
        first, second = words.NUMBERS[match[1]], words.NUMBERS.get(match[2] or "", 0)
        return str(first + second)

    text = re.sub(rf"\b({_TENS})(?:[- ]({_ONES}))?\b", figure, text)
    return re.sub(rf"\b({_ONES}|{_TEENS})()\b", figure, text)


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


def _tense(said: list[str]) -> frozenset[str]:
    found: set[str] = set()
    before = ""
    for word in said:
        past = word in words.PAST or (word.endswith("ed") and word not in words.ADJECTIVES)
        if before in {"have", "has"} and (past or word == "been"):
            found.add("perfect")
        elif past:
            found.add("past")
        if word in words.FUTURE:
            found.add("future")
        if word in {"ended", "formerly", "stopped", "quit", "former", "ex"}:
            found.add("ended")
        before = word if word not in {"not", "never", "always", "also", "just"} else before
    return frozenset(found)


def _names(text: str) -> frozenset[str]:
    inside = re.findall(r"(?<![.!?:])(?<=\s)[A-Z\u00c0-\u00de][^\W_]*", text)
    small = {name.casefold() for name in inside}
    return frozenset(small - {"i", "user", "my"} - words.MONTHS.keys())
