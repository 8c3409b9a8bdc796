"""`python -m bench [name …]`: runs the measurements and exits 1 when a budget is over.

A measurement is a module of this package with `run() -> list[Result]`; without names all are run.
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import bench
from bench.results import Result, table

# Programs that measurements start, not measurements.
_PROGRAMS = ("baseline_", "first_request", "__")


def measurements() -> dict[str, str]:
    """Module of each measurement, by the name it is called on the command line."""
    found = {}
    for module in pkgutil.iter_modules(bench.__path__):
        name = f"bench.{module.name}"
        if module.name.startswith(_PROGRAMS):
            continue
        if hasattr(importlib.import_module(name), "run"):
            found[module.name] = name
    return found


def main(names: Sequence[str]) -> int:
    """Runs the named measurements, or all; returns the exit code."""
    known = measurements()
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no measurement called {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    results: list[Result] = []
    for name in names or known:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        results += importlib.import_module(known[name]).run()
    print(table(results))
    over = [result.name for result in results if not result.is_within]
    if over:
        print(f"over budget: {', '.join(over)}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
