"""`make dev` as a person meets it, with small functions and a folder of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.postgres import Postgres
from local.processes import answers, free_port

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
PROBE = ROOT / "tests" / "fixtures" / "probe" / "template.yaml"
_DEV = """
import sys
from pathlib import Path
from local.cli import dev, in_a_sentence
folder = Path(sys.argv[1])
places = {"data_dir": folder / "data", "env_file": folder / ".env"}
sys.exit(in_a_sentence(lambda: dev(**places, template=Path(sys.argv[2]))))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    Postgres(tmp_path / "data" / "postgres").remove()


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("gateway", "zep", "mem0", "gemini", "aws")}


@contextlib.contextmanager
def dev(
    folder: Path, ports: dict[str, int], *, template: Path = PROBE
) -> Iterator[subprocess.Popen[str]]:
    variables = {f"TANDEM_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    with subprocess.Popen(
        [sys.executable, "-c", _DEV, str(folder), str(template)],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if word in line:
            return text
    raise AssertionError(f"it never said {word!r}:\n{text}")


def test_it_says_where_things_are_and_ctrl_c_stops_everything_within_seconds(
    folder: Path, ports: dict[str, int]
) -> None:
    with dev(folder, ports) as process:
        said = read_until(process, "Ctrl-C stops everything")
        for name, port in ports.items():
            assert f"http://127.0.0.1:{port}" in said, name
        assert said.count("(twin)") == 3
        assert "(embedded)" in said
        assert "curl -s" in said
        url = f"http://127.0.0.1:{ports['gateway']}/echo/you"
        shown = httpx.get(url, headers={"authorization": "Bearer good"}, trust_env=False)
        assert shown.status_code == 200
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        assert time.monotonic() - started < 8
    assert not any(answers(port) for port in ports.values())


def test_after_kill_9_of_dev_its_children_are_gone_and_a_new_one_starts(
    folder: Path, ports: dict[str, int]
) -> None:
    for _ in range(2):
        with dev(folder, ports) as process:
            read_until(process, "Ctrl-C stops everything")
            process.kill()
            process.wait(10)
            deadline = time.monotonic() + 10
            while any(answers(port) for port in ports.values()):
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_a_second_one_in_the_same_folder_is_refused_in_one_sentence(
    folder: Path, ports: dict[str, int]
) -> None:
    with dev(folder, ports) as first:
        read_until(first, "Ctrl-C stops everything")
        others = {name: free_port() for name in ports}
        with dev(folder, others) as second:
            said = read_until(second, "error:")
            assert said.endswith("error: `make dev` runs already in this folder.\n")
            assert second.wait(15) == 1
        assert all(answers(port) for port in ports.values())


def test_what_the_env_file_says_wrong_is_told_before_anything_starts(
    folder: Path, ports: dict[str, int]
) -> None:
    folder.joinpath(".env").write_text("GEMINI_APIKEY=canary\nDATABASE_URL=localhost/canary\n")
    with dev(folder, ports) as process:
        said = read_until(process, "error:")
        assert "did you mean GEMINI_API_KEY?" in said
        assert "DATABASE_URL in .env is not of the form" in said
        assert "canary" not in said
        assert process.wait(15) == 1
    assert not (folder / "data").exists()


def test_a_database_that_does_not_answer_is_named_without_a_stack_trace(
    folder: Path, ports: dict[str, int]
) -> None:
    address = f"postgresql://app:canary@127.0.0.1:{free_port()}/tandem"
    folder.joinpath(".env").write_text(f"DATABASE_URL={address}\n")
    with dev(folder, ports, template=ROOT / "template.yaml") as process:
        said = read_until(process, "error:")
        assert "The database of DATABASE_URL in .env can't be used" in said
        assert "stackTrace" not in said
        assert "canary" not in said
        assert process.wait(15) == 1


def test_requests_show_on_the_terminal_and_what_they_said_does_not(
    folder: Path, ports: dict[str, int]
) -> None:
    with dev(folder, ports, template=ROOT / "template.yaml") as process:
        read_until(process, "Ctrl-C stops everything")
        login = {"email": "canary@example.com", "password": "canary"}
        url = f"http://127.0.0.1:{ports['gateway']}/api/auth/login"
        assert httpx.post(url, json=login, trust_env=False).status_code == 401
        said = read_until(process, "/api/auth/login")
        assert "POST /api/auth/login 401" in said
        assert "code=bad_credentials" in said
        assert "canary" not in said


def test_a_service_with_a_key_in_env_is_named_as_the_real_one(
    folder: Path, ports: dict[str, int]
) -> None:
    folder.joinpath(".env").write_text("GEMINI_API_KEY=test-key\n")
    with dev(folder, ports) as process:
        said = read_until(process, "Ctrl-C stops everything")
        assert "Gemini      the real one, by .env" in said
        assert said.count("(twin)") == 2
        assert not answers(ports["gemini"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_when_a_part_ends_by_itself_dev_says_which_and_stops(
    folder: Path, ports: dict[str, int]
) -> None:
    with dev(folder, ports) as process:
        read_until(process, "Ctrl-C stops everything")
        zep = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "local.twins.zep"],
            capture_output=True,
            text=True,
            check=True,
        )
        os.kill(int(zep.stdout), signal.SIGKILL)
        assert "zep ended by itself" in read_until(process, "error:")
        assert process.wait(15) == 1


def test_a_taken_port_is_one_sentence_and_nothing_stays_behind() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        environment = {**os.environ, "TANDEM_GATEWAY_PORT": str(taken)}
        done = subprocess.run(
            [sys.executable, "-m", "local", "dev"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    (sentence,) = [line for line in done.stdout.splitlines() if "error" in line]
    assert f"Port {taken}, which the HTTP API needs, is in use" in sentence
    assert "TANDEM_GATEWAY_PORT" in sentence
    assert done.stderr == ""
