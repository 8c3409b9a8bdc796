"""EventBridge Scheduler's `rate(...)` and `cron(...)` expressions, and when they fire next.

Source: EventBridge Scheduler User Guide, "Schedule types" (read November 2026). Cron has six
fields: minutes, hours, day of month, month, day of week (1 = Sunday), year; one day field is `?`.
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

_RATE = re.compile(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_FIELDS = 6
_DAYS_IN_WEEK = 7
_FRIDAY, _SATURDAY = 4, 5
_YEARS = (1970, 2199)
_SEARCHED_DAYS = 366 * 8

DayRule = Callable[[date], bool]


class ScheduleError(ValueError):
    """The expression is not one that EventBridge Scheduler takes; the text says why."""


@dataclass(frozen=True)
class Rate:
    """Fires every `interval`, counted from the start of the stack."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime | None:
        """One interval after `moment`."""
        return moment + self.interval


@dataclass(frozen=True)
class Cron:
    """Fires at the minutes that match all six fields, in the zone of the schedule."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    day: DayRule
    zone: tzinfo

    def next_after(self, moment: datetime) -> datetime | None:
        """The first matching minute strictly after `moment` (aware), or None within eight years."""
        local = moment.astimezone(self.zone)
        earliest = local.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for offset in range(_SEARCHED_DAYS):
            day = local.date() + timedelta(days=offset)
            if day.year not in self.years or day.month not in self.months or not self.day(day):
                continue
            found = self._first_on(day, earliest)
            if found is not None:
                return found
        return None

    def _first_on(self, day: date, earliest: datetime) -> datetime | None:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                candidate = datetime.combine(day, time(hour, minute), self.zone)
                if candidate >= earliest:
                    return candidate
        return None


Schedule = Rate | Cron


def parse_schedule(expression: str, *, zone: tzinfo) -> Schedule:
    """The schedule behind `rate(5 minutes)` or `cron(0 3 * * ? *)`.

    Raises:
        ScheduleError: unknown form, number of fields, value out of range, or not exactly one `?`.
    """
    rate = _RATE.fullmatch(expression)
    if rate:
        return Rate(_interval(int(rate.group(1)), rate.group(2)))
    cron = _CRON.fullmatch(expression)
    if cron:
        return _cron(cron.group(1).split(), zone)
    raise ScheduleError(f"{expression!r} is neither rate(…) nor cron(…)")


def _interval(count: int, unit: str) -> timedelta:
    if count < 1 or (count == 1) == unit.endswith("s"):
        raise ScheduleError(f"rate({count} {unit}): one of it is singular, more are plural")
    return timedelta(**{unit.removesuffix("s") + "s": count})


def _cron(fields: list[str], zone: tzinfo) -> Cron:
    if len(fields) != _FIELDS:
        raise ScheduleError(f"cron needs {_FIELDS} fields and has {len(fields)}")
    minutes, hours, month_day, months, week_day, years = fields
    if (month_day == "?") == (week_day == "?"):
        raise ScheduleError("exactly one of day of month and day of week must be '?'")
    return Cron(
        minutes=_values(minutes, 0, 59),
        hours=_values(hours, 0, 23),
        months=_values(months, 1, 12, names=_MONTHS),
        years=_values(years, *_YEARS),
        day=_month_day_rule(month_day) if week_day == "?" else _week_day_rule(week_day),
        zone=zone,
    )


def _values(
    field: str, low: int, high: int, *, names: dict[str, int] | None = None
) -> frozenset[int]:
    found: set[int] = set()
    for part in field.upper().split(","):
        span, _, step_text = part.partition("/")
        step = _number(step_text, 1, high) if step_text else 1
        start, stop = _span(span, low, high, names or {})
        if step_text and "-" not in span:
            stop = high
        found.update(range(start, stop + 1, step))
    return frozenset(found)


def _span(text: str, low: int, high: int, names: dict[str, int]) -> tuple[int, int]:
    if text == "*":
        return low, high
    first, dash, last = text.partition("-")
    start = names[first] if first in names else _number(first, low, high)
    if not dash:
        return start, start
    stop = names[last] if last in names else _number(last, low, high)
    if stop < start:
        raise ScheduleError(f"{text!r} ends before it begins")
    return start, stop


def _number(text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ScheduleError(f"{text!r} is not a number from {low} to {high}")
    return int(text)


def _month_day_rule(field: str) -> DayRule:
    if field.upper() == "L":
        return lambda day: day.day == calendar.monthrange(day.year, day.month)[1]
    if field.upper().endswith("W"):
        wanted = _number(field[:-1], 1, 31)
        return lambda day: day == _nearest_weekday(day, wanted)
    days = _values(field, 1, 31)
    return lambda day: day.day in days


def _nearest_weekday(day: date, wanted: int) -> date:
    """The working day of that month that is nearest to its `wanted`-th day."""
    last = calendar.monthrange(day.year, day.month)[1]
    target = day.replace(day=min(wanted, last))
    if target.weekday() == _SATURDAY:
        return target + timedelta(days=-1 if target.day > 1 else 2)
    if target.weekday() > _SATURDAY:
        return target + timedelta(days=1 if target.day < last else -2)
    return target


def _week_day_rule(field: str) -> DayRule:
    text = field.upper()
    if "#" in text:
        name, _, nth_text = text.partition("#")
        weekday, nth = _weekday(name), _number(nth_text, 1, 5)
        return lambda day: _cron_weekday(day) == weekday and (day.day - 1) // 7 + 1 == nth
    if text.endswith("L"):
        weekday = _weekday(text[:-1] or "SAT")
        return lambda day: (
            _cron_weekday(day) == weekday
            and day.day > calendar.monthrange(day.year, day.month)[1] - _DAYS_IN_WEEK
        )
    weekdays = _values(text, 1, 7, names=_WEEKDAYS)
    return lambda day: _cron_weekday(day) in weekdays


def _weekday(text: str) -> int:
    return _WEEKDAYS[text] if text in _WEEKDAYS else _number(text, 1, _DAYS_IN_WEEK)


def _cron_weekday(day: date) -> int:
    return day.isoweekday() % _DAYS_IN_WEEK + 1
