"""The three twins without the rest, for programs that have Zep, Mem0 or Gemini to talk to."""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from local import processes
from local.settings import TEST_KEY, dev_ports, settle_ports
from local.stack import ROOT, StackError
from local.stack_options import TWINS
from local.twins import options

_VARIABLES = {
    "zep": ("Zep", "ZEP_BASE_URL", "ZEP_API_KEY"),
    "mem0": ("Mem0", "MEM0_API_URL", "MEM0_API_KEY"),
    "gemini": ("Gemini", "GEMINI_BASE_URL", "GEMINI_API_KEY"),
}
_INGESTION = ("latency_ms", "ingestion_ms", "ingestion_failures", "seed")
_OPTIONS = {
    "zep": (*_INGESTION, "idempotency_seconds", "requests_per_minute"),
    "mem0": (*_INGESTION, "refuse_past_expiration"),
    "gemini": ("latency_ms",),
}
_WATCH_SECONDS = 0.2
_READY_SECONDS = 30.0


def add_options(parser: ArgumentParser, *, data_dir: Path) -> None:
    """What can be said of the twins when they are started."""
    parser.add_argument(
        "--data-dir",
        metavar="FOLDER",
        type=Path,
        default=data_dir,
        help="where they keep what they are told (.tandem/twins)",
    )
    options.latency(parser)
    options.ingestion(parser)
    options.of_zep(parser)
    options.of_mem0(parser)


class TwinsAlone:
    """Starts the twins on entering, stops them on leaving."""

    def __init__(self, data_dir: Path, **given: float | None) -> None:
        """`given`: of `add_options`."""
        self._folder, self._options = data_dir, given
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        ports = settle_ports(dev_ports(os.environ), needed=frozenset(TWINS))
        for name in TWINS:
            self._children[name] = processes.spawn(
                [sys.executable, "-m", f"local.twins.{name}", *self._arguments(name, ports[name])],
                log=self.log(name),
                cwd=ROOT,
            )
            self.urls[name] = f"http://{processes.LOOPBACK}:{ports[name]}"
        for name in TWINS:
            self._await_ready(name, ports[name])

    def stop(self) -> None:
        """Stops what runs."""
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        while self._children:
            processes.stop(self._children.popitem()[1])

    @property
    def ended(self) -> list[str]:
        """Those that are gone although nobody stopped them."""
        return [name for name, child in self._children.items() if child.poll() is not None]

    def log(self, name: str) -> Path:
        """The file that a twin prints into."""
        return self._folder / "logs" / f"{name}.log"

    def _arguments(self, name: str, port: int) -> Sequence[str]:
        arguments = ["--port", str(port)]
        if name != "gemini":
            arguments += ["--data", str(self._folder / name)]
        for option in _OPTIONS[name]:
            value = self._options[option]
            flag = f"--{option.replace('_', '-')}"
            if value is True:
                arguments += [flag]
            elif value is not None and value is not False:
                arguments += [flag, str(value)]
        return arguments

    def _await_ready(self, name: str, port: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not processes.answers(port):
            if name in self.ended:
                raise StackError(f"{name} ended at once: {self._last_words(name)}")
            if time.monotonic() > deadline:
                raise StackError(f"{name} did not get ready; see {self.log(name)}")
            time.sleep(0.02)

    def _last_words(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").split("\n")
        return f"{next((line for line in reversed(lines) if line), '')}; see {self.log(name)}"


def run(data_dir: Path, **given: float | None) -> int:
    """Keeps the twins until Ctrl-C; the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with TwinsAlone(data_dir, **given) as twins, _unhurried_end():
            print(banner(twins.urls, data_dir), flush=True)
            return _stay(twins)
    except KeyboardInterrupt:
        return 130  # while they were starting


@contextmanager
def _unhurried_end() -> Iterator[None]:
    """A second Ctrl-C does not interrupt what the first one began."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _stay(twins: TwinsAlone) -> int:
    try:
        while not (ended := twins.ended):
            time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    print(f"error: {ended[0]} ended by itself; see {twins.log(ended[0])}", flush=True)
    return 1


def _clients(urls: dict[str, str]) -> list[str]:
    key = f'api_key="{TEST_KEY}"'
    return [
        f'    Zep({key}, base_url="{urls["zep"]}/api/v4")',
        f'    MemoryClient({key}, host="{urls["mem0"]}")',
        f'    genai.Client({key}, http_options={{"base_url": "{urls["gemini"]}"}})',
    ]


def banner(urls: dict[str, str], data_dir: Path) -> str:
    """Where they are, how to point a program at them, and how to make one fail."""
    where = [f"  {_VARIABLES[name][0]:<8} {url}" for name, url in urls.items()]
    export = [
        f"    export {_VARIABLES[name][1]}={url} {_VARIABLES[name][2]}={TEST_KEY}"
        for name, url in urls.items()
    ]
    rule = '{"kind": "status", "status": 503, "retry_after": 1, "times": 2}'
    return "\n".join(
        [
            *("", *where, f"  {'Data':<8} {data_dir}", ""),
            *("  For the official clients:", *_clients(urls), ""),
            *("  For a program that reads addresses and keys from its environment:", *export, ""),
            "  To have Zep's next two calls fail, and to see what was called:",
            f"    curl -s {urls['zep']}/_twin/faults -d '{rule}'",
            f"    curl -s {urls['zep']}/_twin/requests",
            *("", "  More in docs/twins.md. Ctrl-C stops them."),
        ]
    )
