"""The numbers that a text states, in units that can be compared."""

import re
from typing import Final, NamedTuple

from tandem.recall.normalise import normalise

_ONE_WORDS: Final = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_ONES: Final = _ONE_WORDS.split()
_TEN_WORDS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS: Final = _TEN_WORDS.split()
_WORDS: Final = (
    {word: float(value) for value, word in enumerate(_ONES)}
    | {word: 10.0 * value for value, word in enumerate(_TENS, start=2)}
    | {"couple": 2.0, "twice": 2.0, "half": 0.5, "third": 3.0, "second": 2.0}
)
_SCALES: Final = {
    "dozen": 12.0,
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "lakh": 1e5,
    "million": 1e6,
    "m": 1e6,
    "crore": 1e7,
    "billion": 1e9,
}
# For each kind of unit its names, and how many of the first unit it makes.
_UNITS: Final[dict[str, dict[str, float]]] = {
    "length": {
        "m metre meter": 1.0,
        "km kilometre kilometer": 1000.0,
        "cm centimetre centimeter": 0.01,
        "mm millimetre millimeter": 0.001,
        "mile mi": 1609.344,
        "ft foot feet": 0.3048,
        "inch inche": 0.0254,
        "yard yd": 0.9144,
    },
    "area": {
        "sqm m2": 1.0,
        "sqft ft2": 0.09290304,
        "hectare ha": 10000.0,
        "acre": 4046.856,
    },
    "mass": {
        "kg kilo kilogram kilogramme": 1.0,
        "g gram gramme": 0.001,
        "lb pound": 0.45359237,
        "stone": 6.35029,
        "oz ounce": 0.0283495,
        "tonne ton": 1000.0,
    },
    "volume": {"l litre liter": 1.0, "ml millilitre milliliter": 0.001, "gallon": 4.2, "pint": 0.5},
    "duration": {
        "minute min": 1.0,
        "hour hr h": 60.0,
        "day": 1440.0,
        "week wk": 10080.0,
        "fortnight": 20160.0,
        "month": 43830.0,
        "year yr": 525960.0,
        "decade": 5259600.0,
    },
    "heat": {"°c celsiu centigrade": 1.0, "°f fahrenheit": 5 / 9},
}
_BY_NAME: Final = {
    name: (kind, factor)
    for kind, units in _UNITS.items()
    for names, factor in units.items()
    for name in names.split()
}
_NUMBER: Final = r"\d+(?:[.,]\d+)*"
_TOKEN: Final = re.compile(rf"{_NUMBER}|°[cf]\b|[^\W\d_]+[2²]?|['\"\u2032\u2033%]")
_CLOCK: Final = re.compile(
    r"\b(?P<hour>[01]?\d|2[0-3])(?:[:.h](?P<minute>[0-5]\d))?\s*(?P<half>[ap]\.?m\b)"
    r"|\b(?P<hour24>[01]?\d|2[0-3])[:h](?P<minute24>[0-5]\d)\b"
    r"|\b(?P<hour_sharp>\w+) o'?clock(?:\s+(?:in|at) (?:the )?(?P<part>morning|evening|night))?"
)
_PAST: Final = re.compile(
    r"\b(?P<minutes>half|quarter|five|ten|twenty|twenty-five|\d+)(?: minutes)? "
    r"(?P<side>past|to|after|before|till) (?P<hour>[a-z]+|\d+)\b"
)
_SHARP: Final = re.compile(r"\b(noon|midday|midnight)\b")
_SQUARE: Final = re.compile(
    r"\b(?:square|sq\.?)\s*(?P<unit>metre|meter|m|feet|foot|ft)(?:re|er|s)?\b|\bm²"
)
_THOUSAND: Final = 1e3
_TWENTY: Final = 20
_FOOT: Final = 0.3048
_INCH: Final = 0.0254
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_HALF_A_DAY: Final = 720.0
_EXACT: Final = 1e-6
_CONVERTED: Final = 0.04
"""How far a converted value may be off: people round."""


