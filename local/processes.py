"""Child processes that die with their parent, and ports of the loopback interface."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
_COVERAGE = "COVERAGE_PROCESS_"


class PortTakenError(Exception):
    """A fixed port is in use; the text names the port, who wants it and what changes it."""


def die_with(parent_pid: int) -> Callable[[], None]:
    """A `preexec_fn`: on Linux the child is killed when the thread that started it ends.

    So start children from a thread that lives as long as they should.
    """

    def arm() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent_pid:
                os._exit(1)  # the parent died before the line above

    return arm


def coverage_environment() -> dict[str, str]:
    """What a child needs to be measured when this process is, and nothing else."""
    return {name: value for name, value in os.environ.items() if name.startswith(_COVERAGE)}


def plain_environment() -> dict[str, str]:
    """An environment without anything secret of the caller's: no keys, no addresses."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**kept, **coverage_environment()}


def spawn(
    command: list[str], *, log: Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own, so that Ctrl-C reaches only the one who stops it.

    Args:
        command: program and arguments.
        log: file that its output is appended to.
        cwd: where it runs.
        environment: added to the plain environment.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={**plain_environment(), "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - one prctl call, nothing that locks
        )


def stop(process: subprocess.Popen[bytes], *, grace_seconds: float = 5.0) -> None:
    """Asks by SIGTERM, then kills; returns when it is gone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def kill(pid: int) -> None:
    """SIGKILL to one process that the caller knows to be its own."""
    os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def is_free(port: int) -> bool:
    """Whether this port of the loopback interface can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
