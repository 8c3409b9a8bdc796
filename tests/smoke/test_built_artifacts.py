"""The story on what `make build` made: copied away from the sources, with a bare interpreter."""

import json
import os
import random
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import ROOT, Stack
from tests.e2e import story
from tests.e2e.harness import FAST_TALKER, newcomer

BUILD = ROOT / ".aws-sam" / "build"
PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"
_LOOK = """
import importlib.util, json, sys
names = sys.argv[1:]
found = {name: importlib.util.find_spec(name) for name in names}
print(json.dumps({"path": sys.path, "origins": {n: s and s.origin for n, s in found.items()}}))
"""
# Of the function's own code and the layer's; None: it must not have it.
ORIGINS = {
    "AuthorizerFunction": {"jwt_authorizer": "AuthorizerFunction", "jwt": "AuthorizerFunction"},
    "AuthFunction": {"auth_api": "AuthFunction", "tandem": "CommonLayer", "passlib": "CommonLayer"},
    "HistoryFunction": {"history_api": "HistoryFunction", "tandem": "CommonLayer"},
    "ChatFunction": {"chat_api": "ChatFunction", "tandem": "CommonLayer", "agno": "CommonLayer"},
    "MemoryFunction": {"memory_api": "MemoryFunction", "fastapi": "CommonLayer"},
    "DeliverFunction": {"memory_api": "DeliverFunction", "pg8000": "CommonLayer"},
    "PlanFunction": {"memory_api": "PlanFunction", "tandem": "CommonLayer"},
    "ConsolidateFunction": {"memory_api": "ConsolidateFunction", "httpx": "CommonLayer"},
}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts alone, in a folder that was empty."""
    folder = tmp_path_factory.mktemp("artifacts") / "build"
    shutil.copytree(BUILD, folder, symlinks=True)
    return folder


@pytest.fixture(scope="module")
def stack(artifacts: Path) -> Iterator[Stack]:
    with Stack(
        code="built",
        template=artifacts / "template.yaml",
        function_python=PYTHON,
        snap_start=True,
        extra_environment=FAST_TALKER,
    ) as running:
        yield running


def test_the_interpreter_has_nothing_but_lambdas_own_libraries() -> None:
    listed = subprocess.run(
        [PYTHON, "-I", "-m", "pip", "list", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = {one["name"].lower() for one in json.loads(listed.stdout)}
    assert {"awslambdaric", "boto3"} <= names
    allowed = {"awslambdaric", "boto3", "botocore", "jmespath", "pip", "python-dateutil"}
    allowed |= {"s3transfer", "simplejson", "six", "snapshot-restore-py", "urllib3", "setuptools"}
    assert names <= allowed


def test_the_story_comes_true_on_the_built_artifacts(stack: Stack, artifacts: Path) -> None:
    seed = os.environ.get("TANDEM_SEED") or secrets.token_hex(4)
    draw = story.draw_from(random.Random(seed))  # noqa: S311 - has to be repeatable
    print(f"TANDEM_SEED={seed}: {draw}")  # noqa: T201 - shown when the test fails
    with newcomer(stack.url, first_name="Asha") as person:
        story.refresh_works_once(stack, person)
        story.play(stack, person, draw)
    stack.invoke("SweepFunction", {})
    stack.invoke("PlanFunction", {})
    stack.invoke("ConsolidateFunction", {"Records": []})
    _processes_know_only_the_artifacts(stack, artifacts)


def _processes_know_only_the_artifacts(stack: Stack, artifacts: Path) -> None:
    running = {name.partition(".")[0]: pid for name, pid in stack.pids.items() if "." in name}
    assert running.keys() >= ORIGINS.keys()
    prefix = PYTHON.parent.parent
    for function_id, pid in running.items():
        process = Path(f"/proc/{pid}")
        assert (process / "cwd").readlink() == artifacts / function_id
        environment = dict(
            entry.split("=", 1) for entry in (process / "environ").read_text().split("\0") if entry
        )
        assert "AWS_SECRET_ACCESS_KEY" not in environment, function_id
        origins = ORIGINS.get(function_id, {})
        looked = subprocess.run(
            [PYTHON, "-c", _LOOK, *origins],
            cwd=artifacts / function_id,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seen = json.loads(looked.stdout)
        for entry in seen["path"]:
            if entry and Path(entry).is_relative_to(ROOT):
                assert Path(entry).is_relative_to(prefix), (function_id, entry)
        for name, place in origins.items():
            assert Path(seen["origins"][name]).is_relative_to(artifacts / place), (name, seen)
        # Compiled libraries are mapped from files: none is of the sources or their environment.
        mapped = (process / "maps").read_text()
        assert f"{ROOT}/.venv" not in mapped
        assert f"{ROOT}/layers" not in mapped