class Quantity(NamedTuple):
    """A number; `kind` is a dimension, `clock`, `year`, or empty where no unit stands.

    Attributes:
        value: in the kind's first unit; a clock's minutes since midnight.
        unit: how many of the first unit its own makes; of a clock 12 where the half of the day
            isn't said.
    """

    value: float
    kind: str = ""
    unit: float = 1.0


def quantities(text: str) -> list[Quantity]:
    """All numbers, in words or digits, in the order of the kinds."""
    said = normalise(text)
    found: list[Quantity] = []

    def take(match: re.Match[str]) -> str:
        clock = _clock(match)
        if clock is None:
            return match.group()
        found.append(clock)
        return " "

    for pattern in (_PAST, _CLOCK, _SHARP):
        said = pattern.sub(take, said)
    said = _SQUARE.sub(
        lambda match: " sqft " if (match["unit"] or "m")[0] == "f" else " sqm ", said
    )
    return found + _joined(_plain(_TOKEN.findall(said)))


def differ(left: str, right: str) -> bool:
    """Both state numbers of one kind, and one of them has no equal on the other side."""
    ones, others = quantities(left), quantities(right)
    return (len(ones) <= len(others) and _lacks(others, ones)) or (
        len(others) <= len(ones) and _lacks(ones, others)
    )


def _lacks(those: list[Quantity], wanted: list[Quantity]) -> bool:
    """One that is wanted could be compared with some of those, and equals none."""
    for one in wanted:
        comparable = [other for other in those if _comparable(one, other)]
        if comparable and not any(_equal(one, other) for other in comparable):
            return True
    return False


def _comparable(one: Quantity, other: Quantity) -> bool:
    kinds = {one.kind, other.kind}
    return len(kinds) == 1 or ("" in kinds and not kinds & {"year", "duration"})


def _equal(one: Quantity, other: Quantity) -> bool:
    if one == other:
        return True
    if one.kind == other.kind == "clock":
        apart = abs(one.value - other.value)
        loose = _HALF_A_DAY in (one.unit, other.unit)
        return apart == 0 or (loose and apart == _HALF_A_DAY)
    if one.kind != other.kind:
        return any(
            abs(a - b) <= _EXACT * max(abs(a), 1) for a in _readings(one) for b in _readings(other)
        )
    allowed = _EXACT if one.unit == other.unit else _CONVERTED
    return abs(one.value - other.value) <= allowed * max(abs(one.value), abs(other.value), _EXACT)


def _readings(one: Quantity) -> tuple[float, ...]:
    """The numbers that may stand for it where no unit is said."""
    if one.kind == "clock":
        hours = one.value / 60
        return hours, hours % 12, hours + 12
    return one.value / one.unit, one.value


def _clock(match: re.Match[str]) -> Quantity | None:
    groups = match.groupdict()
    if match.re is _SHARP:
        return Quantity(0.0 if match.group() == "midnight" else _HALF_A_DAY, "clock")
    if match.re is _PAST:
        hour, minutes = (
            _value(groups["hour"]),
            {"half": 30.0, "quarter": 15.0}.get(groups["minutes"], _value(groups["minutes"])),
        )
        if hour is None or minutes is None:
            return None
        before = groups["side"] in {"to", "before", "till"}
        return Quantity((hour * 60 + (-minutes if before else minutes)) % 1440, "clock", 720.0)
    hour = _value(groups["hour"] or groups["hour24"] or groups["hour_sharp"])
    if hour is None:
        return None
    minutes = float(groups["minute"] or groups["minute24"] or 0)
    half = groups["half"] or groups["part"]
    if half:
        hour = hour % 12 + (0 if half[0] in "am" else 12)
    loose = not half and hour <= 12  # noqa: PLR2004 - hours of half a day
    return Quantity(hour * 60 + minutes, "clock", _HALF_A_DAY if loose else 1.0)


