"""Whether a value is valid against a schema: as `jsonschema` says, but never for long.

A pattern comes from the caller and meets what a person wrote, so it may take for ever; `regex`
gives up in time. Formats are checked where a wrong one could be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

import regex
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable

from local.twins.gemini.schemas import Unservable
from local.twins.server import Json

_SECONDS: Final = 0.05
_MOST_SLOW: Final = 5
_FORMATS: Final = FormatChecker(["ipv4", "ipv6"])


class Checker:
    """Checks values against one schema and its parts."""

    def __init__(self, root: Json) -> None:
        """`root`: where references start from."""
        self._root = _Validator(root, format_checker=_FORMATS)
        self._slow = 0

    def passes(self, value: Any, schema: Any) -> bool:
        """Whether the value is valid.

        Raises:
            Unservable: nobody can tell, or not in time.
        """
        try:
            return bool(self._root.evolve(schema=schema).is_valid(value))
        except TimeoutError:
            self._slow += 1
            if self._slow > _MOST_SLOW:
                raise Unservable("has a pattern that takes too long.") from None
            return False
        except (Unresolvable, RecursionError):
            raise Unservable("refers to itself without an end.") from None


def _pattern(validator: Any, pattern: str, value: Any, _: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not regex.search(pattern, value, timeout=_SECONDS):
        yield ValidationError("does not match")


def _moment(value: str) -> bool:
    return "T" in value.upper() and datetime.fromisoformat(value).tzinfo is not None


def _checks(name: str, check: Callable[[str], Any]) -> None:
    _FORMATS.checks(name, raises=ValueError)(
        lambda value: not isinstance(value, str) or check(value) not in {None, False}
    )


_checks("date-time", _moment)
_checks("date", date.fromisoformat)
_checks("time", time.fromisoformat)
_checks("uuid", UUID)
_checks("email", regex.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch)
_checks("uri", regex.compile(r"[a-z][a-z0-9+.-]*:\S+").fullmatch)
_checks("duration", regex.compile(r"P(?=.)[\dYMWDTHS.]+").fullmatch)
_Validator: Final = extend(Draft202012Validator, {"pattern": _pattern})
