"""`python -m evaluation [part …]`: plays the sets through a whole local stack, prints what came of
them, and exits 1 when a bar is not reached. Without names all parts are played."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from evaluation import conversations, judged, planted
from evaluation.report import Line, table
from evaluation.world import World, world

PARTS: Final[Mapping[str, tuple[str, Callable[[World], list[Line]]]]] = {
    "labels": ("300 pairs, judged by their labels", lambda w: judged.judged(w, "labels")),
    "rules": ("300 pairs, judged by the twin's rules", lambda w: judged.judged(w, "rules")),
    "off": (
        "300 pairs without a judge",
        lambda w: [*judged.judged(w, "off"), *judged.equals(w)],
    ),
    "same": ("300 pairs, a judge that always says `same`", lambda w: judged.judged(w, "same")),
    "planted": (
        "100 duplicates in other words among 2,000 memories",
        lambda w: [*planted.planted(w, by_labels=True), *planted.planted(w, by_labels=False)],
    ),
    "found": (
        "60 questions on two conversations, tidied by labels",
        lambda w: conversations.found(w, by_labels=True),
    ),
    "found-by-rules": (
        "60 questions on two conversations, tidied by the twin's rules",
        lambda w: conversations.found(w, by_labels=False),
    ),
    "stored": ("two conversations as they were spoken", conversations.stored),
}


def main(names: Sequence[str]) -> int:
    """Plays the named parts, or all; returns the exit code."""
    unknown = sorted(set(names) - PARTS.keys())
    if unknown:
        print(f"no part called {', '.join(unknown)}; there are {', '.join(PARTS)}")
        return 2
    failed: list[str] = []
    for name in names or PARTS:
        title, play = PARTS[name]
        started = time.monotonic()
        with world() as made:
            lines = play(made)
        print(table(f"{name}: {title} ({time.monotonic() - started:.0f} s)", lines), flush=True)
        failed += [f"{name}: {line.name}" for line in lines if line.passes is False]
    if failed:
        print(f"below the bar: {'; '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
