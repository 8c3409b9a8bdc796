"""Messages to the consolidate job on SQS's wire."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tandem.changes.wake import ConsolidationWake
from tandem.ids import AccountId

QUEUE = "http://sqs.test/123456789012/ConsolidationQueue"
Logs = Callable[[], list[dict[str, Any]]]
Answer = Callable[[list[str]], httpx.Response]


def taken(_bodies: list[str]) -> httpx.Response:
    return httpx.Response(200, json={"Failed": []})


def refused(*places: object) -> Answer:
    failed = [{"Id": place, "Code": "InternalError", "Message": "canary"} for place in places]
    return lambda _: httpx.Response(200, json={"Failed": failed})


def away(_bodies: list[str]) -> httpx.Response:
    return httpx.Response(503, text="canary")


class Queue:
    """Answers SendMessageBatch as it is told, and then takes everything."""

    def __init__(self, *answers: Answer, always: Answer = taken) -> None:
        self.answers, self.always = list(answers), always
        self.batches: list[list[dict[str, Any]]] = []
        self.delays: list[int] = []
        self.pauses: list[float] = []
        self.timeouts: list[dict[str, float]] = []
        self.now = self.most = 0

    def wake(self) -> ConsolidationWake:
        client = httpx.AsyncClient(
            base_url="http://sqs.test", transport=httpx.MockTransport(self._answer)
        )
        return ConsolidationWake(QUEUE, client, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["x-amz-target"] == "AmazonSQS.SendMessageBatch"
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(5):  # lets the others come in between
            await asyncio.sleep(0)
        self.now -= 1
        self.timeouts.append(request.extensions["timeout"])
        sent = json.loads(request.content)
        assert sent["QueueUrl"] == QUEUE
        self.delays += [entry["DelaySeconds"] for entry in sent["Entries"]]
        self.batches.append([json.loads(entry["MessageBody"]) for entry in sent["Entries"]])
        answer = self.answers.pop(0) if self.answers else self.always
        return answer([entry["MessageBody"] for entry in sent["Entries"]])


def people(count: int) -> list[AccountId]:
    return [AccountId(uuid4()) for _ in range(count)]


def test_a_message_names_the_person_and_how_often_this_was_gone_on_with() -> None:
    queue, account = Queue(), AccountId(uuid4())

    assert asyncio.run(queue.wake().send(account))
    assert asyncio.run(queue.wake().send(account, continuation=3, delay_seconds=2_000))

    alone = {"account": str(account)}
    assert queue.batches == [[alone], [alone | {"continuation": 3}]]
    assert queue.delays == [0, 900]


def test_many_go_out_ten_in_a_call_and_ten_calls_side_by_side_each_once() -> None:
    queue, accounts = Queue(), people(1_234)

    assert asyncio.run(queue.wake().send_all(accounts)) == 0

    assert sorted(len(batch) for batch in queue.batches) == [4, *[10] * 123]
    sent = [message["account"] for batch in queue.batches for message in batch]
    assert sorted(sent) == sorted(str(account) for account in accounts)
    assert queue.most == 10


def test_only_what_the_queue_left_out_goes_again() -> None:
    queue, accounts = Queue(refused("3", "7"), refused("1")), people(10)

    assert asyncio.run(queue.wake().send_all(accounts)) == 0

    sent = [[message["account"] for message in batch] for batch in queue.batches]
    three, seven = str(accounts[3]), str(accounts[7])
    assert sent[1:] == [[three, seven], [seven]]
    assert queue.pauses == [0.2, 0.4]


def test_what_the_queue_never_takes_is_counted_and_not_quoted(log_lines: Logs) -> None:
    queue = Queue(refused(*"0123"), refused("2"), refused("0"), refused("0"))

    assert asyncio.run(queue.wake().send_all(people(10))) == 1

    [line] = [line for line in log_lines() if "message" in line]
    assert (line["message"], line["messages"]) == ("consolidation_wake_lost", 1)
    assert "canary" not in str(line)


def test_a_queue_that_is_away_is_not_asked_for_everybody() -> None:
    queue = Queue(always=away)

    assert asyncio.run(queue.wake().send_all(people(2_000))) == 2_000

    assert len(queue.batches) == 10 * 4
    assert set(queue.pauses) == {0.2, 0.4, 0.8}


def test_only_who_waits_for_an_answer_is_impatient_with_the_queue() -> None:
    queue = Queue()
    asyncio.run(queue.wake().send_all(people(1)))
    asyncio.run(queue.wake().send(AccountId(uuid4())))
    asyncio.run(queue.wake().send_rest_of_plan(AccountId(uuid4())))
    assert [timeout["read"] for timeout in queue.timeouts] == [10.0, 5.0, 10.0]


@pytest.mark.parametrize("answer", [refused("10"), refused("-1"), refused("x"), refused(None)])
def test_an_answer_that_makes_no_sense_counts_for_none_taken(answer: Answer) -> None:
    queue, accounts = Queue(always=answer), people(2)

    assert asyncio.run(queue.wake().send_all(accounts)) == 2

    assert [len(batch) for batch in queue.batches] == [2] * 4


def test_who_waits_for_an_answer_waits_for_one_attempt_only(log_lines: Logs) -> None:
    queue = Queue(away)

    assert not asyncio.run(queue.wake().send(AccountId(uuid4())))

    assert (len(queue.batches), queue.pauses) == (1, [])
    assert "consolidation_wake_lost" in {line.get("message") for line in log_lines()}


def test_the_rest_of_a_plan_is_named_by_the_account_behind_which_it_begins() -> None:
    queue, last = Queue(away), AccountId(uuid4())

    assert asyncio.run(queue.wake().send_rest_of_plan(last))

    assert queue.batches == [[{"plan_after": str(last)}]] * 2


def test_no_people_are_no_calls() -> None:
    queue = Queue()
    assert asyncio.run(queue.wake().send_all([])) == 0
    assert queue.batches == []
