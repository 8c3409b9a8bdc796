"""The whole local stack with small functions: starts, serves, survives and stops."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.stack import Stack, StackError

pytestmark = pytest.mark.integration

PROBE = Path(__file__).parents[1] / "fixtures" / "probe" / "template.yaml"
GOOD = {"authorization": "Bearer good"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(
        template=PROBE,
        twins=(),
        overrides={"TABLE_ADDRESS": "http://127.0.0.1:1", "NOT_DECLARED": "ignored"},
        extra_environment={"ADDED": "yes"},
    ) as running:
        yield running


def test_a_request_goes_through_the_authorizer_into_a_real_runtime_process(stack: Stack) -> None:
    response = httpx.get(f"{stack.url}/echo/you?a=1", headers=GOOD)
    assert response.status_code == 200
    shown = response.json()
    assert shown["event"]["pathParameters"] == {"name": "you"}
    assert shown["event"]["requestContext"]["authorizer"]["lambda"]["sub"] == "someone"
    assert shown["pid"] == stack.pids["EchoFunction.1"]


def test_a_job_is_invoked_by_hand_and_its_failure_is_told(stack: Stack) -> None:
    assert stack.invoke("EchoFunction", {"do": "hold", "seconds": 0}) > 0
    with pytest.raises(StackError, match=r"EchoFunction failed .*a reason"):
        stack.invoke("EchoFunction", {"do": "raise", "message": "a reason"})


def test_overrides_replace_only_what_the_template_declares(stack: Stack) -> None:
    environment = stack.invoke("EchoFunction", {})["environment"]
    assert environment["TABLE_ADDRESS"] == "http://127.0.0.1:1"
    assert environment["ADDED"] == "yes"
    assert "NOT_DECLARED" not in environment


def test_a_killed_gateway_takes_its_functions_along_and_comes_back(stack: Stack) -> None:
    pid = httpx.get(f"{stack.url}/echo/you", headers=GOOD).json()["pid"]
    stack.kill("gateway")
    deadline = time.monotonic() + 10
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_alive(pid)
    stack.restart("gateway")
    assert httpx.get(f"{stack.url}/echo/you", headers=GOOD).status_code == 200


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
