"""mem0ai 0.1.118 in its own process, with a face like the other clients'."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.official.twin_process import ROOT

PYTHON = ROOT / ".tools" / "contract-mem0-0x" / "bin" / "python"
DRIVER = Path(__file__).parent / "mem0_0x_driver.py"


class Raised(Exception):
    """What the client raised over there."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["text"])
        self.kind: str = told["raised"]
        self.code: str | None = told.get("error_code")


class OldClient:
    """The client of the old SDK; every method of it is a method here."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.operations: set[str] = set()

    def greet(self) -> None:
        """Waits until the client is made, and learns what it can do."""
        self.operations = set(self._read()["operations"])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any, **options: Any) -> Any:
            return await asyncio.to_thread(self._ask, name, arguments, options)

        return call

    def _ask(self, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        asked = {"method": method, "arguments": arguments, "options": options}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._read()["returned"]

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the driver of mem0ai 0.1.118 has ended; its output says why"
        told: dict[str, Any] = json.loads(line)
        if "raised" in told:
            raise Raised(told)
        return told

    def end(self) -> list[str]:
        """Ends the process; what it had tried to reach beside loopback."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        attempts: list[str] = self._read()["attempts"]
        return attempts

    def close(self) -> None:
        """Ends the process, however it stands with it."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.terminate()
        self._process.wait(timeout=10)


@contextmanager
def old_client(kind: str, host: str) -> Iterator[OldClient]:
    """A client of the old SDK on a twin; it must not have tried to reach anything else."""
    settings = {name: os.environ[name] for name in ("PATH", "MEM0_TELEMETRY", "MEM0_DIR")}
    process = subprocess.Popen(
        [str(PYTHON), str(DRIVER), kind, host],
        env=settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    client = OldClient(process)
    try:
        client.greet()
        yield client
        assert client.end() == []
    finally:
        client.close()
