"""What the Makefile calls: `dev` for a person at a terminal, `demo`, `clean`."""

import argparse
import importlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values

from local.intrinsics import TemplateError
from local.postgres import Postgres, PostgresError
from local.postgres_binaries import remove_copies
from local.processes import PortTakenError
from local.settings import SECRET_NAMES, RealServices, UnsafeAddressError, dev_ports
from local.stack import ROOT, Stack, StackError

DATA = ROOT / ".tandem"
_WATCH_SECONDS = 0.5
_SERVICES = {"zep": "Zep", "mem0": "Mem0", "gemini": "Gemini", "database": "PostgreSQL"}
# What a person may say in .env besides secrets. It counts for a real service only.
_SETTINGS = {
    "zep": ("ZEP_BASE_URL",),
    "mem0": ("MEM0_API_URL",),
    "gemini": ("GEMINI_BASE_URL", "GEMINI_MODEL", "GEMINI_EMBEDDING_MODEL"),
}
_KNOWN_ERRORS = (
    PortTakenError,
    PostgresError,
    StackError,
    TemplateError,
    UnsafeAddressError,
    ValueError,
)


def main(arguments: list[str]) -> int:
    """Runs a command; the exit status. What goes wrong in a known way is one sentence."""
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("dev", help="start everything and stay until Ctrl-C")
    commands.add_parser("demo", help="play the story and print it")
    commands.add_parser("clean", help="remove what `dev` keeps")
    command = parser.parse_args(arguments).command
    run: Callable[[], int] = {"dev": dev, "demo": _demo, "clean": clean}[command]
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
    real = real_services(environment)
    # A port may be said in the shell too; nothing else of the shell counts.
    ports = dev_ports({**environment, **os.environ})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("Starting …", flush=True)
    stack = Stack(data_dir=data_dir, ports=ports, schedules=True, echo=True, real=real, **options)
    try:
        with stack:
            print(banner(stack, real), flush=True)
            try:
                return _stay(stack)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)  # stopping takes its second or two
    except KeyboardInterrupt:
        return 130  # while it was starting


def _stay(stack: Stack) -> int:
    """Waits for Ctrl-C, or until a part of the stack ends by itself."""
    try:
        while not (ended := stack.ended):
            time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    print(f"error: {ended[0]} ended by itself; see {stack.log_dir / ended[0]}.log", flush=True)
    return 1


def clean() -> int:
    """Removes the data of `dev`, its database too where that lies elsewhere."""
    folder = DATA / "dev" / "postgres"
    if folder.exists():
        Postgres(folder).remove()
        remove_copies(folder)
    shutil.rmtree(DATA, ignore_errors=True)
    return 0


def _demo() -> int:
    run: Callable[[], int] = importlib.import_module("local.demo").main
    return run()


def read_dotenv(path: Path) -> dict[str, str]:
    """The file's entries that have a value; none if there is no file."""
    values = dotenv_values(path, interpolate=False) if path.is_file() else {}
    return {name: value for name, value in values.items() if value}


def real_services(environment: Mapping[str, str]) -> RealServices:
    """The services whose key the person gave, and the settings that belong to them."""
    real = RealServices({name: environment[name] for name in SECRET_NAMES if name in environment})
    named = (name for service, names in _SETTINGS.items() if real.has(service) for name in names)
    overrides = {name: environment[name] for name in named if name in environment}
    return RealServices(real.secrets, overrides)


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
