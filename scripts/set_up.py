"""Fills one environment from its locked requirements; called by `scripts/set_up` when it has to."""

import fcntl
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

STAMP = "installed.txt"
WHAT = {
    "dev": "the tools for development and tests",
    "tools": "the SAM CLI and cfn-lint",
    "runtime": "what Lambda's Python runtime brings",
    "contract": "the official clients of Zep, Mem0 and Gemini, for the contract suite",
    "contract-mem0-0x": "the last 0.x client of Mem0, for the contract suite",
    "wheels": "the packages of the layer and the authorizer, for Lambda",
}
PIP = ("-m", "pip", "-qq", "--disable-pip-version-check", "--no-input")
# What Lambda's python3.13 (Amazon Linux 2023, glibc 2.34) can load.
FOR_LAMBDA = (
    "--platform=manylinux2014_x86_64",
    "--platform=manylinux_2_28_x86_64",
    "--implementation=cp",
    "--python-version=3.13",
)


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Lets one process at a time fill a folder; the lock goes with the process, however it ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_fresh(folder: Path, locked: str) -> bool:
    """Whether the folder was filled from exactly these requirements and its Python still starts."""
    stamp = folder / STAMP
    if not stamp.is_file() or stamp.read_text() != locked:
        return False
    if not (folder / "pyvenv.cfg").exists():
        return True
    python = folder / "bin" / "python"
    try:
        return subprocess.run([python, "-I", "-c", ""], check=False).returncode == 0
    except OSError:
        return False  # the Python it was made with is gone


def make_venv(folder: Path, requirements: Sequence[Path]) -> None:
    """Makes a virtual environment with the packages of `requirements`, and nothing else."""
    venv.create(folder, clear=True, with_pip=True, symlinks=True)
    files = [part for file in requirements for part in ("--requirement", str(file))]
    python = folder / "bin" / "python"
    subprocess.run([python, *PIP, "install", "--require-hashes", *files], check=True)


def make_wheels(folder: Path, requirements: Sequence[Path]) -> None:
    """Downloads the wheels of `requirements` for Lambda, so that builds need no network."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in requirements:
        arguments = ("--no-deps", "--require-hashes", "--only-binary=:all:", *FOR_LAMBDA)
        subprocess.run(
            [
                sys.executable,
                *PIP,
                "download",
                *arguments,
                f"--dest={folder}",
                f"--requirement={file}",
            ],
            check=True,
        )


def main(name: str, folder: Path, requirements: Sequence[Path]) -> int:
    """Fills `folder` unless another process did so meanwhile; returns the exit code."""
    locked = "".join(file.read_text() for file in requirements)
    with only_one(Path(".tools") / f"{name}.lock"):
        if is_fresh(folder, locked):
            return 0
        print(
            f"Setting up {folder}: {WHAT[name]} (once, takes a minute or two)",
            file=sys.stderr,
            flush=True,
        )
        try:
            (make_wheels if name == "wheels" else make_venv)(folder, requirements)
        except subprocess.CalledProcessError as error:
            print(f"{folder} could not be set up: pip said why above.", file=sys.stderr)
            return error.returncode or 1
        (folder / STAMP).write_text(locked)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]]))
