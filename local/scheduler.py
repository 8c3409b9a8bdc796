"""EventBridge Scheduler on this machine, and the asynchronous invocations that it makes.

Lambda takes every event at once and then sees to it alone, so what a schedule itself says of
retries and dead letters is for a Lambda that is away, which does not happen here. What counts when
a function fails is its EventInvokeConfig.
Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
invocation" and "Retaining records of asynchronous invocations" (read November 2026).
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from local.gateway.authorization import Invoker
from local.poller import Timing
from local.queues import AwsCall
from local.resources import ACCOUNT_ID, REGION, Function, ScheduledCall, Template
from local.runtime.outcome import Failure, Outcome

_FIRST_RETRY_SECONDS, _LATER_RETRY_SECONDS = 60.0, 120.0
_THROTTLED_SECONDS, _LONGEST_THROTTLED_SECONDS = 1.0, 300.0
_RECORD_TRIES, _RECORD_SECONDS = 60, 1.0
_log = logging.getLogger(__name__)


async def run_schedule(
    call: ScheduledCall,
    *,
    invoke: Callable[[ScheduledCall], Awaitable[None]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Has `invoke` run at each firing, whether or not an earlier run has ended.

    Returns when the schedule never fires again and all runs have ended.
    """
    moment = now()
    async with asyncio.TaskGroup() as runs:
        while (due := call.schedule.next_after(moment)) is not None:
            await sleep(max(0.0, (due - now()).total_seconds()))
            runs.create_task(_guarded(call, invoke))
            # A machine that slept does not make up for every firing it missed.
            moment = max(due, now())


async def _guarded(call: ScheduledCall, invoke: Callable[[ScheduledCall], Awaitable[None]]) -> None:
    try:
        await invoke(call)
    except Exception:  # the next firing comes all the same
        _log.exception("scheduled_run_failed")


class AsyncInvocations:
    """Invokes functions until they succeed, or their events are given up and recorded.

    Args:
        template: the functions and their queues.
        invoker: runs the functions.
        endpoint: moto's address.
        timing: the clock.
        transport: in place of the network.
    """

    def __init__(
        self,
        template: Template,
        *,
        invoker: Invoker,
        endpoint: str,
        timing: Timing | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._template = template
        self._invoker = invoker
        self._endpoint = endpoint
        self._timing = timing or Timing()
        self._transport = transport

    async def invoke(self, call: ScheduledCall) -> None:
        """One event: an error is tried again after one and then two minutes, as often as the
        function's policy says; what is throttled after 1 s and longer each time, up to 5 minutes;
        neither once the event is too old."""
        function = self._template.functions[call.function_id]
        policy = function.asynchronous
        began, errors, runs, throttled = self._timing.clock(), 0, 0, _THROTTLED_SECONDS
        while True:
            outcome = await self._invoker.invoke(call.function_id, call.payload.encode())
            if outcome.failure is None:
                return
            if outcome.failure is Failure.THROTTLED:
                pause, throttled = throttled, min(throttled * 2, _LONGEST_THROTTLED_SECONDS)
            else:
                runs += 1
                if errors >= policy.retries:
                    why = "RetriesExhausted"
                    break
                pause = _LATER_RETRY_SECONDS if errors else _FIRST_RETRY_SECONDS
                errors += 1
            if self._timing.clock() - began + pause > policy.max_age_seconds:
                why = "EventAgeExceeded"
                break
            await self._timing.pause(pause)
        _log.warning("event_given_up function=%s condition=%s runs=%d", call.function_id, why, runs)
        if policy.on_failure_id is not None:
            record = _record(function, call.payload, outcome, condition=why, runs=runs)
            await self._send(policy.on_failure_id, record)

    async def _send(self, queue_id: str, record: dict[str, Any]) -> None:
        name = self._template.queues[queue_id].name
        body = {
            "QueueUrl": f"{self._endpoint}/{ACCOUNT_ID}/{name}",
            "MessageBody": json.dumps(record),
        }
        async with httpx.AsyncClient(trust_env=False, transport=self._transport) as client:
            for _ in range(_RECORD_TRIES):
                request = AwsCall(self._endpoint).build("sqs", "SendMessage", body)
                try:
                    if (await client.send(request)).is_success:
                        return
                except httpx.HTTPError:
                    pass  # moto is away for a moment
                await self._timing.pause(_RECORD_SECONDS)
        _log.error("record_lost queue=%s", queue_id)


def _record(
    function: Function, payload: str, outcome: Outcome, *, condition: str, runs: int
) -> dict[str, Any]:
    """What the function's OnFailure destination is sent, in AWS's shape."""
    name, version = function.logical_id, function.version
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": str(uuid4()),
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}:{version}",
            "condition": condition,
            "approximateInvokeCount": runs,
        },
        "requestPayload": json.loads(payload),
        "responseContext": {
            "statusCode": 200,
            "executedVersion": version,
            "functionError": "Unhandled",
        },
        "responsePayload": outcome.value(),
    }
