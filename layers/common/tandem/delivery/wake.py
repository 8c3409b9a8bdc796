"""Wake-ups: "this session has work". They carry no message; the ledger is the truth."""

import json
from collections.abc import Sequence
from typing import Any, Final

import httpx

from tandem import observability
from tandem.aws import aws_endpoint, aws_request
from tandem.clients.http import Timeouts, build_http_client
from tandem.ids import SessionRowId

BATCH_SIZE: Final = 10
"""What SQS takes in one SendMessageBatch."""

MAX_DELAY_SECONDS: Final = 900
"""The longest delay that SQS takes."""

# A lost wake-up is found by the sweep; a person who waits for one is not worth it.
_TIMEOUTS: Final = Timeouts(connect_seconds=0.5, read_seconds=1.0, write_seconds=0.5)


class WakeUpLost(Exception):
    """The queue didn't take a wake-up."""


class Wake:
    """Sends wake-ups to the delivery job's queue, over connections that stay open.

    boto3 would do, but its import and client cost as much time as all the rest of a small
    function (measured by `bench/cold_start.py`), so the one call is made here.

    Args:
        client: replaces the connection in tests.
    """

    def __init__(self, queue_url: str, client: httpx.AsyncClient | None = None) -> None:
        self._queue_url = queue_url
        self._client = client or build_http_client(base_url=aws_endpoint("sqs"), timeouts=_TIMEOUTS)

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool:
        """True when the queue has the wake-up.

        False is no error to anyone: what is owed stands in the ledger, and the sweep wakes the
        job for it within a minute or two.
        """
        return await self.send_all([session_row], delay_seconds=delay_seconds)

    async def send_all(
        self, session_rows: Sequence[SessionRowId], *, delay_seconds: int = 0
    ) -> bool:
        """True when the queue has a wake-up for each session; they go out ten at a time.

        Wire: `POST /` with `X-Amz-Target: AmazonSQS.SendMessageBatch` and `{"QueueUrl","Entries":
        [{"Id","MessageBody","DelaySeconds"}]}`; of the answer `Failed` is used. Source: Amazon SQS
        API reference, SendMessageBatch, and "AWS JSON protocol", 2026.
        """
        delay = min(delay_seconds, MAX_DELAY_SECONDS)
        try:
            for start in range(0, len(session_rows), BATCH_SIZE):
                await self._send_batch(session_rows[start : start + BATCH_SIZE], delay)
        except (WakeUpLost, httpx.HTTPError, ValueError) as error:
            observability.warning("wake_up_lost", **observability.describe(error))
            observability.count("WakeUpsLost")
            return False
        return True

    async def _send_batch(self, session_rows: Sequence[SessionRowId], delay_seconds: int) -> None:
        entries = [
            {
                "Id": str(index),
                "MessageBody": json.dumps({"session": str(session_row)}),
                "DelaySeconds": delay_seconds,
            }
            for index, session_row in enumerate(session_rows)
        ]
        body = json.dumps({"QueueUrl": self._queue_url, "Entries": entries}).encode()
        request = aws_request("sqs", "AmazonSQS.SendMessageBatch", body, json_version="1.0")
        try:
            answer = await self._client.post("/", content=request.body, headers=request.headers)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            # A connection that died while the container slept. A second wake-up would do no harm.
            answer = await self._client.post("/", content=request.body, headers=request.headers)
        document: Any = answer.json() if answer.is_success else None
        if not isinstance(document, dict) or document.get("Failed"):
            raise WakeUpLost
