"""moto's SQS feeding real function processes by the rules of an event source mapping."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.queues import AwsCall
from local.stack import Stack

pytestmark = pytest.mark.integration

PROBE = Path(__file__).parents[1] / "fixtures" / "probe" / "template.yaml"


class Queue:
    """One queue, over SQS's own protocol."""

    def __init__(self, endpoint: str, name: str) -> None:
        self._call = AwsCall(endpoint)
        self._url = f"{endpoint}/123456789012/{name}"

    def send(self, *bodies: dict[str, Any], delay_seconds: int = 0) -> None:
        for body in bodies:
            self._do("SendMessage", MessageBody=json.dumps(body), DelaySeconds=delay_seconds)

    def count(self) -> int:
        """Messages in it, hidden ones too."""
        answer = self._do("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
        visible, hidden = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        return int(answer[visible]) + int(answer[hidden])

    def take(self) -> list[dict[str, Any]]:
        messages = self._do("ReceiveMessage", MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self._do("DeleteMessage", ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def _do(self, operation: str, **body: Any) -> dict[str, Any]:
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.send(
                self._call.build("sqs", operation, {"QueueUrl": self._url, **body})
            )
        answer.raise_for_status()
        result: dict[str, Any] = answer.json() if answer.content else {}
        return result


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(template=PROBE, twins=()) as running:
        yield running


@pytest.fixture
def work(stack: Stack) -> Queue:
    return Queue(stack.aws_url, "WorkQueue")


@pytest.fixture
def dead(stack: Stack) -> Queue:
    return Queue(stack.aws_url, "DeadQueue")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the deadline is over"
        time.sleep(0.05)


def test_messages_that_succeed_leave_the_queue(work: Queue, dead: Queue) -> None:
    work.send(*({"number": number} for number in range(12)))
    until(lambda: work.count() == 0)
    assert dead.count() == 0


def test_only_the_failed_message_comes_back_and_ends_in_the_dead_letter_queue(
    work: Queue, dead: Queue
) -> None:
    work.send({"number": 1}, {"number": 2, "fail": True}, {"number": 3})
    until(lambda: dead.count() == 1)
    assert work.count() == 0
    assert dead.take() == [{"number": 2, "fail": True}]


def receive_counts(stack: Stack, number: int) -> list[int]:
    """Of each time that the function was given the message."""
    log = (stack.log_dir / "WorkerFunction.log").read_text().split()
    return [
        int(log[at + 2])
        for at, word in enumerate(log)
        if word == "received" and log[at + 1] == str(number)
    ]


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (101, {"fail": True}),
        (102, {"raise": True}),
        (103, {"nonsense": True}),
        (104, {"die_until": 9}),
        (105, {"hold_until": 9, "seconds": 7}),  # longer than the function may take
    ],
)
def test_whatever_goes_wrong_it_comes_again_counted_until_it_is_dead(
    stack: Stack, work: Queue, dead: Queue, number: int, fault: dict[str, Any]
) -> None:
    work.send({"number": number, **fault})
    until(lambda: dead.count() == 1)
    assert work.count() == 0
    assert dead.take() == [{"number": number, **fault}]
    assert receive_counts(stack, number) == [1, 2]


def test_a_container_that_dies_once_costs_a_message_one_receive(
    stack: Stack, work: Queue, dead: Queue
) -> None:
    work.send({"number": 110, "die_until": 1})
    until(lambda: work.count() == 0)
    assert dead.count() == 0
    assert receive_counts(stack, 110) == [1, 2]


def test_a_delayed_message_comes_when_its_time_is_over(stack: Stack, work: Queue) -> None:
    sent = time.monotonic()
    work.send({"number": 120}, delay_seconds=2)
    until(lambda: receive_counts(stack, 120) == [1])
    assert time.monotonic() - sent >= 1.5


@pytest.mark.parametrize("ending", ["stopped", "killed"])
def test_a_gateway_that_ends_in_the_middle_of_a_batch_loses_none(ending: str) -> None:
    """Nor does the long poll that it leaves behind take a message that nobody then sees."""
    options = {"twins": (), "visibility_seconds": {"WorkQueue": 3}}
    with Stack(template=PROBE, **options) as stack:
        work, dead = (Queue(stack.aws_url, name) for name in ("WorkQueue", "DeadQueue"))
        work.send({"number": 140, "hold_until": 1, "seconds": 4})
        until(lambda: receive_counts(stack, 140) == [1])
        if ending == "killed":
            stack.kill("gateway")
        stack.restart("gateway")
        until(lambda: work.count() == 0)
        assert receive_counts(stack, 140) == [1, 2]
        assert dead.count() == 0


def test_an_error_of_the_function_keeps_the_message_until_it_is_dead(
    work: Queue, dead: Queue
) -> None:
    work.send({"raise": True})
    until(lambda: dead.count() == 1)
    assert dead.take() == [{"raise": True}]


def test_the_poller_goes_on_after_the_queue_was_away(stack: Stack, work: Queue) -> None:
    stack.kill("aws")
    stack.restart("aws")
    work.send({"number": 1})
    until(lambda: work.count() == 0)


def test_a_call_in_nobodys_name_is_refused(stack: Stack) -> None:
    call = AwsCall(stack.aws_url).build("secretsmanager", "ListSecrets", {})
    signed = call.headers["authorization"]
    with httpx.Client(trust_env=False) as client:
        assert client.send(call).status_code == 200
        for other in (signed.replace("test-key", ""), signed.replace("test-key", "someone"), ""):
            call.headers["authorization"] = other
            refused = client.send(call)
            assert refused.status_code == 400
            assert refused.json()["__type"] == "UnrecognizedClientException"


def test_the_secret_holds_what_the_functions_need(stack: Stack) -> None:
    name = stack.template.secret_names["ProbeSecret"]
    arn = stack.invoke("EchoFunction", {})["environment"]["SECRET_ARN"]
    assert arn.endswith(name)
    with httpx.Client(trust_env=False) as client:
        call = AwsCall(stack.aws_url).build("secretsmanager", "GetSecretValue", {"SecretId": arn})
        secret = json.loads(client.send(call).json()["SecretString"])
    names = {"DATABASE_URL", "SECRET_KEY", "GEMINI_API_KEY", "ZEP_API_KEY", "MEM0_API_KEY"}
    assert set(secret) == names
    assert secret["DATABASE_URL"] == stack.database_url
    assert len(secret["SECRET_KEY"]) >= 64
    assert secret["ZEP_API_KEY"] == "test-key"
