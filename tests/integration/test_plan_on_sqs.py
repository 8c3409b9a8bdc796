"""The plan job between a real PostgreSQL and a queue: moto's, and one that leaves messages out."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import processes
from local.queues import AwsCall
from memory_api.jobs.planning import Plan, PlanInterrupted
from tandem.changes.wake import ConsolidationWake
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.planning import Planning
from tandem.deadline import Deadline
from tests.local_servers import LocalServer, QuietHandler, serving

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
PEOPLE = 143
HIDDEN_DAYS = 30


@pytest.fixture
def due(connection: OneRoundTrip) -> set[str]:
    """Ids of so many people who have said something; nobody else is there."""
    connection.run("truncate accounts cascade")
    connection.run(
        "insert into accounts (id, user_id, email, password_hash)"
        " select gen_random_uuid(), 'u' || g, 'u' || g || '@example.org', 'x'"
        " from generate_series(1, :people * 2) g",
        people=PEOPLE,
    )
    connection.run(
        "insert into sessions (id, account_id, session_id)"
        " select gen_random_uuid(), id, 's' from accounts order by id limit :people",
        people=PEOPLE,
    )
    connection.run(
        "insert into turns (id, session_row, account_id, seq, state, lease_until, said_at,"
        " user_message_id, assistant_message_id)"
        " select gen_random_uuid(), id, account_id, 1, 'answered', now(), now(),"
        " gen_random_uuid(), gen_random_uuid() from sessions"
    )
    return {str(row[0]) for row in connection.run("select account_id from sessions")}


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has the functions' own calls go to a queue at this address."""

    def use(url: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-key")

    return use


def plan(container: Database, url: str) -> dict[str, int]:
    async def pause(_: float) -> None: ...

    wake = ConsolidationWake(f"{url}/123456789012/ConsolidationQueue", sleep=pause)
    made = Plan(Planning(container), wake, hidden_days=HIDDEN_DAYS, page_rows=50)
    return asyncio.run(made.carry_out(None, Deadline(290.0))).counts()


# ---------------------------------------------------------------- moto


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[str]:
    """SQS with the queue in it; yields its address."""
    port = processes.free_port()
    command = [sys.executable, "-m", "local.aws_server", "--port", str(port)]
    process = processes.spawn(command, log=tmp_path / "moto.log", cwd=ROOT)
    try:
        while not processes.answers(port):
            assert process.poll() is None
        url = f"http://127.0.0.1:{port}"
        call(url, "CreateQueue", QueueName="ConsolidationQueue")
        yield url
    finally:
        processes.stop(process)


def call(url: str, operation: str, **body: Any) -> dict[str, Any]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.send(AwsCall(url).build("sqs", operation, body)).raise_for_status()
    result: dict[str, Any] = answer.json() if answer.content else {}
    return result


def taken_from(url: str) -> Counter[str]:
    queue = f"{url}/123456789012/ConsolidationQueue"
    found: Counter[str] = Counter()
    while messages := call(
        url, "ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=600
    ).get("Messages"):
        found.update(json.loads(message["Body"])["account"] for message in messages)
    return found


def test_everybody_who_is_due_has_one_message_in_the_queue(
    container: Database, due: set[str], moto: str, signed: Callable[[str], None]
) -> None:
    signed(moto)

    counts = plan(container, moto)

    assert counts == {"pages": 2 * PEOPLE // 50 + 1, "people": PEOPLE, "goes_on": 0}
    assert taken_from(moto) == dict.fromkeys(due, 1)


# ---------------------------------------------------------------- a queue that leaves messages out


class Fussy(LocalServer):
    """Takes every second person's message only when it comes for the `tries`-th time."""

    def __init__(self, *, tries: int) -> None:
        super().__init__(_TakeSome)
        self.tries = tries
        self.offered: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()

    def take(self, body: str) -> bool:
        self.offered[body] += 1
        is_odd = int(json.loads(body)["account"][-1], 16) % 2
        if is_odd and self.offered[body] < self.tries:
            return False
        self.taken[json.loads(body)["account"]] += 1
        return True


class _TakeSome(QuietHandler):
    server: Fussy

    def do_POST(self) -> None:
        entries = json.loads(self.body())["Entries"]
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
            for entry in entries
            if not self.server.take(entry["MessageBody"])
        ]
        answer = json.dumps({"Successful": [], "Failed": failed}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def test_messages_that_a_queue_leaves_out_go_again_and_the_others_do_not(
    container: Database, due: set[str], signed: Callable[[str], None]
) -> None:
    with serving(Fussy(tries=3)) as queue:
        signed(queue.url)
        assert plan(container, queue.url)["people"] == PEOPLE

    assert queue.taken == dict.fromkeys(due, 1)
    assert set(queue.offered.values()) == {1, 3}


def test_a_plan_whose_queue_goes_on_leaving_messages_out_fails_and_the_next_is_whole(
    container: Database, due: set[str], signed: Callable[[str], None]
) -> None:
    with serving(Fussy(tries=6)) as queue:
        signed(queue.url)
        with pytest.raises(PlanInterrupted):
            plan(container, queue.url)
        queue.tries = 1
        plan(container, queue.url)

    assert set(queue.taken) == due
