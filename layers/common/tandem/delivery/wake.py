"""Wake-ups: "this session has work". They carry no message; the ledger is the truth."""

from collections.abc import Sequence

import httpx

from tandem import observability
from tandem.ids import SessionRowId
from tandem.sqs import BATCH_SIZE, LOST, QueueRefused, SqsQueue


class Wake:
    """Sends wake-ups to the delivery job's queue.

    Args:
        client: replaces the connection in tests.
    """

    def __init__(self, queue_url: str, client: httpx.AsyncClient | None = None) -> None:
        self._queue = SqsQueue(queue_url, client)

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
        messages = [{"session": str(session_row)} for session_row in session_rows]
        try:
            for start in range(0, len(messages), BATCH_SIZE):
                batch = messages[start : start + BATCH_SIZE]
                if await self._queue.send_batch(batch, delay_seconds=delay_seconds):
                    raise QueueRefused
        except LOST as error:
            observability.warning("wake_up_lost", **observability.describe(error))
            observability.count("WakeUpsLost")
            return False
        return True
