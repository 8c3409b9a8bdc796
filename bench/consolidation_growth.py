"""How consolidating grows with what is remembered: 500, 1,000, 2,000 and 5,000 memories.

Of each size one person's memory is tidied for the first time. Counted are pairs and calls of the
judge; the time is that until the run is over, be it in the request or in the job. What grows in
proportion takes the same time a memory, so the largest is held against the smallest.
"""

import time
from collections import Counter
from typing import Any, Final

from bench.results import BenchError, Result
from evaluation.planted import fill
from evaluation.world import Someone, World, world

SIZES: Final = (500, 1_000, 2_000, 5_000)
PAIRS_A_MEMORY: Final = 5
CALLS_A_PAIR: Final = 1 / 10
GROWTH: Final = 2.0
"""How much longer a memory may take among 5,000 than among 500."""
POST_SECONDS: Final = 25.0
_LEAST_PROGRESS: Final = 3
_POLL_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 600.0
_UNBOUNDED: Final = {"CONSOLIDATION_JUDGE_CALLS": "10000"}
"""One run judges everything; by default the next one goes on after 400 calls."""


def run() -> list[Result]:
    """Measures a first run at each size."""
    runs: dict[int, tuple[float, dict[str, Any]]] = {}
    post_seconds, progress = 0.0, Counter[int]()
    with world(extra_environment=_UNBOUNDED) as made:
        made.judge("labels")
        for size in SIZES:
            [someone] = made.people(1)
            fill(made, someone, size)
            started = time.perf_counter()
            answer = made.call(someone, "POST", "/api/memory/consolidate", {})
            post_seconds = max(post_seconds, time.perf_counter() - started)
            if answer["status"] == "running":
                counts, progress[size] = _finished(made, someone, answer["run_id"])
            else:
                counts = answer["counts"]
            runs[size] = time.perf_counter() - started, counts
    if progress[SIZES[-1]] < _LEAST_PROGRESS:
        raise BenchError("of 5,000 memories no progress was to be seen")
    return results(runs, post_seconds)


def results(runs: dict[int, tuple[float, dict[str, Any]]], post_seconds: float) -> list[Result]:
    """The figures that are judged.

    Raises:
        BenchError: a run has looked at nothing.
    """
    if any(counts["pairs"] == 0 for _, counts in runs.values()):
        raise BenchError("a run found no pairs")
    a_memory = {size: seconds / size for size, (seconds, _) in runs.items()}
    detail = ", ".join(
        f"{size}: {seconds:.1f} s, {counts['pairs']} pairs, {counts['judge_calls']} judge calls"
        for size, (seconds, counts) in runs.items()
    )
    pairs = max(counts["pairs"] / size for size, (_, counts) in runs.items())
    calls = max(counts["judge_calls"] / counts["pairs"] for _, counts in runs.values())
    return [
        Result(
            "consolidating 5,000 memories against 500, a memory",
            a_memory[SIZES[-1]] / a_memory[SIZES[0]],
            GROWTH,
            detail=detail,
        ),
        Result("pairs a memory", pairs, PAIRS_A_MEMORY, unit="pairs"),
        Result("judge calls a pair", calls, CALLS_A_PAIR, unit="calls"),
        Result("POST with 5,000 memories is answered", post_seconds, POST_SECONDS, unit="s"),
    ]


def _finished(made: World, someone: Someone, run_id: str) -> tuple[dict[str, Any], int]:
    """The counts of the run once the job has ended it, and how many different ones were seen."""
    seen: set[str] = set()
    ends_at = time.monotonic() + _LONGEST_SECONDS
    while True:
        answer = made.call(someone, "GET", f"/api/memory/consolidations/{run_id}")
        seen.add(str(answer["counts"]))
        if answer["status"] != "running":
            break
        if time.monotonic() > ends_at:
            raise BenchError(f"a run was not over after {_LONGEST_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    if answer["status"] != "done":
        raise BenchError(f"a run ended as {answer['status']}")
    counts: dict[str, Any] = answer["counts"]
    return counts, len(seen)
