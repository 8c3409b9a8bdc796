"""The shipped handler of the history function against real PostgreSQL and a thread on a socket."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.history.session_ledger import Ledger
from tests.integration.people import Person
from tests.local_servers import LocalServer, QuietHandler, serving
from tests.own_process import run_python

pytestmark = pytest.mark.integration

# Powertools imports the bare package botocore, which costs little; its session is what costs.
HEAVY = ("agno", "google.genai", "boto3", "botocore.session", "mem0", "zep_cloud")

# Runs in a process of its own, so that what it has loaded is what the function loads.
SCRIPT = f"""
import json, sys
from history_api.app import handler
loaded = lambda: [name for name in {HEAVY!r} if name in sys.modules]
report = {{"init": loaded(), "answers": []}}
for event in json.load(sys.stdin):
    answer = handler(event, None)
    report["answers"].append([answer["statusCode"], json.loads(answer.get("body") or "{{}}")])
report["after"] = loaded()
print("REPORT " + json.dumps(report))
"""


class Thread(LocalServer):
    """A Zep that has one thread."""

    def __init__(self) -> None:
        super().__init__(_Answer)
        self.items: list[dict[str, Any]] = []


class _Answer(QuietHandler):
    server: Thread

    def do_GET(self) -> None:
        body = json.dumps({"items": self.server.items}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def zep() -> Iterator[Thread]:
    with serving(Thread()) as server:
        yield server


@pytest.fixture
def run(
    database: str, zep: Thread, http_event: Callable[..., dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    def run_function(person: Person, names: list[str], *, database_url: str = database) -> Any:
        claims = {
            "sub": str(person.principal.account_id),
            "sid": str(person.principal.login_id),
            "exp": 4_102_444_800,
        }
        done = run_python(
            SCRIPT,
            "layers/common",
            "functions/history",
            given=[http_event(name, claims=claims) for name in names],
            environment={
                "PATH": os.environ["PATH"],
                "DATABASE_URL": database_url,
                "ZEP_API_KEY": "test-key",
                "ZEP_BASE_URL": zep.url,
                "DELIVERY_QUEUE_URL": "http://127.0.0.1:9/queue",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test-key",
                "AWS_SECRET_ACCESS_KEY": "test-key",
            },
        )
        assert done.returncode == 0, done.stderr
        [report] = [line for line in done.stdout.splitlines() if line.startswith("REPORT ")]
        return json.loads(report.removeprefix("REPORT "))

    return run_function


def test_one_request_for_each_route_loads_no_provider_sdk_and_no_boto3(
    ledger: Ledger, run: Callable[..., Any]
) -> None:
    person = ledger.person()
    routes = ["session_start", "session_list", "session_get", "history_read", "session_delete"]

    report = run(person, routes)

    assert [status for status, _ in report["answers"]] == [201, 200, 200, 200, 204]
    assert report["init"] == []
    assert report["after"] == []


def test_a_delivered_turn_is_read_from_the_thread(
    ledger: Ledger, zep: Thread, run: Callable[..., Any]
) -> None:
    person = ledger.person()
    row = person.session("s1", thread=uuid4())
    turn = ledger.turn(person, row, message="from the ledger", reply="not delivered yet")
    message = str(uuid4())
    ledger.delivery(turn, state="ingested", parts=[message])
    zep.items = [
        {
            "uuid": message,
            "role": "user",
            "content": "from the thread",
            "metadata": {"turn_id": str(turn), "seq": 1, "part": 0},
        }
    ]

    [[status, page]] = run(person, ["history_read"])["answers"]

    assert (status, page["degraded"]) == (200, [])
    assert [(item["content"], item["delivered"]) for item in page["items"]] == [
        ("from the thread", True),
        ("not delivered yet", False),
    ]


def test_a_queue_that_is_away_does_not_fail_a_deletion(
    ledger: Ledger, run: Callable[..., Any]
) -> None:
    person = ledger.person()
    person.session("s1", thread=uuid4())
    [[status, _], [again, problem]] = run(person, ["session_delete", "session_delete"])["answers"]
    assert (status, again, problem["code"]) == (204, 404, "session_not_found")


def test_with_the_database_away_every_route_is_unavailable(
    ledger: Ledger, run: Callable[..., Any]
) -> None:
    person = ledger.person()
    nowhere = "postgresql://nobody:test-key@127.0.0.1:9/nothing"
    routes = ["session_start", "session_list", "session_get", "history_read", "session_delete"]
    answers = run(person, routes, database_url=nowhere)["answers"]
    assert [(status, body["code"]) for status, body in answers] == [
        (503, "database_unavailable")
    ] * 5
