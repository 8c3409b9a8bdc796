"""A twin as a process of its own, and what it says about the requests it got."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
INGESTION_MS = "10"


class TwinProcess:
    """A running twin."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self._control = httpx.Client(base_url=url, trust_env=False)

    def records(self, after: int = 0) -> list[dict[str, Any]]:
        """What it got, oldest first, without the first `after` of them."""
        shown = self._control.get("/_twin/requests").raise_for_status().json()
        assert not shown.get("dropped"), "the twin has forgotten requests that a test asks for"
        found: list[dict[str, Any]] = shown["requests"]
        return found[after:]

    def count(self) -> int:
        """How many requests it has got."""
        return len(self.records())

    def tell(self, what: str, **body: Any) -> dict[str, Any]:
        """Posts to one of the twin's control endpoints."""
        answer = self._control.post(f"/_twin/{what}", json=body)
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    def fault(self, path: str, kind: str, **options: Any) -> None:
        """Lets requests for `path` fail in this way."""
        self.tell("faults", path=path, kind=kind, **options)

    def reset(self) -> None:
        """Forgets all data, records and faults."""
        self.tell("reset")

    def close(self) -> None:
        """Ends the connection for control."""
        self._control.close()


@contextmanager
def running(name: str, data: Path | None, *options: str) -> Iterator[TwinProcess]:
    """The twin `name`, ended when the block is left.

    Args:
        name: of its package.
        data: the folder of its database, for a twin that has one.
        options: of its command line.
    """
    stored = ("--data", str(data), "--ingestion-ms", INGESTION_MS) if data else ()
    process = subprocess.Popen(
        [sys.executable, "-m", f"local.twins.{name}", "--port", "0", *stored, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    twin = None
    try:
        assert process.stdout is not None
        # Without an address it did not start, and has said why.
        twin = TwinProcess(name, process.stdout.readline().split()[-1])
        yield twin
    finally:
        if twin is not None:
            twin.close()
        process.terminate()
        process.communicate(timeout=10)
