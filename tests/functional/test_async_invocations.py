"""What becomes of an asynchronous invocation that fails, with time in the test's hands."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from local.poller import Timing
from local.resources import AsyncPolicy, Function, Queue, ScheduledCall, Template
from local.runtime.outcome import Failure, Outcome, failed
from local.scheduler import AsyncInvocations
from local.schedules import Rate
from local.template import load_template
from tests.functional.gateway_harness import returns

CALL = ScheduledCall("Often", "Job", Rate(timedelta(minutes=1)), '{"a": 1}')
ERROR = failed(Failure.FUNCTION, "why")
THROTTLED = failed(Failure.THROTTLED, "Rate Exceeded.")
WITH_QUEUE = AsyncPolicy(on_failure_id="Q")


class World:
    """A function that fails as told, a queue and a clock."""

    def __init__(self, policy: AsyncPolicy, *outcomes: Outcome) -> None:
        self.policy = policy
        self.outcomes = list(outcomes)
        self.pauses: list[float] = []
        self.records: list[dict[str, Any]] = []
        self.refusals: list[int | Exception] = []
        self.runs = 0

    async def invoke(self, _function_id: str, payload: bytes) -> Outcome:
        assert json.loads(payload) == {"a": 1}
        self.runs += 1
        return self.outcomes.pop(0) if self.outcomes else returns(None)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def sqs(self, request: httpx.Request) -> httpx.Response:
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            return httpx.Response(refusal)
        self.records.append(json.loads(json.loads(request.content)["MessageBody"]))
        return httpx.Response(200)

    def play(self) -> None:
        function = Function(
            logical_id="Job",
            code_dir=Path(),
            handler="a.b",
            python_path=(),
            timeout_seconds=1,
            memory_mb=128,
            reserved_concurrency=1,
            environment={},
            version="1",
            snap_start=False,
            log_format="JSON",
            asynchronous=self.policy,
        )
        template = Template(
            functions={"Job": function},
            api=None,
            queues={"Q": Queue("Q", "Q", {}, None, None)},
            event_sources=(),
            schedules=(),
            secret_names={},
        )
        invocations = AsyncInvocations(
            template,
            invoker=self,
            endpoint="http://127.0.0.1:9",
            timing=Timing(lambda: sum(self.pauses), self.pause),
            transport=httpx.MockTransport(self.sqs),
        )
        asyncio.run(invocations.invoke(CALL))


def test_a_run_that_succeeds_is_the_only_one() -> None:
    world = World(WITH_QUEUE)
    world.play()
    assert (world.runs, world.pauses, world.records) == (1, [], [])


def test_an_error_is_tried_again_after_a_minute_and_then_after_two() -> None:
    world = World(WITH_QUEUE, ERROR, failed(Failure.TIMEOUT, "late"))
    world.play()
    assert (world.runs, world.pauses, world.records) == (3, [60, 120], [])


def test_what_fails_for_good_is_recorded_in_the_queue_for_failures() -> None:
    world = World(WITH_QUEUE, ERROR, failed(Failure.CRASH, "gone"), ERROR)
    world.play()
    (record,) = world.records
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == {"a": 1}
    assert record["responsePayload"]["errorMessage"] == "why"


def test_as_many_retries_as_the_policy_says_and_no_queue_no_record() -> None:
    world = World(AsyncPolicy(retries=0), ERROR)
    world.play()
    assert (world.runs, world.pauses, world.records) == (1, [], [])


def test_what_is_throttled_waits_longer_each_time_and_counts_as_no_retry() -> None:
    world = World(AsyncPolicy(retries=0), *[THROTTLED] * 11)
    world.play()
    assert world.runs == 12
    assert world.pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_an_event_that_would_get_too_old_is_given_up() -> None:
    world = World(AsyncPolicy(max_age_seconds=60, on_failure_id="Q"), *[THROTTLED] * 99)
    world.play()
    assert sum(world.pauses) <= 60
    assert [one["requestContext"]["condition"] for one in world.records] == ["EventAgeExceeded"]


def test_the_record_waits_for_a_queue_that_is_away() -> None:
    world = World(AsyncPolicy(retries=0, on_failure_id="Q"), ERROR)
    world.refusals = [httpx.ConnectError("refused"), 500]
    world.play()
    assert len(world.records) == 1


def test_policies_are_read_from_the_template() -> None:
    functions = load_template(Path(__file__).parents[2] / "template.yaml").functions
    assert functions["SweepFunction"].asynchronous == AsyncPolicy(retries=0, max_age_seconds=60)
    assert functions["PlanFunction"].asynchronous == AsyncPolicy(
        retries=2, max_age_seconds=3600, on_failure_id="ScheduleDeadLetterQueue"
    )
    assert functions["ChatFunction"].asynchronous == AsyncPolicy()
