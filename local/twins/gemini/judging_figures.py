"""Numbers, dates, times of day and measures, each in one form, for judging pairs by rule."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from local.twins.gemini import judging_phrases as phrases
from local.twins.gemini import judging_words as words

_MONTH: Final = "|".join(sorted(words.MONTHS, key=len, reverse=True))
_TENS: Final = "|".join(word for word, n in words.NUMBERS.items() if n >= 20)  # noqa: PLR2004
_ONES: Final = "|".join(word for word, n in words.NUMBERS.items() if 0 < n < 10)  # noqa: PLR2004
_TEENS: Final = "|".join(word for word, n in words.NUMBERS.items() if n in {0, *range(10, 20)})
_ABOUT: Final = r"(?:\b(?:about|around|roughly|approximately|some) )?"
"""What goes when a figure is converted: the other side's is as much about."""
_NTH: Final = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"""
_ORDINALS: Final = {word: n for n, word in enumerate(_NTH.split(), start=1)} | {
    "twentieth": 20,
    "thirtieth": 30,
}
_TURN: Final = {"last": -1, "this": 0, "next": 1}
_ORDINAL: Final = "|".join(_ORDINALS)
_HOLIDAYS: Final = (
    (r"\bchristmas day\b", "d12-25"),
    (r"\bchristmas eve\b", "d12-24"),
    (r"\bboxing day\b", "d12-26"),
    (r"\bnew year(?:'s)? eve\b", "d12-31"),
    (r"\bnew year(?:'s)? day\b", "d01-01"),
    (r"\bvalentine(?:'?s)?(?:'s)? day\b", "d02-14"),
    (r"\bhalloween\b", "d10-31"),
)


def measured(text: str) -> str:
    """Lengths, weights, volumes and spans of time, each in one unit."""
    text = _metric(_temperate(text))
    for unit, factor, base in phrases.UNITS:
        text = re.sub(rf"\b(\d+(?:\.\d+)?)[ -]?{unit}\b", _measure(factor, base), text)
    return text


def _temperate(text: str) -> str:
    text = re.sub(r"\bdegrees? (?=celsius|fahrenheit)|(?<=\d) {2,}(?=celsius|fahr)", " ", text)
    return re.sub(
        _ABOUT + r"\b(\d+(?:\.\d+)?) +fahrenheit\b",
        lambda m: f"{(float(m[1]) - 32) / 1.8:.0f} celsius",
        text,
    )


def _metric(text: str) -> str:
    """Feet, miles and pounds of weight as whole centimetres, kilometres and kilograms."""
    text = re.sub(
        r"\b(\d)(?:'| ?ft\b| ?feet| ?foot) ?(?:(\d\d?)(?:\"|''| ?in\b| ?inch(?:es)?)?)?",
        lambda m: f"{(int(m[1]) * 12 + int(m[2] or 0)) * 2.54:.0f} cm ",
        text,
    )
    text = re.sub(
        _ABOUT + r"\b(\d+(?:\.\d+)?)[ -]miles?\b(?! an)",
        lambda m: f"{float(m[1]) * 1.609:.0f} km",
        text,
    )
    text = re.sub(
        _ABOUT + r"\b(\d+) (?:square feet|square foot|sq\.? ?ft\.?)(?!\w)",
        lambda m: f"{float(m[1]) * 0.0929:.0f} square metre",
        text,
    )
    text = re.sub(r"\b(\d+) ?(?:m2|sqm|sq\.? ?m|square met(?:re|er)s?)\b", r"\1 square metre", text)
    if not re.search(r"\b(?:weigh|weight|lose|lost|gain|heavy)", text):
        return text
    text = re.sub(
        _ABOUT + r"\b(\d+) stone(?: (\d+)(?: pounds?)?)?\b",
        lambda m: f"{float(m[1]) * 6.35 + float(m[2] or 0) * 0.4536:.0f} kg",
        text,
    )
    return re.sub(
        _ABOUT + r"\b(\d+(?:\.\d+)?) pounds?\b",
        lambda m: f"{float(m[1]) * 0.4536:.0f} kg",
        text,
    )


def absolute(text: str, said_at: datetime | None) -> str:
    """With days, months and years in the place of "yesterday" and "two years ago"."""
    if said_at is None:
        return text
    text = re.sub(r"\bthe day before yesterday\b", "2 days ago", text)
    text = re.sub(r"\bthe day after tomorrow\b", "in 2 days", text)
    text = re.sub(
        r"\b(\d|a) (day|week)s? (ago|from now)\b|\bin (\d|a) (day|week)s?(?:'? time)?$",
        lambda m: _near(said_at, m),
        text,
    )
    text = re.sub(r"\b(last|this|next) month\b", lambda m: _month(said_at, _TURN[m[1]]), text)
    text = re.sub(
        r"\b(\d|a) months? ago\b",
        lambda m: _month(said_at, -int(m[1].replace("a", "1"))),
        text,
    )
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


def _near(said_at: datetime, found: re.Match[str]) -> str:
    count = int((found[1] or found[4]).replace("a", "1"))
    days = count * (7 if "week" in found[0] else 1)
    day = said_at + timedelta(days=-days if found[3] == "ago" else days)
    return f"on d{day.month:02}-{day.day:02}"


def _month(said_at: datetime, months: int) -> str:
    year, month = divmod(said_at.year * 12 + said_at.month - 1 + months, 12)
    return f"in {month_name[month + 1].casefold()} {year}"


def _measure(factor: float, unit: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{float(match[1]) * factor:.12g} {unit}"


def dated(text: str) -> str:
    """Days of a month as `d05-17`, whichever way they are written; a year stays beside them."""
    day = r"(\d{1,2})(?:st|nd|rd|th)?"
    for holiday, meant in _HOLIDAYS:
        text = re.sub(holiday, meant, text)
    text = re.sub(
        rf"\b(?:(20|30)[- ])?({_ORDINAL})(?= (?:day )?(?:of )?(?:{_MONTH}|monthly|the month)\b)",
        lambda m: f"{int(m[1] or 0) + _ORDINALS[m[2]]}th",
        text,
    )
    text = re.sub(
        rf"\b({_MONTH}) the (?:(20|30)[- ])?({_ORDINAL})\b",
        lambda m: f"{m[1]} {int(m[2] or 0) + _ORDINALS[m[3]]}th",
        text,
    )
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


def clocked(text: str) -> str:
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


def numbered(text: str) -> str:
    """Number words as figures, halves among them."""

    def figure(match: re.Match[str]) -> str:
        first, second = words.NUMBERS[match[1]], words.NUMBERS.get(match[2] or "", 0)
        return str(first + second)

    text = re.sub(r"\ban? (?=hundred|thousand|million)", "1 ", text)
    text = re.sub(rf"\b({_TENS})(?:[- ]({_ONES}))?\b", figure, text)
    text = re.sub(rf"\b({_ONES}|{_TEENS})()\b", figure, text)
    text = re.sub(r"\b(\d+) and a half\b", r"\1.5", text)
    text = re.sub(r"\bhalf an? (?=kilo|lit|met|mile|gram|pound|million)", "0.5 ", text)
    text = re.sub(r"\ban? (kilo|lit(?:re|er)|met(?:re|er)|mile) and a half\b", r"1.5 \1", text)
    text = re.sub(r"\b(\d+) dozen\b", lambda m: str(int(m[1]) * 12), text)
    for word, scale in (
        ("hundred", 100),
        ("thousand", 1_000),
        ("million", 1_000_000),
        ("lakh", 100_000),
        ("crore", 10_000_000),
    ):
        text = re.sub(rf"\b(\d+(?:\.\d+)?) +{word}\b", _measure(scale, ""), text)
    return text
