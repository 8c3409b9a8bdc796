"""What a fault rule may say, field by field."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

Json = dict[str, Any]
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_LINE = re.compile(r"[\t\x20-\x7e]*")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_LONGEST_MS = 86_400_000
_MOST_BYTES = 2**30
_WIDEST_SIGMA = 5
_FIGURES = 2
_DISTRIBUTIONS = ("uniform", "normal", "lognormal")


class BadRule(ValueError):
    """A rule that can't be; the text is one sentence that names the field."""


class Field(NamedTuple):
    """What one field must be."""

    fits: Callable[[Any], bool]
    wanted: str


def is_number(value: Any, low: float = 0, high: float = math.inf) -> bool:
    """Whether it is a finite number within these bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and low <= value <= high


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value, low, high)


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _one_of(*values: str) -> Field:
    return Field(lambda value: value in values, f"one of {', '.join(values)}")


def _text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _TOKEN.fullmatch(name)
        and name.lower() not in _FRAMING
        and isinstance(text, str)
        and _LINE.fullmatch(text)
        for name, text in value.items()
    )


def _duration(value: Any) -> bool:
    if _number(0, _LONGEST_MS)(value):
        return True
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((name, figures),) = value.items()
    if name not in _DISTRIBUTIONS or not isinstance(figures, list) or len(figures) != _FIGURES:
        return False
    if not all(_number(0, _LONGEST_MS)(figure) for figure in figures):
        return False
    low, high = figures
    if name == "uniform":
        return bool(low <= high)
    return name == "normal" or bool(high <= _WIDEST_SIGMA)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MILLISECONDS = Field(_number(0, _LONGEST_MS), "a number from 0 to 86400000")
_STATUS = Field(_whole(200, 599), "a whole number from 200 to 599")
_FIELDS = {
    "path": Field(_text(r"[/*?\[].*"), "a glob that begins with / or *, such as */messages"),
    "method": Field(
        lambda value: isinstance(value, str) and value.upper() in _METHODS,
        f"one of {', '.join(_METHODS)}",
    ),
    "probability": Field(_number(0, 1), "a number from 0 to 1"),
    "times": Field(_whole(1, 2**53), "a whole number of at least 1"),
    "seed": Field(_whole(0, 2**53), "a whole number of at least 0"),
    "when": _one_of("before", "after"),
}
_RETRY_AFTER = Field(
    lambda value: _number(0, _LONGEST_MS)(value) or _text(r"[\x20-\x7e]+")(value),
    "a number of seconds or a date as HTTP writes it",
)


class Option(NamedTuple):
    """A field that belongs to a kind; `default` is `...` when it has to be there."""

    field: Field
    default: Any


KINDS: Mapping[str, Mapping[str, Option]] = {
    "latency": {
        "milliseconds": Option(
            Field(
                _duration,
                'a number from 0 to 86400000, {"uniform": [low, high]}, '
                '{"normal": [mean, deviation]} or {"lognormal": [median, sigma]} (sigma up to 5)',
            ),
            ...,
        )
    },
    "status": {
        "status": Option(_STATUS, ...),
        "body": Option(Field(lambda _: True, "JSON"), None),
        "retry_after": Option(_RETRY_AFTER, None),
        "headers": Option(
            Field(_headers, "an object of header names and texts, none of them of framing"), None
        ),
    },
    "reset": {},
    "hang": {"milliseconds": Option(_MILLISECONDS, None)},
    "truncate": {},
    "junk": {},
    "wrong_shape": {"shape": Option(_one_of("list", "strings"), "list")},
    "html": {"status": Option(_STATUS, 502)},
    "empty": {},
    "redirect": {
        "to": Option(Field(_text(r"/[\x21-\x7e]*"), "a path that begins with /"), "/moved")
    },
    "huge": {"bytes": Option(Field(_whole(0, _MOST_BYTES), "a whole number up to 1 GiB"), 2**24)},
    "drip": {
        "milliseconds": Option(Field(_number(1, _LONGEST_MS), "a number from 1 to 86400000"), 100)
    },
}


def read_rules(given: Any) -> tuple[list[Json], int | None]:
    """The arguments of each `Rule`, and the seed for all of them.

    Raises:
        BadRule: something is wrong.
    """
    if not isinstance(given, dict):
        raise BadRule('A rule must be a JSON object; several go as {"rules": [...]}.')
    if "rules" not in given:
        return [_rule(given, "")], None
    _refuse_unknown(given, {"rules", "seed"}, "", "a list of rules")
    rules, seed = given["rules"], given.get("seed")
    if not isinstance(rules, list):
        raise BadRule("rules must be a list of rules.")
    if seed is not None:
        _check(_FIELDS["seed"], "seed", seed)
    return [_rule(rule, f"rules[{number}].") for number, rule in enumerate(rules)], seed


def _rule(given: Any, where: str) -> Json:
    if not isinstance(given, dict):
        raise BadRule(f"{where.removesuffix('.')} must be a JSON object.")
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadRule(f"{where}kind must be one of {', '.join(KINDS)}.")
    options = KINDS[kind]
    _refuse_unknown(given, {"kind", *_FIELDS, *options}, where, f"a rule of kind {kind}")
    fields = {**_FIELDS, **{name: option.field for name, option in options.items()}}
    for name, field in fields.items():
        value = given.get(name)
        if value is not None:
            _check(field, f"{where}{name}", value)
        elif name in options and options[name].default is ...:
            raise BadRule(f"{where}{name} is missing: {field.wanted}.")
    return {
        "kind": kind,
        "options": {name: _or(given, name, option.default) for name, option in options.items()},
        "path": _or(given, "path", "*"),
        "method": given["method"].upper() if given.get("method") else None,
        "probability": _or(given, "probability", 1.0),
        "times": given.get("times"),
        "when": _or(given, "when", "before"),
        "seed": given.get("seed"),
    }


def _or(given: Json, name: str, default: Any) -> Any:
    return default if given.get(name) is None else given[name]


def _check(field: Field, name: str, value: Any) -> None:
    if not field.fits(value):
        raise BadRule(f"{name} must be {field.wanted}.")


def _refuse_unknown(given: Json, known: set[str], where: str, what: str) -> None:
    for name in given:
        if name not in known:
            meant = get_close_matches(name, known, 1)
            there = f"did you mean {meant[0]}?" if meant else f"it has {', '.join(sorted(known))}."
            raise BadRule(f"{where}{name} is no field of {what}: {there}")
