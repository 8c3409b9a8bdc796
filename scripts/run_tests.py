"""Runs pytest in an environment without keys, under coverage, and holds the coverage limits.

`python scripts/run_tests.py` measures the coverage of all tests but the end-to-end ones, which
prove that it works and would take twice as long when measured. They run in three rows side by side;
what two of them say is printed at the end. With arguments it measures what they name; with
`--plain` first it only runs pytest.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".tandem" / "coverage"
MEASURED = ("-m", "coverage", "run", "-m", "pytest")
UNITS = "tests/unit"
HANDLERS = ("tests/functional", "tests/contract")
WITH_PROCESSES = "tests/integration"
END_TO_END = "tests/e2e"
OVERALL_PERCENT = 90
INTERRUPTED = 2  # what pytest says after Ctrl-C
# Where a branch that no test has seen could let someone in or let something out.
WHOLLY_COVERED = ("errors", "problems", "principal", "tokens")
SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "DATABASE_URL", "DSN")
OUR_SETTINGS = (
    "ZEP_",
    "MEM0_",
    "GEMINI_",
    "GOOGLE_",
    "AWS_",
    "AGNO_",
    "POWERTOOLS_",
    "PG",
    "TANDEM_",
)
OUR_NAMES = (
    "STAGE",
    "ALGORITHM",
    "DELIVERY_QUEUE_URL",
    "CONSOLIDATION_QUEUE_URL",
    "PYTHONPATH",
    "PYTEST_ADDOPTS",
)
# Where AWS's client library finds a private certificate store, which is no setting of ours; and
# what repeats the names that the end-to-end tests drew.
KEPT = ("AWS_CA_BUNDLE", "TANDEM_SEED")


def is_private(name: str) -> bool:
    """Whether a variable of the shell could be a key, or change what the tests talk to."""
    upper = name.upper()
    if upper in KEPT:
        return False
    return (
        upper in OUR_NAMES
        or upper.startswith(OUR_SETTINGS)
        or any(word in upper for word in SECRET_WORDS)
    )


def clean_environment() -> dict[str, str]:
    """The shell's variables without keys and without anything that Tandem would read."""
    return {name: value for name, value in os.environ.items() if not is_private(name)}


def run(*arguments: str) -> int:
    """Runs this Python with `arguments` in the repository's root; returns its exit code."""
    # This interpreter and arguments written here or typed by the person at the terminal.
    command = [sys.executable, *arguments]
    return finished(command)


def finished(command: Sequence[str]) -> int:
    """Runs a command in the repository's root; returns its exit code, also after Ctrl-C."""
    with subprocess.Popen(command, cwd=ROOT, env=clean_environment()) as child:
        return waited(child)


def waited(child: subprocess.Popen[bytes]) -> int:
    """The exit code of a process, also after Ctrl-C."""
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the terminal told the child too, which tidies up
            continue


@contextmanager
def beside(*arguments: str) -> Iterator[Callable[[], int]]:
    """Runs this Python with `arguments` while the block goes on; what it is given waits for the
    end, prints all that was said meanwhile, and returns the exit code."""
    with tempfile.TemporaryFile() as said:
        command = [sys.executable, *arguments]
        environment = clean_environment()
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT
        ) as child:

            def end() -> int:
                code = waited(child)
                said.seek(0)
                sys.stdout.write(said.read().decode(errors="replace"))
                sys.stdout.flush()
                return code

            yield end


def forget_measurements() -> None:
    """Removes what earlier runs measured."""
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)


def reported() -> int:
    """Prints the coverage and holds its limits; returns the first exit code that is not 0."""
    run("-m", "coverage", "combine", "--quiet")
    report = ("-m", "coverage", "report")
    low = run(*report, f"--fail-under={OVERALL_PERCENT}")
    strict = ",".join(f"*/{name}.py" for name in WHOLLY_COVERED)
    print(f"\nOf these every branch must be covered: {', '.join(WHOLLY_COVERED)}", flush=True)
    gaps = run(*report, f"--include={strict}", "--skip-covered", "--fail-under=100")
    return low or gaps


def with_processes() -> tuple[list[str], list[str]]:
    """The integration tests in two halves: those in folders of their own, and the others."""
    inside = sorted((ROOT / WITH_PROCESSES).iterdir())
    folders = [path for path in inside if path.is_dir() and any(path.glob("test_*.py"))]
    files = [path for path in inside if path.match("test_*.py")]
    return [str(path.relative_to(ROOT)) for path in folders], [
        str(path.relative_to(ROOT)) for path in files
    ]


def everything() -> int:
    """Runs all tests, in three rows side by side that take about as long."""
    forget_measurements()
    folders, files = with_processes()
    with ExitStack() as stack:
        rows = [
            stack.enter_context(beside(*MEASURED, *folders)),
            stack.enter_context(beside(*MEASURED, *HANDLERS, *files)),
        ]
        failed = run(*MEASURED, UNITS)
        if failed != INTERRUPTED:
            failed = run("-m", "pytest", END_TO_END) or failed
        for end in rows:
            failed = end() or failed
    return failed if failed == INTERRUPTED else reported() or failed


def main(arguments: list[str]) -> int:
    """Runs what was asked for; returns the exit code."""
    if arguments[:1] == ["--plain"]:
        return run("-m", "pytest", *arguments[1:])
    if not arguments:
        return everything()
    forget_measurements()
    failed = run(*MEASURED, *arguments)
    return failed if failed == INTERRUPTED else reported() or failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
