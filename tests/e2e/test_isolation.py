"""Keys and a database in the shell and in `.env`: tests and demo neither use nor see them.

Run in a network namespace with the loopback interface alone, where nothing else can be reached.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.development import copy_tree
from tests.e2e.harness import ROOT

pytestmark = pytest.mark.e2e

PLANTED = "planted-where-no-test-may-look"
_SECRETS = ("SECRET_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "ZEP_API_KEY", "MEM0_API_KEY")
_ADDRESSES = ("ZEP_BASE_URL", "MEM0_API_URL", "GEMINI_BASE_URL", "AWS_ENDPOINT_URL")

# Runs inside the namespace: a trap where all planted addresses point, the command, and a look into
# the environment of each process that the command starts.
_WATCHED = """
import json, os, pathlib, socket, subprocess, sys, threading, time
command, shell, planted = json.loads(sys.argv[1])
trap, caught, seen, looked = socket.socket(), [], set(), set()
trap.bind(("127.0.0.1", 54329)); trap.listen()
def catch():
    while True:
        caught.append(trap.accept()[1])
threading.Thread(target=catch, daemon=True).start()
interfaces = [name for _, name in socket.if_nameindex()]
with open("output", "wb") as output:
    process = subprocess.Popen(command, env={**os.environ, **shell}, stdout=output,
                               stderr=subprocess.STDOUT)
    own = "\\0".join(command) + "\\0"
    while process.poll() is None:
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            if int(entry.name) in (process.pid, os.getpid()):
                continue  # what the person's shell starts has the shell's environment
            try:
                if (entry / "ns/net").readlink() != pathlib.Path("/proc/self/ns/net").readlink():
                    continue
                shown = (entry / "cmdline").read_text()
                looked.add(shown.split("\\0")[2:3][0])
                has_it = planted in (entry / "environ").read_text(errors="replace")
                # A copy of the command that is about to become another program isn't one yet.
                is_copy = shown in (own, "") or shown != (entry / "cmdline").read_text()
                if has_it and not is_copy:
                    seen.add(shown.replace("\\0", " "))
            except (OSError, IndexError):
                continue
        time.sleep(0.1)
print(json.dumps({"status": process.returncode, "caught": len(caught), "seen": sorted(seen),
                  "looked": sorted(looked), "interfaces": interfaces}))
"""
_PLAYS_THE_STORY = """
import sys
from local import demo
demo.play_conversation = lambda *_: None  # the story is enough; nothing else is different
sys.exit(demo.main())
"""
_A_TEST = f"""
import os
from local.stack import Stack

def test_nothing_planted_is_there():
    assert {PLANTED!r} not in repr(dict(os.environ))
    assert "DATABASE_URL" not in os.environ
    with Stack(twins=()) as stack:
        assert stack.database_url.startswith("postgresql://app:")
        assert {PLANTED!r} not in stack.database_url
"""


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    """What the shell has, and the `.env` of a copy of the tree too."""
    values = dict.fromkeys(_SECRETS, PLANTED) | {
        "DATABASE_URL": f"postgresql://{PLANTED}:{PLANTED}@127.0.0.1:54329/{PLANTED}",
        "PGPASSWORD": PLANTED,
        "AWS_SECRET_ACCESS_KEY": PLANTED,
        **dict.fromkeys(_ADDRESSES, f"http://127.0.0.1:54329/{PLANTED}"),
    }
    copy_tree(tmp_path)
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    (tmp_path / ".env").write_text(lines)
    return values


def _watched(command: list[str], shell: dict[str, str], *, cwd: Path) -> dict[str, object]:
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("a network namespace needs the programs unshare and ip")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this account may not make a network namespace")
    done = subprocess.run(
        [*alone, sys.executable, "-c", _WATCHED, json.dumps([command, shell, PLANTED])],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, object] = json.loads(done.stdout)
    assert result["interfaces"] == ["lo"]
    assert result["status"] == 0, (cwd / "output").read_text()
    return result


def test_the_demo_runs_on_loopback_alone_and_no_process_of_it_has_what_was_planted(
    tmp_path: Path, planted: dict[str, str]
) -> None:
    result = _watched([sys.executable, "-c", _PLAYS_THE_STORY], planted, cwd=tmp_path)
    assert result["caught"] == 0
    assert result["seen"] == []
    started = {"local.gateway", "local.aws_server", "local.twins.zep", "awslambdaric"}
    assert started <= set(map(str, _list(result["looked"])))
    output = (tmp_path / "output").read_text()
    assert "Everything came out as promised." in output
    assert PLANTED not in output


def test_tests_run_on_loopback_alone_and_see_nothing_of_what_was_planted(
    tmp_path: Path, planted: dict[str, str]
) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "test_inside.py").write_text(_A_TEST)
    command = [sys.executable, "scripts/run_tests.py", "--plain", "test_inside.py"]
    result = _watched(command, planted, cwd=tmp_path)
    assert result["caught"] == 0
    assert result["seen"] == []
    assert "1 passed" in (tmp_path / "output").read_text()


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
