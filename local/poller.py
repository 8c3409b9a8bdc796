"""Feeds functions from queues, by the rules of Lambda's event source mapping.

What is not deleted stays hidden until its visibility time-out is over, comes again with a higher
receive count and ends, after `maxReceiveCount`, in the dead-letter queue; all that is SQS's part.
Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS" and "Handling errors for an SQS
event source"; Amazon SQS API Reference, "DeleteMessage" (read November 2026).
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from local.queues import AwsCall
from local.resources import ACCOUNT_ID, REGION, EventSource, Queue
from local.runtime.outcome import Failure, Outcome

_LONG_POLL_SECONDS = 5
_RETRY_SECONDS = 0.5
_MOST_AT_ONCE = 10  # what SQS gives out in one answer
_log = logging.getLogger(__name__)


class Consumer(Protocol):
    """Runs functions; `local.runtime.pool.Runtime` is one."""

    async def invoke(self, function_id: str, payload: bytes, *, wait_seconds: float) -> Outcome:
        """Invokes a function as soon as it has a free instance; throttled when none is in time."""
        ...


@dataclass(frozen=True)
class Timing:
    """How time passes; tests have their own."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


def failed_ids(outcome: Outcome, sent: Iterable[str], *, partial_failures: bool) -> set[str]:
    """Which messages of the batch stay in the queue.

    An invocation that fails keeps all. With partial failures, no answer or no or an empty
    `batchItemFailures` keeps none; an answer that can't be read, and an unknown, empty or malformed
    identifier, keeps all.
    """
    everything = set(sent)
    if outcome.failure is not None:
        return everything
    if not partial_failures:
        return set()
    try:
        named = _named(outcome.value())
    except (ValueError, TypeError, KeyError):
        return everything
    return named if named <= everything else everything


def _named(answer: Any) -> set[str]:
    """The identifiers in it; a KeyError, TypeError or ValueError when it is none that we know."""
    failures = {} if answer is None else answer
    if not isinstance(failures, dict):
        raise TypeError
    items = failures.get("batchItemFailures")
    if items is None:
        return set()
    if not isinstance(items, list):
        raise TypeError
    return {item["itemIdentifier"] for item in items}


class Poller:
    """Feeds one function from one queue until it is cancelled.

    A batch whose work is not known to be done is not deleted: cancelled in the middle, the poller
    leaves its messages to come again.

    Args:
        source: which function, how many messages at once, how many batches side by side.
        queue: where from.
        endpoint: moto's address.
        consumer: runs the function.
        timing: the clock.
        transport: in place of the network.
    """

    def __init__(
        self,
        source: EventSource,
        *,
        queue: Queue,
        endpoint: str,
        consumer: Consumer,
        timing: Timing | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._source = source
        self._queue = queue
        self._call = AwsCall(endpoint)
        self._queue_url = f"{endpoint}/{ACCOUNT_ID}/{queue.name}"
        self._consumer = consumer
        self._timing = timing or Timing()
        self._transport = transport
        self._slots = asyncio.Semaphore(source.concurrency)
        # By message id: what came again while it was being dealt with has a newer one, and SQS
        # deletes nothing by an older one.
        self._receipts: dict[str, str] = {}

    async def run(self) -> None:
        """Receives and invokes for ever; what moto refuses or drops is tried again."""
        async with (
            httpx.AsyncClient(
                timeout=_LONG_POLL_SECONDS + 10, trust_env=False, transport=self._transport
            ) as client,
            asyncio.TaskGroup() as batches,
        ):
            while True:
                await self._slots.acquire()
                messages = await self._receive(client)
                if messages:
                    hidden_until = self._timing.clock() + self._queue.visibility_seconds
                    batches.create_task(self._process(client, messages, hidden_until))
                else:
                    self._slots.release()

    async def _receive(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        body = {
            "MaxNumberOfMessages": min(self._source.batch_size, _MOST_AT_ONCE),
            "WaitTimeSeconds": _LONG_POLL_SECONDS,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._send(client, "ReceiveMessage", body)
        if answer is None:
            await self._timing.pause(_RETRY_SECONDS)
            return []
        messages: list[dict[str, Any]] = answer.get("Messages") or []
        return messages

    async def _process(
        self, client: httpx.AsyncClient, messages: list[dict[str, Any]], hidden_until: float
    ) -> None:
        receipts = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        self._receipts.update(receipts)
        try:
            kept = await self._work(messages, hidden_until)
            done = {name: receipt for name, receipt in receipts.items() if name not in kept}
            await self._delete(client, done, hidden_until)
        except Exception:  # this batch comes again; the queue's other messages go on
            _log.exception("batch_failed")
        finally:
            for name, receipt in receipts.items():
                if self._receipts.get(name) == receipt:
                    del self._receipts[name]

    async def _work(self, messages: list[dict[str, Any]], hidden_until: float) -> set[str]:
        """Has the function deal with them; the ids of those that stay."""
        try:
            event = {"Records": [sqs_record(message, self._queue.arn) for message in messages]}
            outcome = await self._invoke(json.dumps(event).encode(), hidden_until)
        finally:
            self._slots.release()
        sent = [message["MessageId"] for message in messages]
        return failed_ids(outcome, sent, partial_failures=self._source.partial_failures)

    async def _invoke(self, payload: bytes, hidden_until: float) -> Outcome:
        """A throttled batch is tried again while its messages are still hidden, as Lambda does."""
        while True:
            left = hidden_until - self._timing.clock()
            outcome = await self._consumer.invoke(
                self._source.function_id, payload, wait_seconds=max(0.0, left)
            )
            is_late = self._timing.clock() + _RETRY_SECONDS >= hidden_until
            if outcome.failure is not Failure.THROTTLED or is_late:
                return outcome
            await self._timing.pause(_RETRY_SECONDS)

    async def _delete(
        self, client: httpx.AsyncClient, receipts: Mapping[str, str], hidden_until: float
    ) -> None:
        """Tries until they are gone or visible again: what stays would count as failed."""
        while True:
            good = [it for name, it in receipts.items() if self._receipts.get(name) == it]
            if not good:
                return
            left = await self._not_deleted(client, good)
            if not left or self._timing.clock() + _RETRY_SECONDS >= hidden_until:
                return
            receipts = {name: receipt for name, receipt in receipts.items() if receipt in left}
            await self._timing.pause(_RETRY_SECONDS)

    async def _not_deleted(self, client: httpx.AsyncClient, receipts: list[str]) -> set[str]:
        """Those worth another try; a receipt that SQS does not know (any more) is not."""
        entries = [{"Id": str(n), "ReceiptHandle": it} for n, it in enumerate(receipts)]
        answer = await self._send(client, "DeleteMessageBatch", {"Entries": entries})
        if answer is None:
            return set(receipts)
        refused = [item for item in answer.get("Failed") or [] if not item.get("SenderFault")]
        return {receipts[int(item["Id"])] for item in refused}

    async def _send(
        self, client: httpx.AsyncClient, operation: str, body: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The answer, or None when moto is away or refuses (a queue that is not made yet)."""
        body = {"QueueUrl": self._queue_url, **body}
        try:
            response = await client.send(self._call.build("sqs", operation, body))
            answer: Any = response.json() if response.content else {}
        except (httpx.HTTPError, ValueError):
            return None
        return answer if response.is_success and isinstance(answer, dict) else None


def sqs_record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """One record of the event, from a message as ReceiveMessage gives it."""
    attributes = {
        name: _lower_first(value)
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _lower_first(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name[0].lower() + name[1:]: item for name, item in value.items()}
