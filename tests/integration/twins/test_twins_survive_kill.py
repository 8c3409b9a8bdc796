"""Real processes of the twins: kill -9 loses nothing that was acknowledged."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
ZEP = {"authorization": "Api-Key test-key"}
MEM0 = {"authorization": "Token test-key"}
Start = Callable[..., "Running"]


class Running:
    """A twin's process and its address."""

    def __init__(self, name: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"local.twins.{name}", "--port", "0", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def end(self, how: signal.Signals = signal.SIGKILL) -> tuple[str, str]:
        """Ends it and answers what it printed."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=5)


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(name, *options)`; whatever still runs is ended after the test."""
    started: list[Running] = []

    def _start(name: str, *options: str) -> Running:
        started.append(Running(name, *options))
        return started[-1]

    yield _start
    for running in started:
        if running.process.poll() is None:
            running.end()


def _settled(url: str, headers: dict[str, str], wanted: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        body: dict[str, Any] = httpx.get(url, headers=headers).json()
        if body["status"] == wanted:
            return body
    raise AssertionError(f"{url} did not become {wanted}")


def test_zep_takes_up_what_a_kill_interrupted(start: Start, tmp_path: Path) -> None:
    zep = start("zep", "--data", str(tmp_path), "--ingestion-ms", "60000")
    base = f"{zep.url}/api/v4"
    user = httpx.post(f"{base}/users", json={"user_id": "test:1"}, headers=ZEP).json()
    thread = httpx.post(f"{base}/threads", json={"user_uuid": user["uuid"]}, headers=ZEP).json()
    path = f"/api/v4/threads/{thread['uuid']}/messages"
    body = {"messages": [{"role": "user", "content": "I live in Delhi"}]}
    keyed = {**ZEP, "idempotency-key": "one"}
    first = httpx.post(zep.url + path, json=body, headers=keyed).json()
    zep.end()
    again = start("zep", "--data", str(tmp_path), "--ingestion-ms", "1")
    assert httpx.post(again.url + path, json=body, headers=keyed).json() == first
    assert httpx.get(again.url + path, headers=ZEP).json()["total_size"] == 1
    later = httpx.post(again.url + path, json=body, headers=ZEP).json()
    tasks = [
        _settled(f"{again.url}/api/v4/tasks/{added['task']['uuid']}", ZEP, "succeeded")
        for added in (first, later)
    ]
    assert tasks[0]["completed_at"] <= tasks[1]["completed_at"]


def test_an_interrupted_ingestion_ends_well_after_the_restart(start: Start, tmp_path: Path) -> None:
    zep = start("zep", "--data", str(tmp_path), "--ingestion-ms", "1500")
    user = httpx.post(f"{zep.url}/api/v4/users", json={}, headers=ZEP).json()
    edges = f"/api/v4/graphs/{user['graph_uuid']}/edges/list"
    episodes = f"/api/v4/graphs/{user['graph_uuid']}/episodes"
    added = httpx.post(zep.url + episodes, json={"data": "I like tea"}, headers=ZEP).json()
    assert httpx.post(zep.url + edges, json={}, headers=ZEP).json()["items"] == []
    zep.end()
    again = start("zep", "--data", str(tmp_path), "--ingestion-ms", "1500")
    _settled(f"{again.url}/api/v4/tasks/{added['task']['uuid']}", ZEP, "succeeded")
    found = httpx.post(again.url + edges, json={}, headers=ZEP).json()["items"]
    assert [edge["fact"] for edge in found] == ["Likes tea"]


def test_mem0_takes_up_what_a_kill_interrupted(start: Start, tmp_path: Path) -> None:
    mem0 = start("mem0", "--data", str(tmp_path), "--ingestion-ms", "1500")
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "test:1"}
    added = httpx.post(f"{mem0.url}/v3/memories/add/", json=body, headers=MEM0).json()
    mem0.end()
    again = start("mem0", "--data", str(tmp_path), "--ingestion-ms", "1500")
    event = _settled(f"{again.url}/v1/event/{added['event_id']}/", MEM0, "SUCCEEDED")
    assert [result["data"]["memory"] for result in event["results"]] == ["Likes tea"]
    listed = httpx.post(
        f"{again.url}/v3/memories/", json={"filters": {"user_id": "test:1"}}, headers=MEM0
    ).json()
    assert listed["count"] == 1


@pytest.mark.parametrize("name", ["zep", "mem0", "gemini"])
def test_a_twin_ends_quickly_and_prints_nothing_of_a_request(
    start: Start, tmp_path: Path, name: str
) -> None:
    options = [] if name == "gemini" else ["--data", str(tmp_path)]
    running = start(name, *options)
    canary = "canary-7f3a"
    headers = {"authorization": f"Token {canary}", "x-goog-api-key": canary}
    with httpx.Client(headers=headers) as client:
        for path in ("/v3/memories/add/", "/v1/models/gemini-x:generateContent", "/api/v4/users"):
            client.post(f"{running.url}{path}?q={canary}", json={"user_id": canary})
            client.post(f"{running.url}{path}?q={canary}", content=canary.encode())
        assert client.get(f"{running.url}/_twin/health").json() == {"status": "ok"}
        assert canary not in client.get(f"{running.url}/_twin/requests").text
        started = time.monotonic()
        printed = "".join(running.end(signal.SIGTERM))
    assert time.monotonic() - started < 3
    assert canary not in printed


def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "local.twins.gemini", "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert done.returncode == 1
    assert done.stderr == f"gemini twin: port {port} on 127.0.0.1 is taken.\n"
