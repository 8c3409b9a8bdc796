"""Processes of functions, killed with -9 at random; and which of them were at work."""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from local import processes
from local.stack import Stack

VICTIMS: Final = {"ChatFunction": 5, "DeliverFunction": 4, "SweepFunction": 1}
"""Whose processes are killed, and how likely each."""

# The line that the runtime writes when a process dies in the middle of an invocation.
_AT_WORK: Final = re.compile(r"^\S+ Runtime exited with signal 9$", re.MULTILINE)


class Killer:
    """Kills a process now and then.

    Args:
        pids: process ids of the stack's own instances, by `<Function>.<number>`.
        every: the shortest and the longest time between two kills, in seconds.
    """

    def __init__(
        self,
        pids: Callable[[], Mapping[str, int]],
        *,
        every: tuple[float, float],
        draw: random.Random,
        kill: Callable[[int], None] = processes.kill,
    ) -> None:
        self._pids = pids
        self._every = every
        self._draw = draw
        self._kill = kill
        self._due = draw.uniform(*every)
        self.killed: Counter[str] = Counter()

    def step(self, seconds: float) -> None:
        """Kills somebody if it is time, `seconds` after the beginning."""
        if seconds < self._due:
            return
        self._due = seconds + self._draw.uniform(*self._every)
        victims = self._victims()
        if not victims:
            return
        [function] = self._draw.choices(list(victims), [VICTIMS[name] for name in victims])
        try:
            self._kill(self._draw.choice(sorted(victims[function])))
        except ProcessLookupError:
            return  # it had just gone by itself
        self.killed[function] += 1

    def _victims(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for name, pid in self._pids().items():
            function = name.partition(".")[0]
            if function in VICTIMS:
                found.setdefault(function, []).append(pid)
        return found


def hits(log_dir: Path) -> Counter[str]:
    """How many invocations ended because their process was killed, by function."""
    found: Counter[str] = Counter()
    for function in VICTIMS:
        log = log_dir / f"{function}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        found[function] = len(_AT_WORK.findall(text))
    return found


def killer_of(stack: Stack, *, every: tuple[float, float], draw: random.Random) -> Killer:
    """A killer of this stack's processes, and of no others."""
    return Killer(lambda: stack.pids, every=every, draw=draw)
