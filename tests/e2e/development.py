"""`make dev` as a process of its own, in a copy of the tree or with a folder of its own."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from local.person import until
from local.processes import free_port
from tests.e2e.harness import ROOT

_PARTS = ("local", "functions", "layers", "template.yaml")
_SERVICES = ("gateway", "zep", "mem0", "gemini", "aws")
_DEV_ELSEWHERE = """
import sys
from pathlib import Path
from local.cli import dev
folder, options = Path(sys.argv[1]), eval(sys.argv[2])
sys.exit(dev(data_dir=folder / "data", env_file=folder / ".env", **options))
"""


def copy_tree(folder: Path) -> Path:
    """What `python -m local` needs, in a folder that may have a `.env` and data of its own."""
    for part in _PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copy2(source, folder / part)
    return folder


def free_ports() -> dict[str, int]:
    """A port for each service of `make dev`."""
    return {name: free_port() for name in _SERVICES}


def own_command() -> list[str]:
    """What `make dev` runs; its data is in the working directory's `.tandem`."""
    return [sys.executable, "-m", "local", "dev"]


def command_for(folder: Path, **options: object) -> list[str]:
    """The same with a data folder and options of `StackOptions`; runs in the repository."""
    return [sys.executable, "-c", _DEV_ELSEWHERE, str(folder), repr(options)]


@contextlib.contextmanager
def running(
    command: Sequence[str], *, cwd: Path, ports: Mapping[str, int]
) -> Iterator[subprocess.Popen[str]]:
    """The process, once it says that everything is up; killed in the end if it is still there."""
    variables = {f"TANDEM_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said: list[str] = []
        reader = threading.Thread(target=_follow, args=(process, said), daemon=True)
        reader.start()
        try:
            until(lambda: _is_up(process, said), "make dev is up")
            yield process
        finally:
            process.kill()
            process.wait(10)
            reader.join(10)


def _follow(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stdout is not None
    said.extend(iter(process.stdout.readline, ""))


def _is_up(process: subprocess.Popen[str], said: list[str]) -> bool:
    assert process.poll() is None, "".join(said)
    return any("Ctrl-C stops everything" in line for line in said)


def processes_of(process: subprocess.Popen[str], data_dir: Path) -> list[int]:
    """Every process of a running stack: its descendants, and PostgreSQL, an orphan."""
    parents = dict(_alive())
    found = {process.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    cluster = _cluster(data_dir / "postgres")
    for pid in parents:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink() == cluster:
                found.add(pid)
    return sorted(found)


def names_of(pids: Sequence[int]) -> str:
    """Their command lines, for a look at what they are."""
    lines = []
    for pid in pids:
        with contextlib.suppress(OSError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
    return "\n".join(lines)


def still_alive(pids: Sequence[int]) -> list[int]:
    """Those that run; what nobody has reaped yet does not."""
    alive = dict(_alive())
    return [pid for pid in pids if pid in alive]


def _cluster(folder: Path) -> Path:
    elsewhere = folder / "elsewhere"
    files = Path(elsewhere.read_text().strip()) if elsewhere.exists() else folder
    return files / "cluster"


def _alive() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent, *_ = (entry / "stat").read_text().rsplit(") ", 1)[1].split()
            if state != "Z":
                yield int(entry.name), int(parent)
