"""Reads a body as protocol buffers' JSON mapping does: both spellings, no unknown names."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from typing import Any, Final

from local.twins.gemini import wire
from local.twins.gemini.messages import MESSAGES
from local.twins.server import Json, Refusal

_MOST_VIOLATIONS = 20
_DEEPEST = 60
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(name: str) -> str:
    """`responseMimeType` → `response_mime_type`."""
    return _CAMEL.sub(lambda found: "_" + found[1].lower(), name)


_NAMES: Final = {
    message: {spelling: name for name in fields for spelling in (snake(name), name)}
    for message, fields in MESSAGES.items()
}


def read(body: Any, message: str) -> Json:
    """The body with camelCase names and without nulls.

    Raises:
        Refusal: 400 with one violation for each field that is unknown or of another type.
    """
    reader = _Reader()
    found: Json = reader.message(body, message, "")
    if reader.violations:
        raise Refusal(wire.bad_fields(reader.violations[:_MOST_VIOLATIONS]))
    return found


class _Reader:
    def __init__(self) -> None:
        self.violations: list[tuple[str, str]] = []
        """(path of the message, what is wrong)."""
        self._scalars: dict[str, Callable[[Any, str], Any]] = {
            "string": self._string,
            "int": self._int,
            "float": self._float,
            "bool": self._bool,
            "bytes": self._bytes,
            "object": self._object,
            "json": lambda value, _: value,
        }

    def message(self, value: Any, message: str, path: str) -> Json:
        if not isinstance(value, dict):
            self._invalid(path, f"type.googleapis.com/{message}", value)
            return {}
        if path.count(".") + path.count("[") > _DEEPEST:
            self._say(path, "Message too deep. Max recursion depth reached for the value")
            return {}
        found: Json = {}
        for given, inner in value.items():
            name = _NAMES[message].get(given)
            if name is None:
                where = f" at '{path}'" if path else ""
                problem = f'Unknown name "{given}"{where}: Cannot find field.'
                self._say(path, f"Invalid JSON payload received. {problem}")
            elif inner is not None:
                at = f"{path}.{snake(name)}" if path else snake(name)
                found[name] = self._field(inner, MESSAGES[message][name], at)
        return found

    def _field(self, value: Any, kind: str, path: str) -> Any:
        if kind.startswith("*"):
            return self._repeated(value, kind[1:], path)
        if isinstance(value, list) and kind != "json":
            at, _, name = path.rpartition(".")
            problem = "Proto field is not repeating, cannot start list."
            unknown = f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}'"
            self._say(at, f"{unknown}: {problem}")
            return None
        form, _, inner = kind.partition(" ")
        if form == "map":
            return self._map(value, inner, path)
        if form == "one":
            return self._one_of(value, inner.removeprefix("of ").split("|"), path)
        if kind in self._scalars:
            return self._scalars[kind](value, path)
        return self.message(value, kind, path)

    def _repeated(self, value: Any, kind: str, path: str) -> list[Any]:
        # A lone value is taken for a list of one.
        if not isinstance(value, list):
            return [self._field(value, kind, path)]
        return [self._field(one, kind, f"{path}[{n}]") for n, one in enumerate(value)]

    def _map(self, value: Any, kind: str, path: str) -> Any:
        if not isinstance(value, dict):
            return self._invalid(path, "Map", value)
        return {
            key: self._field(one, kind, f"{path}[{n}].value")
            for n, (key, one) in enumerate(value.items())
        }

    def _one_of(self, value: Any, words: list[str], path: str) -> Any:
        if isinstance(value, str) and value.upper() in words:
            return value.upper()
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(words):
            return words[value]
        return self._invalid(path, f"type.googleapis.com/{path.rpartition('.')[2]}", value)

    def _string(self, value: Any, path: str) -> Any:
        return value if isinstance(value, str) else self._invalid(path, "TYPE_STRING", value)

    def _int(self, value: Any, path: str) -> Any:
        try:
            if not isinstance(value, bool) and float(value) == int(float(value)):
                return int(value) if isinstance(value, str) else int(float(value))
        except (TypeError, ValueError, OverflowError):
            pass
        return self._invalid(path, "TYPE_INT32", value)

    def _float(self, value: Any, path: str) -> Any:
        try:
            if not isinstance(value, bool) and math.isfinite(float(value)):
                return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
        return self._invalid(path, "TYPE_FLOAT", value)

    def _bool(self, value: Any, path: str) -> Any:
        if value in ("true", "false"):
            return value == "true"
        return value if isinstance(value, bool) else self._invalid(path, "TYPE_BOOL", value)

    def _bytes(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            plain = value.replace("-", "+").replace("_", "/").rstrip("=")
            try:
                base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
            except ValueError:
                pass
            else:
                return value
        self._say(path, f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed")
        return None

    def _object(self, value: Any, path: str) -> Any:
        kind = "type.googleapis.com/google.protobuf.Struct"
        return value if isinstance(value, dict) else self._invalid(path, kind, value)

    def _invalid(self, path: str, kind: str, value: Any) -> None:
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        self._say(path, f"Invalid value at '{path}' ({kind}), {shown[:80]}")

    def _say(self, path: str, problem: str) -> None:
        self.violations.append((path, problem))
