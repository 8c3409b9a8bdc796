"""Times as people write them, and the stretch of calendar that each of them means (UTC)."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

_MONTHS: Final = "janfebmaraprmayjunjulaugsepoctnovdec"
_NUMBERS: Final = "a/an/one two/couple three/few four five six seven eight nine ten eleven twelve"
_COUNTS: Final = {
    word: count
    for count, words in enumerate(_NUMBERS.split(), start=1)
    for word in words.split("/")
}
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR: Final = r"(?:19|20)\d\d"
_DAY: Final = r"[0-3]?\d(?:st|nd|rd|th)?"
_UNIT: Final = r"(?:day|week|month|year|decade)"

_SHAPES: Final = {
    "iso": rf"{_YEAR}-[01]\d-[0-3]\d",
    "day_first": rf"{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
    "month_first": rf"{_MONTH}\s+{_DAY},?\s+{_YEAR}",
    "month_of_year": rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}",
    "decade": r"(?:the\s+)?(?:(?:19|20)?\d0)'?s",
    "month": rf"(?:last\s+|this\s+)?{_MONTH}",
    "year": _YEAR,
    "ago": rf"(?:(?:an?|the)\s+)?(?:\d{{1,3}}|{'|'.join(_COUNTS)})"
    rf"(?:\s+of)?\s+{_UNIT}s?\s+(?:ago|back)",
    "unit": rf"(?:last|this)\s+{_UNIT}",
    "yesterday": r"yesterday|today",
}
TIME: Final = "(?:" + "|".join(f"(?:{shape})" for shape in _SHAPES.values()) + ")"
"""A pattern for everything that `period_of` may understand; case doesn't matter."""
ABSOLUTE: Final = re.compile(
    "|".join(
        f"(?:{shape})"
        for name, shape in _SHAPES.items()
        if name not in {"month", "ago", "unit", "yesterday"}
    )
    + f"|{_MONTH}",
    re.I,
)
"""Matches dates that say by themselves when that was, and months, which are names and verbs too."""
_DAYS_OF: Final = {"day": 1.0, "week": 7.0, "month": 30.44, "year": 365.25, "decade": 3652.5}


class Period(NamedTuple):
    """From `start` up to but without `end`; None is open."""

    start: datetime | None
    end: datetime | None


def period_of(text: str, now: datetime) -> Period | None:
    """The calendar time that `text` names, as seen from `now` (aware); None if there is none."""
    said = " ".join(text.lower().replace(",", " ").split())
    for name, shape in _SHAPES.items():
        if re.fullmatch(shape, text.strip(), re.I):
            try:
                return _READ[name](said, now.astimezone(UTC))
            except (ValueError, OverflowError):  # the 31st of a month that has 30, and the like
                return None
    return None


def shifted_to(word: str, period: Period) -> Period:
    """The time that a preposition makes of a period: "since 2020" begins with it and is open."""
    if word in {"before", "prior to"}:
        return Period(None, period.start)
    if word in {"until", "till"}:
        return Period(None, period.end)
    if word == "since":
        return Period(period.start, None)
    if word == "after":
        return Period(period.end, None)
    return period


def _date(text: str, _: datetime) -> Period:
    start = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Period(start, start + timedelta(days=1))


def _day_of_month(text: str, _: datetime) -> Period:
    year = int(text[-4:])
    day = int(re.findall(r"\b\d{1,2}", text[:-4])[0])
    start = datetime(year, _month_in(text), day, tzinfo=UTC)
    return Period(start, start + timedelta(days=1))


def _month_of_year(text: str, _: datetime) -> Period:
    return _months(int(text[-4:]), _month_in(text), 1)


def _year(text: str, _: datetime) -> Period:
    return _months(int(text), 1, 12)


def _decade(text: str, _: datetime) -> Period:
    number = int(re.findall(r"\d+", text)[0])
    if number < 100:  # noqa: PLR2004 - "the 90s", and "the 10s" of this century
        number += 1900 if number >= 30 else 2000  # noqa: PLR2004
    return _months(number, 1, 120)


def _month(text: str, now: datetime) -> Period:
    """The latest that has begun; "last May" is one that is over."""
    month = _month_in(text)
    year = now.year if month <= now.month else now.year - 1
    if text.startswith("last") and month == now.month and year == now.year:
        year -= 1
    return _months(year, month, 1)


def _ago(text: str, now: datetime) -> Period:
    """Half a unit around that moment: nobody means it to the day."""
    words = text.split()
    unit = words[-2].removesuffix("s")
    counts = [int(w) if w.isdigit() else _COUNTS[w] for w in words if w.isdigit() or w in _COUNTS]
    middle = now - timedelta(days=_DAYS_OF[unit] * counts[-1])
    half = timedelta(days=_DAYS_OF[unit] / 2)
    return Period(middle - half, middle + half)


def _unit(text: str, now: datetime) -> Period:
    which, unit = text.split()
    back = 1 if which == "last" else 0
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "day":
        return Period(midnight - timedelta(days=back), midnight + timedelta(days=1 - back))
    if unit == "week":
        monday = midnight - timedelta(days=midnight.weekday() + 7 * back)
        return Period(monday, monday + timedelta(days=7))
    if unit == "month":
        year, month = divmod(now.year * 12 + now.month - 1 - back, 12)
        return _months(year, month + 1, 1)
    if unit == "year":
        return _months(now.year - back, 1, 12)
    return _months(now.year // 10 * 10 - 10 * back, 1, 120)


def _near_day(text: str, now: datetime) -> Period:
    return _unit("last day" if text == "yesterday" else "this day", now)


def _month_in(text: str) -> int:
    name = re.findall(rf"\b{_MONTH}\b", text)[0]
    return _MONTHS.index(name[:3]) // 3 + 1


def _months(year: int, month: int, count: int) -> Period:
    last_year, last_month = divmod(year * 12 + month - 1 + count - 1, 12)
    last_month += 1
    last = datetime(last_year, last_month, monthrange(last_year, last_month)[1], tzinfo=UTC)
    return Period(datetime(year, month, 1, tzinfo=UTC), last + timedelta(days=1))


_READ: Final = {
    "iso": _date,
    "day_first": _day_of_month,
    "month_first": _day_of_month,
    "month_of_year": _month_of_year,
    "decade": _decade,
    "month": _month,
    "year": _year,
    "ago": _ago,
    "unit": _unit,
    "yesterday": _near_day,
}
