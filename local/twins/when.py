"""Phrases of time ("last month", "since March") as moments in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NUMBER = (
    r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"a few|a couple of|several)"
)
_UNIT = r"(?:minute|hour|day|week|month|year|decade)s?"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DATE = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?)"
_LAST = rf"(?:last|this|past) (?:night|week|weekend|month|year|{_DAY}|{_MONTH})"
_AGO = rf"{_NUMBER} {_UNIT} (?:ago|back)"
_IN = rf"(?:early |late |mid-?)?(?:{_MONTH}(?:,? \d{{4}})?|(?:19|20)\d\d)"

PHRASE = re.compile(
    rf"\b(?:since |starting |from )?(?:{_LAST}|{_AGO}|yesterday|today|this morning|tonight)\b"
    rf"|\b(?:in|since|around|back in|from) {_IN}\b"
    rf"|\b(?:on|since) (?:{_DATE}(?:,? \d{{4}})?|{_DAY})\b"
    rf"|\bfor (?:the (?:last|past) )?(?:about |over |nearly )?{_NUMBER} {_UNIT}(?: now)?\b",
    re.IGNORECASE,
)

_LEAD = re.compile(
    r"^(?:(?:since|starting|from|in|on|around|back in|early|late|mid-?)\s+)+", re.IGNORECASE
)
_LASTING = re.compile(
    r"^for (?:the (?:last|past) )?(?:about |over |nearly )?(.+?)(?: now)?$", re.IGNORECASE
)
_RELATIVE = re.compile(r"\bago\b|^(?:last|yesterday|today)\b", re.IGNORECASE)
_SMALL = {"a few": "3", "a couple of": "2", "several": "3"}


def moment(phrase: str | None, reference: datetime) -> datetime | None:
    """The moment a phrase means when said at `reference` (aware), in UTC, never later than it.

    None when there is no phrase or it is not understood.
    """
    if not phrase:
        return None
    found = _parse(_plain(phrase), reference.astimezone(UTC))
    return min(found, reference.astimezone(UTC)) if found else None


def _plain(phrase: str) -> str:
    lasting = _LASTING.match(phrase)
    text = f"{lasting[1]} ago" if lasting else _LEAD.sub("", phrase)
    for words, number in _SMALL.items():
        text = re.sub(rf"\b{words}\b", number, text, flags=re.IGNORECASE)
    text = re.sub(r"\bpast (?=week|month|year)", "last ", text, flags=re.IGNORECASE)
    text = re.sub(r"^this (?:week|month|year)$", "today", text, flags=re.IGNORECASE)
    text = re.sub(r"\blast (?=night\b)", "yesterday ", text, flags=re.IGNORECASE)
    text = re.sub(r"^this morning$|^tonight$", "today", text, flags=re.IGNORECASE)
    text = re.sub(r"\blast weekend\b", "last saturday", text, flags=re.IGNORECASE)
    return re.sub(rf"^(?:last|this) (?={_DAY}|{_MONTH})", "", text, flags=re.IGNORECASE)


def _parse(text: str, reference: datetime) -> datetime | None:
    # Slow to import (0.1 s), and most messages name no time.
    import dateparser  # noqa: PLC0415

    # "last month" is a month before; "in 2019" begins with its first day.
    part = "current" if _RELATIVE.search(text) else "first"
    found: datetime | None = dateparser.parse(
        text,
        languages=["en"],
        settings={
            "RELATIVE_BASE": reference.replace(tzinfo=None),
            "PREFER_DATES_FROM": "past",
            "PREFER_DAY_OF_MONTH": part,
            "PREFER_MONTH_OF_YEAR": part,
        },
    )
    return found.replace(tzinfo=UTC) if found else None
