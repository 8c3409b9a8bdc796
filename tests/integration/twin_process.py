"""A twin as a process of its own, which can be killed and comes back at its address."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
KEYS = {"zep": "Api-Key test-key", "mem0": "Token test-key"}


def program(*command: str) -> subprocess.Popen[str]:
    """A Python program of this repository; it is not measured, which would slow it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "common")])},
        stdout=subprocess.PIPE,
        text=True,
    )


class TwinProcess:
    """A running twin and what it is told."""

    def __init__(self, name: str, *options: str, broken: str = "") -> None:
        """`broken`: how it fails its promises until it is started again (`twins/forgetful.py`)."""
        self._name, self._options = name, options
        self.url = ""
        self._start("tests.integration.twins.forgetful", broken) if broken else self._start()
        headers = {"authorization": KEYS[name]} if name in KEYS else {"x-goog-api-key": "test-key"}
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30, headers=headers)

    def _start(self, module: str = "", *more: str) -> None:
        port = self.url.rpartition(":")[2] or "0"
        command = (
            ("-m", module, *more, self._name) if module else ("-m", f"local.twins.{self._name}")
        )
        self._process = program(*command, *self._options, "--port", port)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[-1]

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._process.kill()
        self._process.wait()

    def start_again(self) -> None:
        """Starts it where it was, with what is in its folder."""
        self._close_output()
        self._start()

    def end(self) -> None:
        """Stops it and forgets it."""
        self.client.close()
        self._process.kill()
        self._process.wait()
        self._close_output()

    def _close_output(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """What it answers, which has to be a success."""
        answer: dict[str, Any] = self.client.get(path, params=query).raise_for_status().json()
        return answer

    def post(self, path: str, body: Any, **query: Any) -> dict[str, Any]:
        """What it answers, which has to be a success."""
        sent = self.client.post(path, json=body, params=query)
        answer: dict[str, Any] = sent.raise_for_status().json()
        return answer

    def fault(self, **rule: Any) -> None:
        """Has calls fail by this rule, until the process ends or the faults are removed."""
        self.post("/_twin/faults", rule)

    def heal(self) -> None:
        """Removes all faults."""
        self.client.delete("/_twin/faults").raise_for_status()

    def struck(self) -> int:
        """How often the rules that are there have struck."""
        return sum(rule["struck"] for rule in self.get("/_twin/faults")["rules"])


@contextmanager
def running(name: str, *options: str, broken: str = "") -> Iterator[TwinProcess]:
    """The twin `name`, ended when the block is left."""
    twin = TwinProcess(name, *options, broken=broken)
    try:
        yield twin
    finally:
        twin.end()
