"""Many writers in processes of their own, and what they noted."""

from __future__ import annotations

import json
import mmap
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.integration.twin_process import TwinProcess, program
from tests.integration.twins.writing import STOP

_ENDED_WITHIN_SECONDS = 60.0


def until(done: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Returns once it is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Note:
    """What became of one request of a writer's."""

    writer: int
    place: str
    number: int
    outcome: str
    """acknowledged; unknown: it may have been done; again: it will be sent again."""
    cut: int
    """Connections that were cut since the writer's last note."""
    ids: tuple[str, ...] = ()
    job: str = ""

    @property
    def said(self) -> tuple[int, int]:
        """Which statement: writer and number."""
        return self.writer, self.number


class Writers:
    """`processes` programs that share the writers among them; writer n writes to place n."""

    def __init__(
        self, twin: TwinProcess, provider: str, places: Sequence[str], folder: Path, processes: int
    ) -> None:
        self._count = len(places)
        self._folder = folder
        gauge = folder / "gauge"
        gauge.write_bytes(bytes(self._count + 1))
        self._file = gauge.open("r+b")
        self._gauge = mmap.mmap(self._file.fileno(), 0)
        self._programs: list[subprocess.Popen[str]] = []
        for number in range(processes):
            plan = folder / f"plan{number}"
            mine = list(enumerate(places))[number::processes]
            plan.write_text(
                json.dumps(
                    {
                        "provider": provider,
                        "url": twin.url,
                        "writers": mine,
                        "gauge": str(gauge),
                        "notes": str(folder / f"notes{number}"),
                    }
                )
            )
            self._programs.append(program("-m", "tests.integration.twins.writing", str(plan)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._programs:
            process.kill()
            process.communicate()
        self._gauge.close()
        self._file.close()

    @property
    def in_flight(self) -> int:
        """How many wait for an answer at this moment."""
        return sum(self._gauge[1:])

    def acknowledged(self) -> int:
        """How many statements so far."""
        files = self._folder.glob("notes*")
        return sum(file.read_bytes().count(b'"acknowledged"') for file in files)

    def notes(self) -> list[Note]:
        """All lines that are whole, each writer's in order."""
        found: list[Note] = []
        for file in sorted(self._folder.glob("notes*")):
            for line in file.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    found.append(_note(json.loads(line)))
        return found

    def stop(self) -> None:
        """Has each writer end what it is at, and go."""
        self._gauge[STOP] = 1
        for process in self._programs:
            process.communicate(timeout=_ENDED_WITHIN_SECONDS)
            assert process.returncode == 0, "a process of writers broke"


def _note(line: dict[str, Any]) -> Note:
    return Note(
        writer=line["writer"],
        place=line["place"],
        number=line["number"],
        outcome=line["outcome"],
        cut=line["cut"],
        ids=tuple(line.get("ids", ())),
        job=line.get("job") or "",
    )
