"""The whole local stack with small functions: starts, serves, survives and stops."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pg8000.native
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


def test_a_body_of_7_mb_is_a_413_and_a_binary_one_arrives_in_base64(stack: Stack) -> None:
    answer = httpx.post(f"{stack.url}/open", content=b"x" * 7_000_000)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
    shown = httpx.post(f"{stack.url}/open", content=b"\x00\xff").json()["event"]
    assert (shown["body"], shown["isBase64Encoded"]) == ("AP8=", True)


def test_over_long_headers_are_a_431_on_a_real_socket_too(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url}/open", headers={"x-long": "x" * 11_000})
    assert answer.status_code == 431


def test_the_control_port_answers_only_those_who_have_its_token(stack: Stack) -> None:
    address = f"http://127.0.0.1:{stack._control_port}"
    assert httpx.get(f"{address}/pids").status_code == 403
    with pytest.raises(StackError, match="refused POST /invoke/NoFunction"):
        stack.invoke("NoFunction", {})


def test_forgetting_authorizations_asks_the_authorizer_again(stack: Stack) -> None:
    def authorizer_pid() -> int:
        shown = httpx.get(f"{stack.url}/echo/you", headers=GOOD).json()
        pid: int = shown["event"]["requestContext"]["authorizer"]["lambda"]["pid"]
        return pid

    before = authorizer_pid()
    stack.kill("GateFunction.1")
    assert authorizer_pid() == before  # still remembered
    stack.forget_authorizations()
    assert authorizer_pid() != before


def test_postgresql_killed_and_restarted_keeps_its_address(stack: Stack) -> None:
    address = stack.database_url
    stack.kill("postgres")
    stack.restart("postgres")
    assert stack.postgres is not None
    assert stack.postgres.url("tandem") == address
    assert "postgres" in stack.pids


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
    """Whether it runs; one that nobody has reaped yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(") ", 1)[1][0] != "Z"


def test_after_kill_9_of_every_process_the_same_folder_starts_again_with_its_data(
    tmp_path: Path,
) -> None:
    first = Stack(template=PROBE, twins=(), data_dir=tmp_path)
    first.start()
    assert first.postgres is not None
    first.postgres.create_database("kept")
    httpx.get(f"{first.url}/echo/you", headers=GOOD)
    key = (tmp_path / "secret-key").read_text()
    pids = first.pids
    assert {"aws", "gateway", "postgres", "EchoFunction.1"} <= set(pids)
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    with Stack(template=PROBE, twins=(), data_dir=tmp_path) as second:
        first.stop()
        assert second.postgres is not None
        with pg8000.native.Connection(
            **_connection_of(second.postgres.url("kept")), ssl_context=False
        ) as connection:
            assert connection.run("select 1") == [[1]]
        assert httpx.get(f"{second.url}/echo/you", headers=GOOD).status_code == 200
        assert (tmp_path / "secret-key").read_text() == key
        database = second.postgres
    database.remove()


def _connection_of(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "user": parts.username,
        "password": parts.password,
        "host": parts.hostname,
        "port": parts.port,
        "database": parts.path[1:],
    }
