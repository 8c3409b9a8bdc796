"""The twins as processes, the official clients on them, and the count of what was called."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests.official import loopback_guard

# Before anything imports a client: some read their settings, or report on themselves, at import.
_READ = ("ZEP_", "MEM0_", "GOOGLE_", "GEMINI_", "AGNO_")
for _name in [name for name in os.environ if name.startswith(_READ)]:
    del os.environ[_name]
_MEM0_DIR = tempfile.mkdtemp(prefix="mem0-")
atexit.register(shutil.rmtree, _MEM0_DIR, ignore_errors=True)
os.environ.update(MEM0_TELEMETRY="False", MEM0_DIR=_MEM0_DIR, AGNO_TELEMETRY="false")
loopback_guard.start()

from tests.official.called import Ledger  # noqa: E402 - after the settings above
from tests.official.clients import (  # noqa: E402
    Play,
    genai_player,
    mem0_0x_player,
    mem0_player,
    zep_player,
)
from tests.official.mem0_0x import OldClient, old_client  # noqa: E402
from tests.official.twin_process import ROOT, TwinProcess, running  # noqa: E402

SEEN = ROOT / ".tandem" / "contract" / "called.json"
LAST = "test_every_operation_was_called.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests that look back at all the others at the end."""
    items.sort(key=lambda item: item.path.name == LAST)


_SUMMARY = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Makes room for what is printed at the end."""
    config.stash[_SUMMARY] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what the tests have counted."""
    for line in terminalreporter.config.stash[_SUMMARY]:
        terminalreporter.write_line(line)


@pytest.fixture
def summary(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are printed when all tests have run."""
    return pytestconfig.stash[_SUMMARY]


@pytest.fixture(scope="session")
def ledger() -> Iterator[Ledger]:
    """What all tests together have called; kept for the coverage table."""
    ledger = Ledger()
    yield ledger
    ledger.write(SEEN)


@pytest.fixture(scope="session")
def zep_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    """One Zep twin for the run."""
    with running("zep", tmp_path_factory.mktemp("zep")) as twin:
        yield twin


@pytest.fixture
def zep_twin(zep_process: TwinProcess) -> TwinProcess:
    """The Zep twin, empty."""
    zep_process.reset()
    return zep_process


@pytest.fixture(params=["sync", "async"])
def zep(request: pytest.FixtureRequest, zep_twin: TwinProcess, ledger: Ledger) -> Play:
    """`zep(scenario)`: the scenario gets the official client, blocking or not, awaitable anyway."""
    return zep_player(request.param, zep_twin, ledger)


@pytest.fixture(scope="session")
def mem0_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinProcess]:
    """One Mem0 twin for the run."""
    with running("mem0", tmp_path_factory.mktemp("mem0")) as twin:
        yield twin


@pytest.fixture
def mem0_twin(mem0_process: TwinProcess) -> TwinProcess:
    """The Mem0 twin, empty."""
    mem0_process.reset()
    return mem0_process


@pytest.fixture(params=["sync", "async"])
def mem0(request: pytest.FixtureRequest, mem0_twin: TwinProcess, ledger: Ledger) -> Play:
    """`mem0(scenario)`: the scenario gets mem0ai 2.2.1's client, blocking or not."""
    return mem0_player(request.param, mem0_twin, ledger)


@pytest.fixture(scope="session", params=["sync", "async"])
def old_mem0(
    request: pytest.FixtureRequest, mem0_process: TwinProcess
) -> Iterator[tuple[str, OldClient]]:
    """mem0ai 0.1.118's client in its own process, for the whole run."""
    # It greets the twin when it starts, which a fault of the test before would spoil.
    mem0_process.reset()
    with old_client(request.param, mem0_process.url) as client:
        yield request.param, client


@pytest.fixture
def mem0_0x(old_mem0: tuple[str, OldClient], mem0_twin: TwinProcess, ledger: Ledger) -> Play:
    """`mem0_0x(scenario)`: the scenario gets mem0ai 0.1.118's client."""
    return mem0_0x_player(*old_mem0, mem0_twin, ledger)


@pytest.fixture(scope="session")
def gemini_process() -> Iterator[TwinProcess]:
    """One Gemini twin for the run."""
    with running("gemini", None) as twin:
        yield twin


@pytest.fixture
def gemini_twin(gemini_process: TwinProcess) -> TwinProcess:
    """The Gemini twin, with nothing planned."""
    gemini_process.reset()
    return gemini_process


@pytest.fixture(params=["sync", "async"])
def gemini(request: pytest.FixtureRequest, gemini_twin: TwinProcess, ledger: Ledger) -> Play:
    """`gemini(scenario, **http_options)`: the scenario gets google-genai's client."""
    return genai_player(request.param, gemini_twin, ledger)
