"""What `make test` keeps from the shell, what `make build` refuses, and how figures are judged."""

import math
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench.results import Result, table
from scripts import build, run_tests


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "SECRET_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "ZEP_API_KEY",
        "ZEP_BASE_URL",
        "MEM0_API_KEY",
        "MEM0_API_URL",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_SESSION_TOKEN",
        "PGPASSWORD",
        "PGHOST",
        "STAGE",
        "ALGORITHM",
        "SENTRY_DSN",
        "GITHUB_TOKEN",
        "PYTHONPATH",
        "zep_api_key",
    ],
)
def test_tests_never_see_a_key_or_a_setting_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "planted")
    assert name not in run_tests.clean_environment()


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "CI", "TANDEM_SEED"]
)
def test_tests_keep_what_a_process_needs(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "kept")
    assert run_tests.clean_environment()[name] == "kept"


def built(folder: Path, *, layer_bytes: int, function_bytes: int) -> Path:
    for name, size in (("CommonLayer", layer_bytes), ("A", 1), ("B", function_bytes)):
        (folder / name / "sub").mkdir(parents=True)
        (folder / name / "sub" / "code.py").write_bytes(b"#" * size)
    return folder


def test_a_build_within_the_limit_passes_and_names_the_largest_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = built(tmp_path, layer_bytes=70, function_bytes=30)
    assert build.report(folder, limit_bytes=100) == 0
    assert "largest function B" in capsys.readouterr().out


def test_a_build_one_byte_over_the_limit_fails(tmp_path: Path) -> None:
    folder = built(tmp_path, layer_bytes=70, function_bytes=31)
    assert build.report(folder, limit_bytes=100) == 1


def test_a_build_without_a_layer_fails(tmp_path: Path) -> None:
    assert build.report(built(tmp_path, layer_bytes=0, function_bytes=30)) == 1


@pytest.mark.parametrize(
    ("measured", "within"), [(1.0, True), (1.9, True), (1.91, False), (math.nan, False)]
)
def test_a_figure_is_within_its_budget_up_to_the_budget_itself(
    measured: float, within: bool
) -> None:
    result = Result("cold start", measured, 1.9)
    assert result.is_within is within
    assert ("OVER" in table([result])) is not within


def test_ctrl_c_waits_for_what_was_started_and_gives_its_exit_code() -> None:
    started = "import time\ntry:\n    print(1, flush=True); time.sleep(30)\n"
    started += "except KeyboardInterrupt:\n    time.sleep(0.5); raise SystemExit(7)"
    code = f"import sys; from scripts.run_tests import run; sys.exit(run('-c', {started!r}))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=run_tests.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == 7
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_every_folder_of_tests_is_run() -> None:
    settings = tomllib.loads((run_tests.ROOT / "pyproject.toml").read_text())
    run = [
        run_tests.UNITS,
        *run_tests.HANDLERS,
        run_tests.WITH_PROCESSES,
        run_tests.END_TO_END,
    ]
    assert sorted(run) == sorted(settings["tool"]["pytest"]["ini_options"]["testpaths"])


def test_the_two_halves_are_all_tests_with_processes() -> None:
    folder = run_tests.ROOT / run_tests.WITH_PROCESSES
    folders, files = run_tests.with_processes()
    found = {path for name in folders for path in (run_tests.ROOT / name).rglob("test_*.py")}
    assert found | {run_tests.ROOT / name for name in files} == set(folder.rglob("test_*.py"))
