"""Strings that match a regular expression: the plainest one, or one with more repetitions."""

from __future__ import annotations

import importlib
import re
import string
from collections.abc import Iterator
from typing import Any, Final

import regex

_PARSER: Any = importlib.import_module("re._parser")
_LETTERS: Final = string.ascii_lowercase + string.ascii_uppercase + string.digits + " -_./@"
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_WORD": string.ascii_letters + string.digits + "_",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_NOT_WORD": " -",
    "CATEGORY_NOT_SPACE": string.ascii_letters + string.digits,
}
_EXTRA: Final = (0, 1, 3, 8, 16, 32)
_LONGEST: Final = 10_000
_MOST_REPEATED: Final = 1_000
# What `regex` needs for a word grows with the cube of its length, and no time limit ends it.
_LONGEST_PATTERN: Final = 1_000


def check(pattern: str) -> None:
    """Passes for a pattern that strings can be held against.

    Raises:
        ValueError: it is no regular expression, is too long, or repeats more often than RE2 would.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError("is too long")
    try:
        regex.compile(_within_bounds(pattern))
    except (re.error, regex.error, RecursionError, OverflowError):
        raise ValueError("is no regular expression") from None


def _within_bounds(pattern: str) -> str:
    # Python writes out what is repeated, and what is repeated within that.
    if _repeated(_PARSER.parse(pattern)) > _MOST_REPEATED:
        raise ValueError("has an invalid repetition size")
    return pattern


def _repeated(tree: Any) -> int:
    """How often the innermost part is repeated at most, by counts alone."""
    return max((_repeated_once(str(op), given) for op, given in tree), default=1)


def _repeated_once(op: str, given: Any) -> int:
    match op:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = given
            count = int(least if most == _PARSER.MAXREPEAT else most)
            return max(1, count) * _repeated(inner)
        case "SUBPATTERN":
            return _repeated(given[3])
        case "ATOMIC_GROUP":
            return _repeated(given)
        case "ASSERT" | "ASSERT_NOT":
            return _repeated(given[1])
        case "BRANCH":
            return max(_repeated(one) for one in given[1])
        case _:
            return 1


def matching(pattern: str) -> Iterator[str]:
    """Candidates, plainest first; each is to be checked, since look-arounds are left out."""
    tree = _PARSER.parse(pattern)
    for extra in _EXTRA:
        said = "".join(_said(tree, extra, {}))[:_LONGEST]
        # Half a surrogate pair is a letter to Python alone.
        yield said.encode(errors="ignore").decode()


def _said(tree: Any, extra: int, groups: dict[int, str]) -> Iterator[str]:
    for op, given in tree:
        yield _one(str(op), given, extra, groups)


def _one(op: str, given: Any, extra: int, groups: dict[int, str]) -> str:
    said = ""
    match op:
        case "LITERAL":
            said = chr(given)
        case "NOT_LITERAL":
            said = next(letter for letter in _LETTERS if ord(letter) != given)
        case "ANY":
            said = "a"
        case "IN":
            said = _of_class(given)
        case "BRANCH":
            said = "".join(_said(given[1][0], extra, groups))
        case "SUBPATTERN":
            groups[given[0] or 0] = said = "".join(_said(given[3], extra, groups))
        case "ATOMIC_GROUP":
            said = "".join(_said(given, extra, groups))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = given
            once = "".join(_said(inner, extra, groups))
            said = once * min(least + extra, int(most), _LONGEST // max(1, len(once)) + 1)
        case "GROUPREF":
            said = groups.get(given, "")
        case _:  # anchors and look-arounds say nothing
            pass
    return said


def _of_class(parts: Any) -> str:
    allowed, negated = "", False
    for op, given in parts:
        match str(op):
            case "NEGATE":
                negated = True
            case "LITERAL":
                allowed += chr(given)
            case "RANGE":
                allowed += "".join(map(chr, range(given[0], min(given[1], given[0] + 200) + 1)))
            case "CATEGORY":
                allowed += _CATEGORIES.get(str(given), "")
    if negated:
        return next((letter for letter in _LETTERS if letter not in allowed), "")
    return allowed[:1]
