"""Messages to one SQS queue, ten at a time, over connections that stay open.

boto3 would do, but its import and client cost as much time as all the rest of a small function
(measured by `bench/cold_start.py`), so the one call is made here.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import httpx

from tandem.aws import aws_endpoint, aws_request
from tandem.clients.connections import Timeouts, build_http_client

BATCH_SIZE: Final = 10
"""What SQS takes in one SendMessageBatch."""

MAX_DELAY_SECONDS: Final = 900
"""The longest delay that SQS takes."""

# A person who waits for an answer waits no longer: what a queue is told stands in PostgreSQL too.
_TIMEOUTS: Final = Timeouts(connect_seconds=0.5, read_seconds=1.0, write_seconds=0.5)
_PATIENT: Final = httpx.Timeout(connect=2.0, read=10.0, write=5.0, pool=10.0)

# Of a whole call with its repetition; the limits above count anew with every piece of an answer.
_WHOLE_SECONDS: Final = 2.0
_PATIENT_WHOLE_SECONDS: Final = 15.0


class QueueRefused(Exception):
    """The queue's answer is an error, or can't be read."""


LOST = (QueueRefused, httpx.HTTPError, TimeoutError, ValueError)
"""What sending may raise; ValueError is `NoCredentials`, or an answer that isn't JSON."""


class SqsQueue:
    """Sends JSON messages to one queue.

    Args:
        client: replaces the connection in tests.
    """

    def __init__(self, url: str, client: httpx.AsyncClient | None = None) -> None:
        self._url = url
        self._client = client or build_http_client(base_url=aws_endpoint("sqs"), timeouts=_TIMEOUTS)

    async def send_batch(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        delay_seconds: int = 0,
        is_patient: bool = False,
    ) -> list[int]:
        """Places of those messages that the queue did not take; empty when it has them all.

        Takes two seconds at most, whatever the queue does.

        Wire: `POST /` with `X-Amz-Target: AmazonSQS.SendMessageBatch` and `{"QueueUrl","Entries":
        [{"Id","MessageBody","DelaySeconds"}]}`; of the answer `Failed` is used, whose `Id` is the
        place that was sent. Source: Amazon SQS API reference, SendMessageBatch, and "AWS JSON
        protocol", 2026.

        Args:
            messages: at most `BATCH_SIZE`.
            delay_seconds: at most `MAX_DELAY_SECONDS` count.
            is_patient: nobody waits, so that the queue may take fifteen seconds.

        Raises:
            QueueRefused, httpx.HTTPError, TimeoutError, ValueError: see `LOST`; none of them may
                have arrived.
        """
        delay = min(delay_seconds, MAX_DELAY_SECONDS)
        entries = [
            {"Id": str(place), "MessageBody": json.dumps(message), "DelaySeconds": delay}
            for place, message in enumerate(messages)
        ]
        body = json.dumps({"QueueUrl": self._url, "Entries": entries}).encode()
        request = aws_request("sqs", "AmazonSQS.SendMessageBatch", body, json_version="1.0")
        timeout = _PATIENT if is_patient else self._client.timeout
        post = partial(
            self._client.post,
            "/",
            content=request.body,
            headers=request.headers,
            timeout=timeout,
        )
        async with asyncio.timeout(_PATIENT_WHOLE_SECONDS if is_patient else _WHOLE_SECONDS):
            try:
                answer = await post()
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                # A connection that died while the container slept. A second message does no harm.
                answer = await post()
        return _failed(answer, len(entries))


def _failed(answer: httpx.Response, sent: int) -> list[int]:
    document: Any = answer.json() if answer.is_success else None
    if not isinstance(document, dict):
        raise QueueRefused
    try:
        failed = sorted({int(entry["Id"]) for entry in document.get("Failed") or []})
    except (TypeError, KeyError):
        raise QueueRefused from None
    if failed and not 0 <= failed[0] <= failed[-1] < sent:
        raise QueueRefused
    return failed
