"""The search for Python 3.13, run as a person's shell would run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "find_python"
REAL = Path(os.path.realpath(sys.executable))


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def broken(path: Path) -> Path:
    return executable(
        path, "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n"
    )


def older(path: Path) -> Path:
    return executable(path, "#!/bin/sh\nexit 1\n")


def working(path: Path) -> Path:
    return executable(path, f'#!/bin/sh\nexec "{REAL}" "$@"\n')


def search(home: Path, *folders: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(folder) for folder in folders)
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)],
        # Folders of this machine that no PATH names are left out, unless a test asks for them.
        env={"HOME": str(home), "PATH": path, "PYTHON_FOLDERS": "", **extra},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def found(result: subprocess.CompletedProcess[str]) -> Path:
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip())


@pytest.mark.parametrize("name", ["python3.13", "python3", "python"])
def test_a_python_313_on_path_is_found_under_each_usual_name(tmp_path: Path, name: str) -> None:
    working(tmp_path / "bin" / name)
    assert found(search(tmp_path, tmp_path / "bin")).samefile(REAL)


def test_a_shim_that_exists_but_fails_is_skipped_for_a_later_folder_on_path(tmp_path: Path) -> None:
    broken(tmp_path / "shims" / "python3.13")
    older(tmp_path / "shims" / "python3")
    working(tmp_path / "bin" / "python3.13")
    assert found(search(tmp_path, tmp_path / "shims", tmp_path / "bin")).samefile(REAL)


def test_pyenvs_versions_are_found_when_the_shim_does_not_resolve(tmp_path: Path) -> None:
    broken(tmp_path / ".pyenv" / "shims" / "python3.13")
    working(tmp_path / ".pyenv" / "versions" / "3.13.0" / "bin" / "python3.13")
    assert found(search(tmp_path, tmp_path / ".pyenv" / "shims")).samefile(REAL)


def test_pyenv_root_may_lie_elsewhere_and_have_a_space_in_its_name(tmp_path: Path) -> None:
    root = tmp_path / "my pyenv"
    working(root / "versions" / "3.13.7" / "bin" / "python3.13")
    assert found(search(tmp_path, tmp_path, PYENV_ROOT=str(root))).samefile(REAL)


def test_uv_is_asked_when_nothing_else_is_there(tmp_path: Path) -> None:
    managed = working(tmp_path / "managed" / "python3.13")
    executable(
        tmp_path / "bin" / "uv", f'#!/bin/sh\n[ "$1 $2" = "python find" ] && echo "{managed}"\n'
    )
    assert found(search(tmp_path, tmp_path / "bin")).samefile(REAL)


def test_the_folders_of_installers_are_searched_last(tmp_path: Path) -> None:
    working(tmp_path / "installed" / "python3.13")
    folders = str(tmp_path / "installed")
    assert found(search(tmp_path, tmp_path / "bin", PYTHON_FOLDERS=folders)).samefile(REAL)


def test_what_is_printed_can_make_virtual_environments(tmp_path: Path) -> None:
    working(tmp_path / "bin" / "python3.13")
    python = found(search(tmp_path, tmp_path / "bin"))
    code = "import sys, venv, ensurepip; print(sys.version_info[:2] == (3, 13))"
    result = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"


def test_without_any_python_313_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    broken(tmp_path / "shims" / "python3.13")
    older(tmp_path / "bin" / "python3")
    result = search(tmp_path, tmp_path / "shims", tmp_path / "bin")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "Python 3.13" in result.stderr
    assert "pyenv install 3.13" in result.stderr
