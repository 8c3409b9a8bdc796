"""What the other parts of `make faults` count and how they judge, apart from the stack."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from faults.containers import cpu_ticks, owner_of, template_with
from faults.crowd import EXPECTED_KINDS, Crowd, insist
from faults.hanging import CONTAINERS, LEAST_TURNS, Logged, Turn, judged, p95, read_log
from faults.held_model import HeldModel
from local.person import until
from local.template import load_template

BREAKERS = 2 * CONTAINERS
BOTH = ("mem0", "zep")


def answer(status: int, **body: Any) -> httpx.Response:
    return httpx.Response(status, json=body, headers={"retry-after": "0"})


# ------------------------------------------------------------------ one key


def test_only_a_containers_own_answer_means_that_it_was_reached() -> None:
    crowd = Crowd()
    kinds = [
        crowd.note(0, answer(503, message="Service Unavailable")),
        crowd.note(1, answer(500, message="Internal Server Error")),
        crowd.note(2, answer(409, code="turn_in_progress")),
        crowd.note(3, answer(200, turn_id="t", reply="r")),
    ]
    assert kinds == ["busy", "lost", "in_progress", "answered"]
    assert (crowd.reached, crowd.replies) == ({2, 3}, {("t", "r")})


def test_a_problem_that_nobody_expects_is_counted_under_its_own_name() -> None:
    crowd = Crowd()
    crowd.note(0, answer(503, code="database_unavailable"))
    assert set(crowd.told) - EXPECTED_KINDS == {"503 database_unavailable"}


def test_a_client_asks_until_it_is_answered() -> None:
    answers = iter(
        [
            answer(503, message="Service Unavailable"),
            answer(409, code="turn_in_progress"),
            answer(200, turn_id="t", reply="r"),
        ]
    )
    crowd, go_on = Crowd(), threading.Event()
    go_on.set()
    insist(lambda: next(answers), crowd, 0, go_on)
    assert crowd.told == {"busy": 1, "in_progress": 1, "answered": 1}


def test_chat_gets_as_many_containers_as_are_wanted_and_the_rest_stays(tmp_path: Path) -> None:
    before = load_template(Path(__file__).parents[2] / "template.yaml")
    after = load_template(template_with(tmp_path, chat_containers=3))
    assert after.functions["ChatFunction"].reserved_concurrency == 3
    assert before.functions.keys() == after.functions.keys()
    assert {name: function.code_dir for name, function in before.functions.items()} == {
        name: function.code_dir for name, function in after.functions.items()
    }


def test_the_process_behind_a_connection_is_found_by_its_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = server.getsockname()[1]
        with socket.create_connection(server.getsockname()) as client:
            here = client.getsockname()[1]
            assert owner_of((here, there), {"ours": os.getpid()}) == "ours"
            for ports, processes in (
                ((here, there), {}),
                ((here, 1), {"ours": os.getpid()}),
                ((1, there), {"ours": os.getpid()}),
            ):
                with pytest.raises(LookupError):
                    owner_of(ports, processes)


def test_a_process_that_is_gone_has_used_nothing() -> None:
    ticks = cpu_ticks({"ours": os.getpid(), "gone": 2**22 + 1})
    assert ticks["ours"] > 0
    assert ticks["gone"] == 0


@contextmanager
def echo() -> Iterator[str]:
    """A service that answers what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", self.headers["content-type"])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_calls_of_the_model_are_held_until_they_are_let_go() -> None:
    with echo() as target, HeldModel() as model, ThreadPoolExecutor(1) as aside:
        model.target = target
        model.go_on.clear()
        call = aside.submit(httpx.post, f"{model.url}/v1beta/x", json={"a": 1}, trust_env=False)
        until(lambda: bool(model.callers), "the call has come")
        assert not call.done()
        model.go_on.set()
        assert call.result().json() == {"a": 1}


# ------------------------------------------------------------------ both memories hang


def turns(*seconds: float, began: float) -> list[Turn]:
    return [Turn(began + number, each, BOTH) for number, each in enumerate(seconds)]


def logged(*, opened: int = BREAKERS, probes: int = BREAKERS) -> Logged:
    model = [(float(at), 0.3) for at in range(2_000)]
    return Logged(model, [100.0] * opened, [500.0] * probes)


BEFORE = turns(*[3.0] * 20, began=50.0)
AFTER = turns(*[0.4] * LEAST_TURNS, began=200.0)


def test_turns_within_the_limits_are_fine() -> None:
    outcome = judged(turns(0.4, 0.4, began=1.0), BEFORE + AFTER, logged())
    assert outcome.wrong == []
    assert len(outcome.figures) == 4


@pytest.mark.parametrize(
    ("said", "log"),
    [
        (BEFORE + turns(*[0.6] * LEAST_TURNS, began=200.0), logged()),
        (turns(*[3.2] * 20, began=50.0) + AFTER, logged()),
        (BEFORE + AFTER[:-1], logged()),
        (AFTER, logged()),
        (BEFORE + AFTER, logged(opened=BREAKERS - 1)),
        (BEFORE + AFTER, logged(probes=BREAKERS - 1)),
        ([*BEFORE, *AFTER, Turn(900.0, 0.4, ("zep",))], logged()),
    ],
)
def test_slow_turns_too_few_and_breakers_that_do_not_open_are_told(
    said: list[Turn], log: Logged
) -> None:
    assert judged(turns(0.4, began=1.0), said, log).wrong


def test_calls_that_were_held_back_are_no_probes() -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    lines = [
        {"message": "upstream_call", "provider": "zep", "outcome": "cancelled", "duration_ms": 1},
        {"message": "upstream_call", "provider": "zep", "outcome": "not_sent", "duration_ms": 0},
        {"message": "upstream_call", "provider": "gemini", "outcome": "ok", "duration_ms": 250},
        {"message": "breaker_opened", "provider": "zep"},
    ]
    text = [json.dumps(line | {"timestamp": at.isoformat()}) for line in lines]
    found = read_log([*text, "START RequestId", '{"_aws": {}}'])
    assert found == Logged([(at.timestamp(), 0.25)], [at.timestamp()], [at.timestamp()])


@pytest.mark.parametrize(("count", "wanted"), [(1, 0), (20, 18), (100, 94), (101, 95)])
def test_p95_is_the_value_that_95_of_100_do_not_exceed(count: int, wanted: int) -> None:
    assert p95([float(number) for number in range(count)]) == wanted
