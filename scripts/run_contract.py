"""Runs the contract suite, then holds docs/coverage.md against what the suite has seen.

Where this account may make a network namespace, everything runs in one that has the loopback
interface alone; elsewhere the suite's own guard refuses every other address.
`python -m scripts.run_contract PART…` runs a part, without the coverage table, which needs all;
with COVERAGE=write in the environment the table is written and not checked.
"""

import os
import shutil
import subprocess
import sys

from scripts.run_tests import finished

SUITE = "tests/official"
_LOOPBACK_ALONE = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh")
_NAMESPACES = (
    ("unshare", "--net", *_LOOPBACK_ALONE),
    ("unshare", "--user", "--map-root-user", "--net", *_LOOPBACK_ALONE),
)


def alone() -> tuple[str, ...]:
    """What to put before a command so that only loopback can be reached; () when nothing can."""
    if shutil.which("unshare") and shutil.which("ip"):
        for namespace in _NAMESPACES:
            if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
                continue
            return namespace
    return ()


def main(parts: list[str]) -> int:
    """Runs the suite and checks the table; returns the first exit code that is not 0."""
    namespace = alone()
    print(
        "Network: a namespace with loopback alone."
        if namespace
        else "Network: no namespace to be had; the suite's guard refuses what isn't loopback.",
        flush=True,
    )
    failed = finished([*namespace, sys.executable, "-m", "pytest", *(parts or [SUITE])])
    if failed or parts:
        return failed
    how = ["--write"] if os.environ.get("COVERAGE") == "write" else []
    return finished([sys.executable, "-m", "scripts.coverage_table", *how])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
