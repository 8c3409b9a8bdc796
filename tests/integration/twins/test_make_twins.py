"""`make twins` as a person meets it: the three twins alone, in a folder of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.processes import answers, free_port

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
NAMES = ("zep", "mem0", "gemini")


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in NAMES}


@contextmanager
def _twins(folder: Path, ports: dict[str, int], *options: str) -> Iterator[subprocess.Popen[str]]:
    variables = {f"TANDEM_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "local", "twins", "--data-dir", str(folder), *options],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if "Ctrl-C stops them" in line or line.startswith("error:"):
            return text
    raise AssertionError(text)


def _gone(ports: dict[str, int]) -> None:
    deadline = time.monotonic() + 10
    while any(answers(port) for port in ports.values()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_prints_addresses_that_answer_and_ctrl_c_stops_all_three(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    with _twins(tmp_path, ports) as process:
        said = _said(process)
        addresses = dict(re.findall(r"export (\w+_(?:BASE|API)_URL)=(\S+)", said))
        assert addresses == {
            "ZEP_BASE_URL": f"http://127.0.0.1:{ports['zep']}",
            "MEM0_API_URL": f"http://127.0.0.1:{ports['mem0']}",
            "GEMINI_BASE_URL": f"http://127.0.0.1:{ports['gemini']}",
        }
        assert said.count("_API_KEY=test-key") == 3
        for given in ('base_url="{ZEP_BASE_URL}/api/v4"', 'host="{MEM0_API_URL}"'):
            assert given.format(**addresses) in said
        assert f'{{"base_url": "{addresses["GEMINI_BASE_URL"]}"}}' in said
        for url in addresses.values():
            assert httpx.get(f"{url}/_twin/health", trust_env=False).json() == {"status": "ok"}
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert not any(answers(port) for port in ports.values())


def test_the_line_that_makes_a_twin_fail_does(tmp_path: Path, ports: dict[str, int]) -> None:
    with _twins(tmp_path, ports) as process:
        line = next(line for line in _said(process).splitlines() if "/_twin/faults" in line)
        subprocess.run(["sh", "-c", line], check=True, capture_output=True, timeout=10)
        url = f"http://127.0.0.1:{ports['zep']}"
        headers = {"authorization": "Api-Key test-key"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
            answered = [client.post("/api/v4/users", json={}) for _ in range(3)]
            records = client.get("/_twin/requests").json()["requests"]
        assert [answer.status_code for answer in answered] == [503, 503, 201]
        assert answered[0].headers["retry-after"] == "1"
        assert [record["fault"] for record in records] == ["status", "status", None]


def test_what_they_keep_survives_a_kill_and_their_options_reach_them(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "asha"}
    headers = {"authorization": "Token test-key"}
    url = f"http://127.0.0.1:{ports['mem0']}"
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:

        def add() -> str:
            answer = client.post("/v3/memories/add/", json=body).json()
            return f"/v1/event/{answer['event_id']}/"

        def becomes(event: str, status: str) -> None:
            deadline = time.monotonic() + 10
            while client.get(event).json()["status"] != status:
                assert time.monotonic() < deadline
                time.sleep(0.02)

        with _twins(tmp_path, ports, "--ingestion-ms", "60000") as process:
            _said(process)
            kept = add()
            process.kill()
            process.wait(10)
            _gone(ports)
        options = ("--ingestion-ms", "1", "--ingestion-failures", "1")
        with _twins(tmp_path, ports, *options) as process:
            _said(process)
            becomes(kept, "SUCCEEDED")
            becomes(add(), "FAILED")


def test_a_taken_port_is_named_with_the_variable_that_changes_it(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports["gemini"]))
        taken.listen()
        with _twins(tmp_path, ports) as process:
            said = _said(process)
            assert process.wait(10) == 1
    assert said == (
        f"error: Port {ports['gemini']}, which Gemini's twin needs, is in use: "
        "stop what uses it or set TANDEM_GEMINI_PORT to another port.\n"
    )


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path, ports: dict[str, int]) -> None:
    with _twins(tmp_path, ports) as first:
        _said(first)
        with _twins(tmp_path, {name: free_port() for name in NAMES}) as second:
            assert _said(second) == "error: `make twins` runs already in this folder.\n"
            assert second.wait(10) == 1


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("--ingestion-failures", "2", "must be a number from 0 to 1"),
        ("--ingestion-ms", "-5", "must be a number from 0 to 86400000"),
        ("--latency-ms", "nan", "must be a number from 0 to 86400000"),
        ("--seed", "1.5", "must be a whole number of at least 0"),
        ("--requests-per-minute", "0", "must be a whole number of at least 1"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, ports: dict[str, int], option: str, value: str, wanted: str
) -> None:
    with _twins(tmp_path, ports, f"{option}={value}") as process:
        assert _said(process) == f"error: argument {option}: {wanted}; --help lists the options.\n"
        assert process.wait(10) == 1


def test_an_option_that_nobody_has_is_refused_in_a_sentence(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    with _twins(tmp_path, ports, "--sed", "4") as process:
        assert _said(process) == (
            "error: unrecognized arguments: --sed 4; --help lists the options.\n"
        )


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    folder = tmp_path / "file" / "twins"
    folder.parent.write_text("taken")
    with _twins(folder, ports) as process:
        assert _said(process) == f"error: {folder} can't be used: Not a directory.\n"


def test_a_twin_that_cannot_start_says_why(tmp_path: Path, ports: dict[str, int]) -> None:
    (tmp_path / "zep").mkdir()
    (tmp_path / "zep" / "zep.sqlite3").write_text("no database " * 100)
    with _twins(tmp_path, ports) as process:
        said = _said(process)
    assert said.startswith("error: zep ended at once: sqlite3.DatabaseError: file is not a data")
    assert said.endswith(f"; see {tmp_path / 'logs' / 'zep.log'}\n")


def test_options_of_one_twin_reach_it(tmp_path: Path, ports: dict[str, int]) -> None:
    options = ("--requests-per-minute", "1", "--refuse-past-expiration")
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "asha"}
    with _twins(tmp_path, ports, *options) as process:
        _said(process)
        users = f"http://127.0.0.1:{ports['zep']}/api/v4/users"
        key = {"authorization": "Api-Key test-key"}
        statuses = [
            httpx.post(users, json={}, headers=key, trust_env=False).status_code for _ in range(2)
        ]
        late = httpx.post(
            f"http://127.0.0.1:{ports['mem0']}/v3/memories/add/",
            json={**body, "expiration_date": "2020-01-01"},
            headers={"authorization": "Token test-key"},
            trust_env=False,
        )
    assert (statuses, late.status_code) == ([201, 429], 400)


def test_one_that_ends_by_itself_is_named_and_the_others_are_stopped(
    tmp_path: Path, ports: dict[str, int]
) -> None:
    with _twins(tmp_path, ports) as process:
        _said(process)
        listing = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(process.pid)],
            check=True,
            capture_output=True,
            text=True,
        )
        zep = next(line for line in listing.stdout.splitlines() if "local.twins.zep" in line)
        os.kill(int(zep.split()[0]), signal.SIGKILL)
        assert _said(process).startswith("error: zep ended by itself; see ")
        assert process.wait(10) == 1
        assert not any(answers(port) for port in ports.values())


def test_make_calls_it_with_the_options_that_are_given() -> None:
    said = subprocess.run(
        ["make", "-n", "twins", "OPTIONS=--ingestion-ms 5"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    # A make that was called by make says more before and after.
    wanted = "-m local twins --ingestion-ms 5"
    assert any(line.endswith(wanted) for line in said.stdout.splitlines()), said.stdout
