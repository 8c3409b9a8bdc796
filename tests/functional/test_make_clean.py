"""`make clean` lets the local stack remove what it keeps elsewhere, before its Python goes."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make_clean(folder: Path) -> None:
    shutil.copy(ROOT / "Makefile", folder)
    subprocess.run(["make", "clean"], cwd=folder, capture_output=True, check=True)


@pytest.mark.parametrize("status", [0, 1])
def test_data_that_lies_elsewhere_is_removed_first_and_a_failure_stops_nothing(
    tmp_path: Path, status: int
) -> None:
    (tmp_path / ".tandem").mkdir()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" > called\nexit {status}\n')
    python.chmod(0o755)
    make_clean(tmp_path)
    assert (tmp_path / "called").read_text() == "-m local clean\n"
    assert not (tmp_path / ".tandem").exists()
    assert not (tmp_path / ".venv").exists()


def test_without_an_environment_it_needs_no_python(tmp_path: Path) -> None:
    (tmp_path / ".tandem").mkdir()
    make_clean(tmp_path)
    assert not (tmp_path / ".tandem").exists()
