"""How a queue's batches reach a function, with time and SQS in the test's hands."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.poller import Poller, Timing
from local.resources import EventSource, Queue
from local.runtime.outcome import Failure, Outcome, failed
from tests.functional.gateway_harness import returns

QUEUE = Queue("Q", "Q", {"VisibilityTimeout": "60"}, None, None)
DONE = returns({"batchItemFailures": []})
THROTTLED = failed(Failure.THROTTLED, "Rate Exceeded.")
Answer = dict[str, Any] | int | Exception


def message(number: int, receipt: str = "first") -> dict[str, Any]:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"{receipt}-{number}",
        "Body": "{}",
        "MD5OfBody": "d",
    }


class World:
    """SQS, a function and a clock. `ends` once SQS has nothing more to give."""

    def __init__(self, *received: Answer, batch_size: int = 10, concurrency: int = 1) -> None:
        self.source = EventSource("Job", "Q", batch_size, True, concurrency)
        self.seconds = 0.0
        self.deleted: list[list[str]] = []
        self.delete_answers: list[Answer] = []
        self.receives: list[dict[str, Any]] = []
        self.invoked: list[list[str]] = []
        self.waits: list[float] = []
        self.outcomes: list[Outcome | Exception | Callable[[], Outcome]] = []
        self._received: Iterator[Answer] = iter(received)
        self._is_over = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)

    async def invoke(self, _function_id: str, payload: bytes, *, wait_seconds: float) -> Outcome:
        self.invoked.append([record["messageId"] for record in json.loads(payload)["Records"]])
        self.waits.append(wait_seconds)
        outcome = self.outcomes.pop(0) if self.outcomes else DONE
        if isinstance(outcome, Exception):
            raise outcome
        await asyncio.sleep(0)
        return outcome() if callable(outcome) else outcome

    async def sqs(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.headers["x-amz-target"].endswith("ReceiveMessage"):
            self.receives.append(body)
            given = next(self._received, None)
            if given is None:
                self._is_over.set()
                await asyncio.Event().wait()
            return answered(given)
        self.deleted.append([entry["ReceiptHandle"] for entry in body["Entries"]])
        return answered(self.delete_answers.pop(0) if self.delete_answers else {})

    def play(self) -> None:
        """Runs the poller until SQS has nothing more and nothing is being dealt with."""
        asyncio.run(self._play())

    async def _play(self) -> None:
        poller = Poller(
            self.source,
            queue=QUEUE,
            endpoint="http://127.0.0.1:9",
            consumer=self,
            timing=Timing(lambda: self.seconds, self.pause),
            transport=httpx.MockTransport(self.sqs),
        )
        running = asyncio.create_task(poller.run())
        over = asyncio.create_task(self._is_over.wait())
        await asyncio.wait({running, over}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(300):  # whatever else is ready to run
            await asyncio.sleep(0)
        assert not running.done(), "the poller has ended"
        running.cancel()
        await asyncio.wait({running})
        assert over.done(), "the poller stopped asking"


def answered(given: Answer | None) -> httpx.Response:
    if isinstance(given, Exception):
        raise given
    return httpx.Response(given) if isinstance(given, int) else httpx.Response(200, json=given)


def batch(*messages: dict[str, Any]) -> Answer:
    return {"Messages": list(messages)}


def test_a_batch_that_is_dealt_with_is_deleted_but_for_what_failed() -> None:
    world = World(batch(message(1), message(2)))
    world.outcomes = [returns({"batchItemFailures": [{"itemIdentifier": "m1"}]})]
    world.play()
    assert world.invoked == [["m1", "m2"]]
    assert world.deleted == [["first-2"]]


@pytest.mark.parametrize(
    "outcome",
    [
        *(failed(kind, "why") for kind in Failure if kind is not Failure.THROTTLED),
        Outcome(b"no json"),
        returns("done"),
        RuntimeError("a fault of the local stack's own"),
    ],
)
def test_what_is_not_known_to_be_done_is_kept_and_the_poller_goes_on(
    outcome: Outcome | Exception,
) -> None:
    world = World(batch(message(1)), batch(message(2)))
    world.outcomes = [outcome]
    world.play()
    assert world.invoked == [["m1"], ["m2"]]
    assert world.deleted == [["first-2"]]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("hangs"),
        httpx.RemoteProtocolError("cut"),
        *(400, 500, 200),  # the last one without a body
        {"Messages": None},
    ],
)
def test_a_queue_that_is_away_or_says_nothing_is_asked_again(answer: Answer) -> None:
    world = World(answer, answer, batch(message(1)))
    world.play()
    assert world.deleted == [["first-1"]]


@pytest.mark.parametrize("size", [1, 10, 10_000])
def test_no_more_than_ten_are_asked_for_at_once(size: int) -> None:
    world = World(batch_size=size)
    world.play()
    assert world.receives[0]["MaxNumberOfMessages"] == min(size, 10)


def test_a_throttled_batch_is_tried_again_while_it_is_hidden() -> None:
    world = World(batch(message(1)))
    world.outcomes = [THROTTLED] * 5
    world.play()
    assert len(world.invoked) == 6
    assert world.waits[0] == 60
    assert world.waits[-1] == 57.5
    assert world.deleted == [["first-1"]]


def test_a_batch_that_stays_throttled_is_given_up_before_it_is_visible_again() -> None:
    world = World(batch(message(1)))
    world.outcomes = [THROTTLED] * 500
    world.play()
    assert world.deleted == []
    assert 59 <= world.seconds < 60
    assert min(world.waits) > 0


@pytest.mark.parametrize("answer", [httpx.ConnectError("refused"), 503, 400])
def test_a_delete_that_fails_is_tried_again(answer: Answer) -> None:
    world = World(batch(message(1)))
    world.delete_answers = [answer, answer]
    world.play()
    assert world.deleted == [["first-1"]] * 3


def test_of_a_delete_that_fails_in_part_only_that_part_is_tried_again() -> None:
    world = World(batch(message(1), message(2), message(3)))
    refused = [{"Id": "1", "SenderFault": False}, {"Id": "2", "SenderFault": True}]
    world.delete_answers = [{"Successful": [{"Id": "0"}], "Failed": refused}]
    world.play()
    assert world.deleted == [["first-1", "first-2", "first-3"], ["first-2"]]


def test_a_delete_is_not_tried_again_once_the_messages_are_visible() -> None:
    world = World(batch(message(1)))
    world.delete_answers = [500] * 500
    world.play()
    assert 100 < len(world.deleted) < 121


def test_a_message_that_came_again_is_not_deleted_by_its_old_receipt() -> None:
    world = World(batch(message(1)), batch(message(1, "second")), concurrency=2)
    again = asyncio.Event

    class Slow:
        """The first run ends after the second one began, which fails."""

        began = again()

        async def invoke(self, _name: str, payload: bytes, *, wait_seconds: float) -> Outcome:
            world.waits.append(wait_seconds)
            receipt = json.loads(payload)["Records"][0]["receiptHandle"]
            if receipt == "second-1":
                self.began.set()
                await asyncio.sleep(0)
                return failed(Failure.FUNCTION, "why")
            await self.began.wait()
            return DONE

    world.invoke = Slow().invoke  # type: ignore[method-assign]
    world.play()
    assert len(world.waits) == 2
    assert world.deleted == []


def test_no_more_batches_than_slots_are_at_work_at_once() -> None:
    world = World(*(batch(message(number)) for number in range(6)), concurrency=2)
    most = at_work = 0

    async def invoke(_name: str, _payload: bytes, *, wait_seconds: float) -> Outcome:
        nonlocal most, at_work
        assert wait_seconds > 0
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        return DONE

    world.invoke = invoke  # type: ignore[method-assign]
    world.play()
    assert most == 2


def test_a_poller_that_is_stopped_in_the_middle_deletes_nothing() -> None:
    world = World(batch(message(1)))

    async def invoke(_name: str, _payload: bytes, *, wait_seconds: float) -> Outcome:
        assert wait_seconds > 0
        await asyncio.Event().wait()
        return DONE

    world.invoke = invoke  # type: ignore[method-assign]
    world.source = EventSource("Job", "Q", 10, True, 2)
    world.play()
    assert world.deleted == []
