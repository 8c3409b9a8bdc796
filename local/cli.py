"""What the Makefile calls: `dev` for a person at a terminal, `demo`, `twins`, `clean`."""

import argparse
import contextlib
import fcntl
import importlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from local import twins_alone
from local.activity import Activity
from local.env_file import read_dotenv, real_services, refuse_wrong_values, unknown_names
from local.intrinsics import TemplateError
from local.owed import DeadLetters, Ledger, OwedWatch
from local.postgres import Postgres, PostgresError
from local.postgres_binaries import remove_copies
from local.processes import PortTakenError
from local.settings import RealServices, UnsafeAddressError, dev_ports
from local.stack import ROOT, Stack, StackError

DATA = ROOT / ".tandem"
_WATCH_SECONDS = 0.5
_SERVICES = {"zep": "Zep", "mem0": "Mem0", "gemini": "Gemini", "database": "PostgreSQL"}


class RunningError(Exception):
    """The data can't be used, or another process uses them."""


_KNOWN_ERRORS = (
    PortTakenError,
    PostgresError,
    RunningError,
    StackError,
    TemplateError,
    UnsafeAddressError,
    ValueError,
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; --help lists the options.")


def main(arguments: list[str]) -> int:
    """Runs a command; the exit status."""
    return in_a_sentence(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    parser = _Parser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("dev", help="start everything and stay until Ctrl-C")
    commands.add_parser("demo", help="play the story and print it")
    alone = commands.add_parser("twins", help="start the twins alone")
    twins_alone.add_options(alone, data_dir=DATA / "twins")
    commands.add_parser("clean", help="remove what `dev` and `twins` keep")
    given = vars(parser.parse_args(arguments))
    command = given.pop("command")
    known: dict[str, Callable[..., int]] = {
        "dev": dev,
        "demo": _demo,
        "twins": twins,
        "clean": clean,
    }
    return known[command](**given)


def in_a_sentence(run: Callable[[], int]) -> int:
    """Runs it; the exit status. What goes wrong in a known way is one sentence."""
    try:
        return run()
    except _KNOWN_ERRORS as error:
        print(f"error: {error}")
        return 1


def dev(*, data_dir: Path = DATA / "dev", env_file: Path = ROOT / ".env", **options: Any) -> int:
    """Starts the stack on fixed ports with lasting data, and keeps it until Ctrl-C.

    Args:
        data_dir: what is kept from one run to the next.
        env_file: keys of real services, and ports.
        options: of `StackOptions`.
    """
    environment = read_dotenv(env_file)
    for sentence in unknown_names(environment):
        print(f"warning: {sentence}", flush=True)
    refuse_wrong_values(environment)
    real = real_services(environment)
    # A port may be said in the shell too; nothing else of the shell counts.
    ports = dev_ports({**environment, **os.environ})
    # SIGINT too: a shell script starts its background jobs with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print("Starting …", flush=True)
    stack = Stack(data_dir=data_dir, ports=ports, schedules=True, echo=True, real=real, **options)
    try:
        with _only_one(data_dir, "make dev"), stack:
            try:
                return _stay(stack, banner(stack, real))
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)  # stopping takes its second or two
    except KeyboardInterrupt:
        return 130  # while it was starting


def twins(*, data_dir: Path, **options: float | None) -> int:
    """Starts the three twins alone on fixed ports, with lasting data, until Ctrl-C."""
    data_dir = data_dir.resolve()
    with _only_one(data_dir, "make twins"):
        return twins_alone.run(data_dir, **options)


@contextlib.contextmanager
def _only_one(data_dir: Path, command: str) -> Iterator[None]:
    """Keeps a second one from the same data; the lock goes with the process, however it ends."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        lock = (data_dir / "lock").open("w")
    except OSError as error:
        raise RunningError(f"{data_dir} can't be used: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunningError(f"`{command}` runs already in this folder.") from None
        yield


def _stay(stack: Stack, welcome: str) -> int:
    """Shows what happens until Ctrl-C, or until a part of the stack ends by itself."""
    try:
        print(welcome, flush=True)
        activity = Activity(stack.log_dir / "gateway.log")
        dead_letters = DeadLetters(stack.aws_url, stack.template)
        with OwedWatch(Ledger(stack.database_url), dead_letters) as owed:
            while not (ended := stack.ended):
                for line in (*activity.news(), *owed.news()):
                    print(line, flush=True)
                time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    print(f"error: {ended[0]} ended by itself; see {stack.log_dir / ended[0]}.log", flush=True)
    return 1


def clean() -> int:
    """Removes what is kept, the database of `dev` too where that lies elsewhere."""
    folder = DATA / "dev" / "postgres"
    if folder.exists():
        Postgres(folder).remove()
        remove_copies(folder)
    shutil.rmtree(DATA, ignore_errors=True)
    return 0


def _demo() -> int:
    run: Callable[[], int] = importlib.import_module("local.demo").main
    return run()


def banner(stack: Stack, real: RealServices) -> str:
    """Where everything is, what is a twin, and a first call to try."""
    twins = {"zep": "zep_url", "mem0": "mem0_url", "gemini": "gemini_url"}
    lines = [f"\n  Tandem      {stack.url}"]
    for service, name in _SERVICES.items():
        if real.has(service):
            where = "the real one, by .env"
            if service == "database":
                where += f" ({urlsplit(stack.database_url).hostname})"
        elif service == "database":
            where = f"{httpx.URL(stack.database_url).netloc.decode()} (embedded)"
        else:
            where = f"{getattr(stack, twins[service])} (twin)"
        lines.append(f"  {name:<11} {where}")
    lines.append(f"  AWS         {stack.aws_url} (SQS and Secrets Manager by moto)")
    lines.append(f"  Logs        {stack.log_dir}")
    body = '{"email": "ada@example.com", "password": "correct horse battery"}'
    call = f"curl -s {stack.url}/api/auth/signup -H 'content-type: application/json' -d '{body}'"
    return "\n".join([*lines, "", f"  Try:  {call}", "", "  Ctrl-C stops everything."])
