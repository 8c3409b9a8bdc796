"""Messages to the consolidate job: "this person's memory wants tidying". Ids, never words."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import batched
from typing import Final

import httpx

from tandem import observability
from tandem.ids import AccountId
from tandem.sqs import BATCH_SIZE, LOST, SqsQueue

_ATTEMPTS: Final = 4
_PAUSE_SECONDS: Final = 0.2  # doubled each time
_AT_ONCE: Final = 10  # as many connections as the client keeps open

Message = Mapping[str, str | int]


class ConsolidationWake:
    """Sends messages to the consolidate job's queue.

    A message names a person, one per message, or the place from which the plan job's work is to go
    on. What is to be done stands in PostgreSQL: a message that comes twice does no harm, and one
    that is lost is made good by the next plan.

    Args:
        client: replaces the connection in tests.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        queue_url: str,
        client: httpx.AsyncClient | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._queue = SqsQueue(queue_url, client)
        self._sleep = sleep

    async def send(
        self, account_id: AccountId, *, continuation: int = 0, delay_seconds: int = 0
    ) -> bool:
        """True when the queue has the message. One attempt: a person may be waiting.

        The job goes on with whatever was left unfinished, so no run need be named.

        Args:
            continuation: how often the job has asked for more time for this person.
            delay_seconds: at most 900.
        """
        message: Message = {"account": str(account_id)}
        if continuation:
            message = {"account": str(account_id), "continuation": continuation}
        return not await self._send([message], attempts=1, delay_seconds=delay_seconds)

    async def send_all(self, account_ids: Sequence[AccountId]) -> int:
        """For how many of these people the queue may have no message; none but when it is away.

        Ten go in a call, ten calls side by side; what one call left out alone goes again. When
        several attempts have failed, the people who are left are not tried.
        """
        batches = batched(account_ids, BATCH_SIZE, strict=False)
        taken = 0
        is_away = False

        async def work() -> None:
            nonlocal taken, is_away
            for batch in batches:  # shared: whoever is free takes the next one
                if is_away:
                    return
                messages = [{"account": str(account_id)} for account_id in batch]
                left = await self._send(messages, attempts=_ATTEMPTS)
                taken += len(messages) - len(left)
                is_away = is_away or bool(left)

        async with asyncio.TaskGroup() as workers:
            for _ in range(_AT_ONCE):
                workers.create_task(work())
        return len(account_ids) - taken

    async def send_rest_of_plan(self, after: AccountId) -> bool:
        """True when the queue has the message that planning is to go on behind this account."""
        return not await self._send([{"plan_after": str(after)}], attempts=_ATTEMPTS)

    async def _send(
        self, messages: Sequence[Message], *, attempts: int, delay_seconds: int = 0
    ) -> Sequence[Message]:
        """Those that the queue did not take in so many attempts."""
        left = messages
        for attempt in range(attempts):
            if attempt:
                await self._sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
            error: BaseException | None = None
            try:
                places = await self._queue.send_batch(
                    left, delay_seconds=delay_seconds, is_patient=attempts > 1
                )
                left = [left[place] for place in places]
            except LOST as problem:
                error = problem
            if not left:
                return left
        described = observability.describe(error) if error else {}
        observability.warning("consolidation_wake_lost", messages=len(left), **described)
        observability.count("ConsolidationWakesLost", len(left))
        return left
