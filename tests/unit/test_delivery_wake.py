"""Wake-ups on SQS's wire."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tandem.delivery.wake import Wake
from tandem.ids import SessionRowId

QUEUE = "http://sqs.test/123456789012/DeliveryQueue"


class Queue:
    """Answers SendMessageBatch and keeps what was sent."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.batches: list[Any] = []

    def wake(self) -> Wake:
        transport = httpx.MockTransport(self._answer)
        return Wake(QUEUE, httpx.AsyncClient(base_url="http://sqs.test", transport=transport))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["x-amz-target"] == "AmazonSQS.SendMessageBatch"
        self.batches.append(json.loads(request.content))
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json={"Failed": []})
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_wake_up_names_the_session_and_nothing_else() -> None:
    queue, session = Queue(), SessionRowId(uuid4())

    assert asyncio.run(queue.wake().send(session, delay_seconds=7))

    entry = {"Id": "0", "MessageBody": json.dumps({"session": str(session)}), "DelaySeconds": 7}
    assert queue.batches == [{"QueueUrl": QUEUE, "Entries": [entry]}]


def test_many_go_out_ten_at_a_time_and_each_once() -> None:
    queue, sessions = Queue(), [SessionRowId(uuid4()) for _ in range(23)]

    assert asyncio.run(queue.wake().send_all(sessions))

    assert [len(batch["Entries"]) for batch in queue.batches] == [10, 10, 3]
    bodies = [json.loads(e["MessageBody"]) for batch in queue.batches for e in batch["Entries"]]
    assert [body["session"] for body in bodies] == [str(session) for session in sessions]


def test_a_delay_is_never_longer_than_the_queue_takes() -> None:
    queue = Queue()
    asyncio.run(queue.wake().send(SessionRowId(uuid4()), delay_seconds=86_400))
    assert queue.batches[0]["Entries"][0]["DelaySeconds"] == 900


def test_a_connection_that_died_in_its_sleep_costs_no_wake_up() -> None:
    queue = Queue(httpx.RemoteProtocolError("canary"))
    assert asyncio.run(queue.wake().send(SessionRowId(uuid4())))
    assert queue.batches[0] == queue.batches[1]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"message": "canary"}),
        httpx.Response(200, json={"Failed": [{"Id": "0", "Message": "canary"}]}),
        httpx.Response(200, text="canary"),
        httpx.ConnectError("canary"),
        httpx.ReadTimeout("canary"),
    ],
)
def test_a_lost_wake_up_is_logged_and_no_error(
    answer: httpx.Response | Exception, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    assert not asyncio.run(Queue(answer).wake().send(SessionRowId(uuid4())))

    [line] = log_lines()
    assert line["message"] == "wake_up_lost"
    assert "canary" not in str(line)
