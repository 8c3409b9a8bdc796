"""What happens while `make dev` runs, a line each: requests, and what goes wrong.

It is read from the functions' own log lines, which hold nothing that a person said.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

_LOUD = ("WARNING", "ERROR", "CRITICAL")
_TOLD = (
    *("provider", "operation", "outcome"),
    *("code", "error", "missing", "context_provider", "context_reason"),
)


class Activity:
    """Reads a log on from its present end."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size if log.exists() else 0

    def news(self) -> list[str]:
        """What is worth a line among what was written since the last call, oldest first."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        lines = (summary(line) for line in whole.decode(errors="replace").splitlines())
        return [line for line in lines if line is not None]


def summary(line: str) -> str | None:
    """A log line for somebody at a terminal; None when it is not worth one.

    Args:
        line: `<Function>: <what it wrote>`; what is not JSON (a traceback) stays as it is.
    """
    function, colon, text = line.partition(": ")
    if not colon or not function.endswith("Function"):
        return None
    try:
        entry: Any = json.loads(text)
    except ValueError:
        return line
    return _told(function, entry) if isinstance(entry, dict) else line


def _told(function: str, entry: dict[str, Any]) -> str | None:
    if "errorType" in entry:  # by the runtime, when a handler raised or could not be imported
        return f"{function} error {entry['errorType']}: {entry.get('errorMessage')}"
    if entry.get("message") == "request":
        took = f"{entry.get('duration_ms', 0):.0f} ms"
        what = f"{entry.get('method')} {entry.get('route')} {entry.get('status')} {took}"
    elif entry.get("level") in _LOUD:
        what = f"{function} {entry['level'].lower()} {entry.get('message')}"
    else:
        return None  # a metric, or a step that went well
    more = [f"{name.removeprefix('context_')}={entry[name]}" for name in _TOLD if entry.get(name)]
    return "  ".join([_clock(entry.get("timestamp")), what, *more])


def _clock(timestamp: object) -> str:
    try:
        return f"{datetime.fromisoformat(str(timestamp)).astimezone():%H:%M:%S}"
    except ValueError:
        return "--:--:--"
