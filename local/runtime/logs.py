"""Output of function processes, kept line by line in one file per function."""

import asyncio
import sys
from pathlib import Path

_CHUNK_BYTES = 65_536


class FunctionLog:
    """Appends whole lines, so that instances writing at once do not tear each other's."""

    def __init__(self, path: Path, *, name: str, echo: bool) -> None:
        self._name = name
        self._echo = echo
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Copies the stream until it ends."""
        rest = b""
        while chunk := await stream.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.write(line)
        if rest:
            self.write(rest)

    def write(self, line: bytes) -> None:
        """Appends one line."""
        self._file.write(line + b"\n")
        if self._echo:
            text = line.decode(errors="replace")
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
