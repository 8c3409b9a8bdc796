"""`python -m chaos [run …]`: plays the runs and exits 1 when one doesn't end as it has to.

Without names: the whole one; then, at a tenth of its size and side by side, one like it, one
without the sweep and one without leases. The last two have to fail. TANDEM_SEED draws the same
again; TANDEM_CHAOS_LOGS names a folder that gets the logs of all processes.
"""

import os
import secrets
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from chaos.judge import failed, judged
from chaos.plan import RUNS, Plan
from chaos.report import settings_table, table
from chaos.run import play

TOGETHER: Final = (("whole",), ("small", "no-sweep", "no-leases"))
"""Which runs are played at the same time, in their order."""


def main(names: Sequence[str]) -> int:
    """Plays the named runs, or all; returns the exit code."""
    unknown = sorted(set(names) - RUNS.keys())
    if unknown:
        print(f"no run called {', '.join(unknown)}; there are {', '.join(RUNS)}")
        return 2
    seed = os.environ.get("TANDEM_SEED") or secrets.token_hex(4)
    started = time.monotonic()
    print(f"drawn by TANDEM_SEED={seed}", flush=True)
    wrong: list[str] = []
    for group in TOGETHER:
        plans = [RUNS[name] for name in group if not names or name in names]
        with ThreadPoolExecutor(max(1, len(plans))) as side_by_side:
            for problems in side_by_side.map(partial(_played, seed=seed), plans):
                wrong += problems
    print(f"{time.monotonic() - started:.0f} s in all")
    for problem in wrong:
        print(f"wrong: {problem}")
    return 1 if wrong else 0


def _played(plan: Plan, *, seed: str) -> list[str]:
    """Plays a run and prints what came of it; returns what is wrong with that."""
    started = time.monotonic()
    logs = os.environ.get("TANDEM_CHAOS_LOGS")
    evidence = play(plan, seed=seed, keep_logs=Path(logs) if logs else None)
    parts = judged(evidence)
    found = failed(parts)
    text = [
        f"\n=== {plan.name}: {plan.title} ({time.monotonic() - started:.0f} s)",
        settings_table(plan),
        *(table(title, lines) for title, lines in parts),
        f"{plan.name} failed in: {', '.join(found) or 'nothing'}",
    ]
    print("\n".join(text), flush=True)
    return [f"{plan.name}: {problem}" for problem in problems(plan, found)]


def problems(plan: Plan, found: Sequence[str]) -> list[str]:
    """A run that has to pass fails by each line; one that has to fail, by those that pass."""
    if not plan.must_fail:
        return list(found)
    return [f"{line} should have failed" for line in plan.must_fail if line not in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
