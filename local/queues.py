"""SQS on this machine: queues and the secret in moto, and the poller that feeds functions.

The rules of the poller are those of Lambda's event source mapping (AWS Lambda Developer Guide,
"Using Lambda with Amazon SQS" and "Handling errors for an SQS event source", read November 2026).
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from local.gateway.authorization import Invoker
from local.resources import REGION, EventSource, Queue, Template
from local.runtime.outcome import Failure, Outcome

_LONG_POLL_SECONDS = 5
_RETRY_SECONDS = 0.5
_THROTTLE_RETRIES = 20
_TARGETS = {"sqs": ("AmazonSQS", "1.0"), "secretsmanager": ("secretsmanager", "1.1")}


class AwsCall:
    """Requests of AWS's JSON protocol to moto, which looks at the region and service only."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def build(self, service: str, operation: str, body: Mapping[str, Any]) -> httpx.Request:
        """One call, ready to be sent."""
        prefix, version = _TARGETS[service]
        scope = f"test-key/20260101/{REGION}/{service}/aws4_request"
        return httpx.Request(
            "POST",
            self._endpoint,
            content=json.dumps(body),
            headers={
                "content-type": f"application/x-amz-json-{version}",
                "x-amz-target": f"{prefix}.{operation}",
                "x-amz-date": "20260101T000000Z",
                "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, "
                "SignedHeaders=host, Signature=0",
            },
        )


def provision(endpoint: str, template: Template, secret: Mapping[str, str]) -> None:
    """Makes the queues with their redrive and puts `secret` into each secret of the template.

    Raises:
        httpx.HTTPError: moto does not answer, or refuses.
    """
    call = AwsCall(endpoint)
    with httpx.Client(timeout=30, trust_env=False) as client:

        def send(service: str, operation: str, body: Mapping[str, Any]) -> None:
            client.send(call.build(service, operation, body)).raise_for_status()

        for queue in _dead_letter_queues_first(template.queues):
            attributes = dict(queue.attributes)
            if queue.dead_letter_id is not None:
                attributes["RedrivePolicy"] = json.dumps(
                    {
                        "deadLetterTargetArn": template.queues[queue.dead_letter_id].arn,
                        "maxReceiveCount": queue.max_receive_count,
                    }
                )
            send("sqs", "CreateQueue", {"QueueName": queue.name, "Attributes": attributes})
        for name in template.secret_names.values():
            body = {"Name": name, "SecretString": json.dumps(dict(secret))}
            send("secretsmanager", "CreateSecret", body)


def _dead_letter_queues_first(queues: Mapping[str, Queue]) -> list[Queue]:
    return sorted(queues.values(), key=lambda queue: queue.dead_letter_id is not None)


def failed_ids(outcome: Outcome, sent: Iterable[str], *, partial_failures: bool) -> set[str]:
    """Which messages of the batch stay in the queue.

    An invocation that fails keeps all. With partial failures, no or an empty `batchItemFailures`
    keeps none, and an unknown, empty or malformed identifier keeps all.
    """
    everything = set(sent)
    if outcome.failure is not None:
        return everything
    if not partial_failures:
        return set()
    result = outcome.value()
    failures = result.get("batchItemFailures") if isinstance(result, dict) else None
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return everything
    named = {str(item.get("itemIdentifier")) for item in failures if isinstance(item, dict)}
    is_known = named <= everything and all(isinstance(item, dict) for item in failures)
    return named if is_known else everything


class Poller:
    """Feeds one function from one queue until it is cancelled.

    Args:
        source: which function, how many messages at once, how many batches side by side.
        queue: where from.
        endpoint: moto's address.
        invoker: runs the function.
    """

    def __init__(
        self, source: EventSource, *, queue: Queue, endpoint: str, invoker: Invoker
    ) -> None:
        self._source = source
        self._queue = queue
        self._call = AwsCall(endpoint)
        self._queue_url = f"{endpoint}/{queue.arn.split(':')[4]}/{queue.name}"
        self._invoker = invoker
        self._slots = asyncio.Semaphore(source.concurrency)

    async def run(self) -> None:
        """Receives and invokes for ever; what moto refuses or drops is tried again."""
        async with (
            httpx.AsyncClient(timeout=_LONG_POLL_SECONDS + 10, trust_env=False) as client,
            asyncio.TaskGroup() as batches,
        ):
            while True:
                await self._slots.acquire()
                messages = await self._receive(client)
                if messages:
                    batches.create_task(self._process(client, messages))
                else:
                    self._slots.release()

    async def _receive(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        body = {
            "QueueUrl": self._queue_url,
            "MaxNumberOfMessages": min(self._source.batch_size, 10),
            "WaitTimeSeconds": _LONG_POLL_SECONDS,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._send(client, "ReceiveMessage", body)
        if answer is None:
            await asyncio.sleep(_RETRY_SECONDS)
            return []
        messages: list[dict[str, Any]] = answer.get("Messages") or []
        return messages

    async def _process(self, client: httpx.AsyncClient, messages: list[dict[str, Any]]) -> None:
        try:
            event = {"Records": [sqs_record(message, self._queue.arn) for message in messages]}
            outcome = await self._invoke(json.dumps(event).encode())
            handles = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            kept = failed_ids(outcome, handles, partial_failures=self._source.partial_failures)
            done = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, (message_id, handle) in enumerate(handles.items())
                if message_id not in kept
            ]
            if done:
                body = {"QueueUrl": self._queue_url, "Entries": done}
                await self._send(client, "DeleteMessageBatch", body)
        finally:
            self._slots.release()

    async def _invoke(self, payload: bytes) -> Outcome:
        """A throttled batch is tried again while its messages are still hidden, as Lambda does."""
        for _ in range(_THROTTLE_RETRIES):
            outcome = await self._invoker.invoke(self._source.function_id, payload)
            if outcome.failure is not Failure.THROTTLED:
                break
            await asyncio.sleep(_RETRY_SECONDS)
        return outcome

    async def _send(
        self, client: httpx.AsyncClient, operation: str, body: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The answer, or None when moto is away or refuses (a queue that is not made yet)."""
        try:
            response = await client.send(self._call.build("sqs", operation, body))
        except httpx.HTTPError:
            return None
        if response.is_error:
            return None
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer


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
