"""Runs last: every operation that the clients have was called, or is left out for a reason."""

from __future__ import annotations

import socket
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from google import genai
from mem0 import AsyncMemoryClient, MemoryClient
from zep_cloud import AsyncZep, Zep

from tests.official import loopback_guard, operations
from tests.official.called import Ledger
from tests.official.clients import KEY
from tests.official.mem0_0x import old_client
from tests.official.twin_process import TwinProcess

HERE = Path(__file__).parent
AGNO = {"run", "run stream", "arun", "arun stream"}
"""Agno is no API of its own: these are its ways to call the model."""
Found = dict[str, set[str]]
NAMES = {
    "zep-cloud": {"zep-cloud/4.0.1"},
    "mem0ai": {"mem0-python/2.2.1"},
    "mem0ai-0x": {"python-httpx/0.28.1"},
    "google-genai": {"google-genai-sdk/3.3.0"},
    "agno": {"google-genai-sdk/3.3.0"},
}
"""How each client calls itself in its requests."""


@pytest.fixture(scope="module")
def found(mem0_process: TwinProcess) -> Found:
    """The operations of every client, as its own methods say."""
    mem0_process.reset()
    ping = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"org_id": "o", "project_id": "p"})
    )
    gemini = genai.Client(api_key=KEY)
    url = f"{mem0_process.url}/api/v4"
    clients = {
        "zep-cloud sync": operations.operations(Zep(api_key=KEY, base_url=url)),
        "zep-cloud async": operations.operations(AsyncZep(api_key=KEY, base_url=url)),
        "mem0ai sync": operations.operations(
            MemoryClient(api_key=KEY, client=httpx.Client(transport=ping))
        ),
        "mem0ai async": operations.operations(
            AsyncMemoryClient(api_key=KEY, host=mem0_process.url)
        ),
        "google-genai sync": operations.operations(gemini, leave_out=frozenset({"aio"})),
        "google-genai async": operations.operations(gemini.aio),
        "agno": AGNO,
    }
    for kind in ("sync", "async"):
        with old_client(kind, mem0_process.url) as old:
            clients[f"mem0ai-0x {kind}"] = old.operations
    return clients


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> None:
    """Skips when only a part of the suite runs."""
    ran = {item.path for item in request.session.items}
    if ran != set(HERE.glob("test_*.py")) or request.config.getoption("keyword"):
        pytest.skip("needs the whole suite: some of it was not asked for")


def test_the_clients_have_the_versions_that_are_judged_by() -> None:
    wanted = {"zep-cloud": "4.0.1", "mem0ai": "2.2.1", "google-genai": "3.3.0", "agno": "3.1.10"}
    assert {name: version(name) for name in wanted} == wanted


def test_every_exclusion_names_something_and_says_why(found: Found) -> None:
    for each in operations.exclusions():
        assert each.reason, each
        assert any(each.matches(operation) for operation in found[each.client]), each


@pytest.mark.usefixtures("whole")
def test_every_operation_was_called_or_is_left_out(
    found: Found, ledger: Ledger, summary: list[str]
) -> None:
    missing: dict[str, list[str]] = {}
    summary.append("Operations of the official clients:")
    for client, all_of_them in sorted(found.items()):
        out = operations.left_out(client, all_of_them)
        called = ledger.counted(client) - out
        never = all_of_them - out - called
        only_refused = called - ledger.answered(client)
        summary.append(
            f"  {client:20} {len(all_of_them):4} methods, {len(out):4} left out, "
            f"{len(called):3} called"
            + _listed("never called", never)
            + _listed("only ever refused, as told to be", only_refused)
        )
        if never:
            missing[client] = sorted(never)
    assert not missing, (
        f"never called: {missing}; call each in a test, or leave it out in excluded.toml with a "
        "reason (when other tests failed too, look at those first)"
    )


@pytest.mark.usefixtures("whole")
def test_the_twins_were_told_the_same_names(ledger: Ledger) -> None:
    seen: dict[str, set[str | None]] = defaultdict(set)
    for call in ledger.calls:
        seen[call.client.split()[0]] |= call.seen_as
    # The old client of Mem0 lets its HTTP library speak for it.
    assert {name: seen[name] for name in NAMES} == NAMES


def _listed(what: str, names: set[str]) -> str:
    return f"; {what}: {', '.join(sorted(names))}" if names else ""


def test_nothing_tried_to_leave_this_machine() -> None:
    assert loopback_guard.attempts == []
    with socket.socket() as elsewhere, pytest.raises(loopback_guard.LeftLoopbackError):
        elsewhere.connect(("192.0.2.1", 80))
    assert loopback_guard.attempts == ["socket.connect 192.0.2.1"]
    loopback_guard.attempts.clear()