def _value(word: str) -> float | None:
    return float(word) if word.isdecimal() else _WORDS.get(word)


def _plain(tokens: list[str]) -> list[Quantity]:
    found: list[Quantity] = []
    place = 0
    while place < len(tokens):
        value, after = _number(tokens, place)
        if value is None:
            place += 1
            continue
        unit = tokens[after] if after < len(tokens) else ""
        spelled = tokens[place] in {"one", "second", "half", "third"}
        kind, factor = _unit(unit)
        if kind:
            found.append(Quantity(value * factor, kind, factor))
        elif _FIRST_YEAR <= value <= _LAST_YEAR and tokens[place].isdecimal():
            found.append(Quantity(value, "year"))
        elif not spelled:  # "one of them", "my second", "half of it" are no figures
            found.append(Quantity(value))
        place = after + bool(kind)
    return found


def _number(tokens: list[str], place: int) -> tuple[float | None, int]:
    """The number that begins here, if one does, and where it is over."""
    total, last, start = 0.0, None, place
    while place < len(tokens):
        word = tokens[place]
        if word in _SCALES and last is not None and (word != "m" or last >= _THOUSAND):
            total, last = total + last * _SCALES[word], 0.0
        elif (more := _more(word, last)) is not None:
            last = more
        elif word == "a" and last == _WORDS["half"] and tokens[place + 1 : place + 2] == ["dozen"]:
            pass
        elif not (word == "and" and last == 0.0 and total and _more_follows(tokens, place)):
            break
        place += 1
    if last is None:
        return None, start
    if tokens[place : place + 3] == ["and", "a", "half"]:
        return total + last + 0.5, place + 3
    return total + last, _past_article(tokens, start, place)


def _more(word: str, last: float | None) -> float | None:
    """What a number is with this word; None if the word isn't part of it."""
    if word == "dozen":
        return _SCALES[word] if last is None else None
    if word[0].isdecimal():
        return _digits(word) if not last else None
    if not last:
        return _WORDS.get(word)
    goes_on = last >= _TWENTY and last % 10 == 0 and word in _ONES
    return last + _WORDS[word] if goes_on else None


def _more_follows(tokens: list[str], place: int) -> bool:
    return place + 1 < len(tokens) and _more(tokens[place + 1], None) is not None


def _past_article(tokens: list[str], start: int, place: int) -> int:
    """Half *an* hour, a couple *of* weeks."""
    skipped = tokens[start] in {"half", "couple"} and tokens[place : place + 1]
    return place + 1 if skipped and skipped[0] in {"a", "an", "of"} else place


def _digits(word: str) -> float:
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", word):
        return float(word.replace(",", ""))
    first, *rest = re.split(r"[.,]", word)
    return float(f"{first}.{''.join(rest)}" if rest else first)


def _unit(word: str) -> tuple[str, float]:
    feet = {"'": "ft", "\u2032": "ft", '"': "inch", "\u2033": "inch", "m²": "sqm"}
    name = feet.get(word, word)
    return _BY_NAME.get(name) or _BY_NAME.get(name.removesuffix("s")) or ("", 1.0)


def _joined(found: list[Quantity]) -> list[Quantity]:
    """Five feet eleven is one length, an hour and ten minutes one duration."""
    result: list[Quantity] = []
    for one in found:
        last = result[-1] if result else None
        if last is not None and _goes_on(last, one):
            more = one.value if one.kind else one.value * _INCH
            result[-1] = last._replace(value=last.value + more)
        else:
            result.append(one)
    return result


def _goes_on(last: Quantity, one: Quantity) -> bool:
    if last.kind == "length" and last.unit == _FOOT:
        return one.unit == _INCH if one.kind else one.value < 12  # noqa: PLR2004 - inches
    return last.kind == one.kind == "duration" and one.unit < last.unit
