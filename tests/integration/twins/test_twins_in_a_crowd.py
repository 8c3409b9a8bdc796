"""Many callers at once: nobody is turned away, and nothing stays behind when they leave."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
CROWD = 300
ZEP = {"authorization": "Api-Key test-key"}


class Zep:
    """The process of Zep's twin."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.twins.zep", "--port", "0", "--data", str(data)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@pytest.fixture
def zep(tmp_path: Path) -> Iterator[Zep]:
    running = Zep(tmp_path)
    httpx.get(f"{running.url}/_twin/health", trust_env=False)
    yield running
    running.process.send_signal(signal.SIGCONT)
    running.process.kill()
    running.process.communicate(timeout=5)


def test_callers_who_come_while_it_is_busy_are_served_when_it_is_not(zep: Zep) -> None:
    zep.process.send_signal(signal.SIGSTOP)
    head = f"GET /_twin/health HTTP/1.1\r\nhost: 127.0.0.1:{zep.port}\r\nconnection: close\r\n\r\n"
    with ExitStack() as stack:
        callers = []
        for _ in range(CROWD):  # a full backlog would have one of them wait for a second or more
            caller = socket.create_connection(("127.0.0.1", zep.port), timeout=0.9)
            callers.append(stack.enter_context(caller))
            caller.sendall(head.encode())
            caller.settimeout(10)
        zep.process.send_signal(signal.SIGCONT)
        answers = [caller.recv(4096) for caller in callers]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)


def test_two_hundred_connections_write_at_once_and_every_answer_is_true(zep: Zep) -> None:
    async def scenario() -> list[str]:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        async with httpx.AsyncClient(
            base_url=f"{zep.url}/api/v4", headers=ZEP, limits=limits, timeout=30, trust_env=False
        ) as client:

            async def write(number: int) -> str:
                first, *others = [
                    await client.post("/users", json={"user_id": f"u{number}"}) for _ in range(3)
                ]
                assert first.status_code == 201
                assert {other.status_code for other in others} == {400}  # there is one already
                uuid: str = first.json()["uuid"]
                return uuid

            uuids = await asyncio.gather(*(write(number) for number in range(200)))
            shown = await asyncio.gather(*(client.get(f"/users/{uuid}") for uuid in uuids))
            assert [user.json()["user_id"] for user in shown] == [f"u{n}" for n in range(200)]
            return uuids

    assert len(set(asyncio.run(scenario()))) == 200


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_hangs_or_drips_is_freed_when_the_callers_leave(zep: Zep) -> None:
    rules = [
        {"kind": "hang", "path": "*/users/1"},
        {"kind": "drip", "path": "*/users/2", "milliseconds": 5},
        {"kind": "huge", "path": "*/users/3", "bytes": 2**30},
        {"kind": "latency", "path": "*/users/4", "milliseconds": 60_000},
        {"kind": "latency", "path": "*/users/5", "milliseconds": 60_000, "when": "after"},
    ]
    with httpx.Client(base_url=zep.url, trust_env=False) as control:
        control.post("/_twin/faults", json={"rules": rules})
        before = zep.open_files()

        def struck() -> list[int]:
            return [rule["struck"] for rule in control.get("/_twin/faults").json()["rules"]]

        with ExitStack() as stack:
            for number in range(1, 6):
                for _ in range(10):
                    caller = socket.create_connection(("127.0.0.1", zep.port), timeout=5)
                    stack.enter_context(caller)
                    head = f"GET /api/v4/users/{number} HTTP/1.1\r\nhost: a\r\n\r\n"
                    caller.sendall(head.encode())
            _until(lambda: struck() == [10] * 5)
            assert zep.open_files() >= before + 50
        _until(lambda: zep.open_files() <= before)
        assert struck() == [10] * 5
        records = control.get("/_twin/requests").json()["requests"]
        assert len(records) == 50
        assert all(record["milliseconds"] is not None for record in records)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
