"""Wake-ups: "this session has work". They carry no message; the ledger is the truth."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from tandem import observability
from tandem.ids import SessionRowId

BATCH_SIZE = 10
"""What SQS takes in one SendMessageBatch."""

MAX_DELAY_SECONDS = 900
"""The longest delay that SQS takes."""


def sqs_client() -> Any:
    """A boto3 SQS client that gives up quickly: a lost wake-up is found by the sweep.

    boto3 is imported here because making its client costs a quarter of a second.
    """
    import boto3  # noqa: PLC0415 - see above
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "sqs",
        config=Config(connect_timeout=0.5, read_timeout=1.0, retries={"total_max_attempts": 1}),
    )


class Wake:
    """Sends wake-ups to the delivery job's queue.

    Args:
        client: makes the SQS client on first use, or returns one that exists.
    """

    def __init__(self, queue_url: str, client: Callable[[], Any] = sqs_client) -> None:
        self._queue_url = queue_url
        self._make_client = client
        self._client: Any = None

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool:
        """True when the queue has the wake-up.

        False is no error to anyone: what is owed stands in the ledger, and the sweep wakes the
        job for it within a minute or two.
        """
        return await self.send_all([session_row], delay_seconds=delay_seconds)

    async def send_all(
        self, session_rows: Sequence[SessionRowId], *, delay_seconds: int = 0
    ) -> bool:
        """True when the queue has a wake-up for each session; they go out ten at a time."""
        try:
            await asyncio.to_thread(self._send, session_rows, min(delay_seconds, MAX_DELAY_SECONDS))
        except Exception as error:  # whatever boto3 raises: the turn is already safe
            observability.warning("wake_up_lost", **observability.describe(error))
            observability.count("WakeUpsLost")
            return False
        return True

    def _send(self, session_rows: Sequence[SessionRowId], delay_seconds: int) -> None:
        if self._client is None:
            self._client = self._make_client()
        for start in range(0, len(session_rows), BATCH_SIZE):
            entries = [
                {
                    "Id": str(index),
                    "MessageBody": json.dumps({"session": str(session_row)}),
                    "DelaySeconds": delay_seconds,
                }
                for index, session_row in enumerate(session_rows[start : start + BATCH_SIZE])
            ]
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            if answer.get("Failed"):
                raise ConnectionError("the queue refused a wake-up")
