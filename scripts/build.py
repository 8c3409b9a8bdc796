"""Builds what is deployed into `.aws-sam/build`: `sam build`, without Docker, account or network.

The wheels come from `.tools/wheels`, which `scripts/set_up wheels` fills. A plain `sam build` with
Python 3.13 on PATH gives the same result; it asks the package index instead.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam" / "build"
LAYER = "CommonLayer"
# Says what the artifacts were built from; beside them, since they are what is deployed.
STAMP = ROOT / ".aws-sam" / "built-from.txt"
INPUTS = ("template.yaml", "scripts/build.py", "layers", "functions")
LIMIT_BYTES = 200 * 1024 * 1024
MIB = 1024 * 1024


def environment() -> dict[str, str]:
    """Variables for `sam`: this Python 3.13 first, wheels from disk, no account, no telemetry."""
    # Neither an account, nor a package index, nor the job server of the `make` that called us.
    foreign = ("AWS_", "PIP_", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PIP_NO_INDEX": "1",
        # As a URL, since pip reads a space as the start of another one.
        "PIP_FIND_LINKS": (ROOT / ".tools" / "wheels").as_uri(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def fingerprint() -> str:
    """Changes whenever anything changes that the artifacts are built from."""
    digest = hashlib.sha256()
    for name in INPUTS:
        top = ROOT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != ".pyc":
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()


def size_bytes(folder: Path) -> int:
    """What the files below `folder` take unzipped, the way Lambda counts."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Unzipped(NamedTuple):
    """Sizes of a build: what Lambda unzips for one function is its code and the layer."""

    layer_bytes: int
    largest_function: str
    function_bytes: int

    @property
    def total_bytes(self) -> int:
        """The layer and the largest function together."""
        return self.layer_bytes + self.function_bytes


def unzipped(build: Path) -> Unzipped:
    """Sizes of what lies below `build`."""
    sizes = {path.name: size_bytes(path) for path in build.iterdir() if path.is_dir()}
    layer = sizes.pop(LAYER)
    name, largest = max(sizes.items(), key=lambda item: item[1])
    return Unzipped(layer, name, largest)


def report(build: Path, *, limit_bytes: int = LIMIT_BYTES) -> int:
    """Prints the sizes below `build`; returns 1 when layer + largest function exceed the limit."""
    layer, name, largest = sizes = unzipped(build)
    print(
        f"layer {layer / MIB:.1f} MiB + largest function {name} {largest / MIB:.2f} MiB "
        f"= {sizes.total_bytes / MIB:.1f} MiB unzipped (limit {limit_bytes / MIB:.0f})"
    )
    if not layer:
        print("The layer is empty: another build in this folder got in the way.", file=sys.stderr)
        return 1
    if sizes.total_bytes > limit_bytes:
        print("Too large: Lambda takes 250 MiB and the budget is below that.", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Builds into a fresh folder unless nothing changed, prints sizes; returns the exit code."""
    wanted = fingerprint()
    if BUILD.is_dir() and STAMP.is_file() and STAMP.read_text() == wanted:
        return report(BUILD)
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(BUILD, ignore_errors=True)
    # As a module: the script's first line names where this clone lay when it was set up.
    command = [sys.executable, "-m", "samcli", "build", "--no-cached", "--no-beta-features"]
    finished = subprocess.run(
        [*command, "--build-dir", str(BUILD), "--template", str(ROOT / "template.yaml")],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        print(finished.stdout, finished.stderr, sep="\n", file=sys.stderr)
        return finished.returncode
    STAMP.write_text(wanted)
    return report(BUILD)


if __name__ == "__main__":
    sys.exit(main())
