"""Attempts at somebody's memory, each in a process of its own that is held, killed, waited for."""

import multiprocessing
import os
import sys
import time
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from typing import Any
from unittest.mock import patch

from tests.integration.consolidation.one_run import Attempt, Gate, Where, make
from tests.integration.twins.writers import until

_WITHIN_SECONDS = 60.0
_CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED = "tests.integration.consolidation.one_run"


def have_attempts_ready() -> None:
    """Starts the process from which all attempts are forked, with everything imported. It isn't
    measured, which would slow them."""
    _CONTEXT.set_forkserver_preload([_PRELOADED])
    theirs = {name: value for name, value in os.environ.items() if "COVERAGE_" not in name}
    with patch.dict(os.environ, theirs | {"PYTHONPATH": os.pathsep.join(sys.path)}, clear=True):
        forkserver.ensure_running()


@dataclass
class Running:
    """An attempt under way.

    Attributes:
        held_at: where it waits, if it does.
        opened: lets it go on, where others wait for the same; else it is its own.
    """

    attempt: Attempt
    held_at: Where | None = None
    opened: Event | None = None
    gate: Gate | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.held_at is not None:
            self.gate = Gate(self.held_at, _CONTEXT.Event(), self.opened or _CONTEXT.Event())
        self._told, tell = _CONTEXT.Pipe(duplex=False)
        self._process: ForkServerProcess = _CONTEXT.Process(
            target=make, args=(self.attempt, self.gate, tell)
        )
        self._process.start()
        tell.close()

    @property
    def over(self) -> bool:
        """It has come to its end."""
        return not self._process.is_alive()

    def reached(self) -> None:
        """Returns once it is held."""
        assert self.gate is not None
        until(self._gate("reached").is_set, seconds=_WITHIN_SECONDS, what="the gate is reached")

    def go_on(self) -> None:
        """Lets it pass."""
        self._gate("opened").set()

    def kill(self) -> None:
        """Ends it as a crash would, and returns once it is gone."""
        assert not self.over, "there was nothing left to be killed"
        self._process.kill()
        self._process.join(_WITHIN_SECONDS)
        assert self._process.exitcode == -9
        self._told.close()

    def result(self) -> dict[str, Any]:
        """What it has come to, once it has."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        with self._told:
            assert self._told.poll(deadline - time.monotonic()), "it came to no end"
            told: dict[str, Any] = self._told.recv()
        self._process.join(_WITHIN_SECONDS)
        return told

    def _gate(self, which: str) -> Event:
        event: Event = getattr(self.gate, which)
        return event


def side_by_side(*attempts: Attempt) -> list[dict[str, Any]]:
    """What these come to when all begin at the same moment."""
    opened = _CONTEXT.Event()
    running = [Running(attempt, "start", opened) for attempt in attempts]
    for one in running:
        one.reached()
    opened.set()
    return [one.result() for one in running]
