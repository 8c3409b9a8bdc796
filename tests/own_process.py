"""Python in a process of its own, as a container of a function has it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def run_python(
    code: str,
    *folders: str,
    environment: dict[str, str] | None = None,
    given: Any = None,
    measured: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Runs `code` to its end, warnings being errors.

    Args:
        folders: of this repository, from which it imports.
        environment: all that it has.
        given: on its standard input, as JSON.
        measured: counts towards the coverage, for which it loads a few modules more.
    """
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=(environment or {})
        | (coverage if measured else {})
        | {"PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in folders)},
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
