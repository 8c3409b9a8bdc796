"""The one path on which words reach the stores: owed → sent → ingested, in order, under a lease.

The ledger says what is owed; a wake-up only says where to look. Whatever happens in between, a
crash included, the next run finds the ledger as it was and goes on from there.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final
from uuid import uuid4

from tandem import observability
from tandem.db.deliveries import Deliveries, Due, Lease, LeaseLost, Words
from tandem.deadline import Deadline
from tandem.delivery.stores import Sent, StoreDelivery, Utterances
from tandem.delivery.wake import Wake
from tandem.errors import UpstreamError, UpstreamRejected
from tandem.ids import SessionRowId

MAX_INGESTIONS: Final = 5
"""How often words are given for ingestion before they count as refused."""

REFUSALS: Final = frozenset({400, 413, 422, None})
"""Answers that are about the words themselves; None: the client knew and didn't even ask. A
thread that is gone (404) or busy (409) says nothing about them and is tried again."""

_BUSY_SECONDS: Final = 2.0
_LONGEST_REST_SECONDS: Final = 300.0
_STOP_BEFORE_SECONDS: Final = 12.0
_FIRST_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a lease lasts and how long a run waits for ingestion before it leaves."""

    lease_seconds: float
    poll_seconds: float


@dataclass(slots=True)
class _Run:
    """One run for one session and store: what has happened so far."""

    lease: Lease
    store: StoreDelivery
    unclear: bool
    failures: int


class Delivery:
    """Delivers what sessions owe.

    Args:
        stores: each is served on its own; one that fails doesn't hold up the other.
        random_share: a number in [0, 1), to spread repeated tries.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        stores: Sequence[StoreDelivery],
        wake: Wake,
        pace: Pace,
        *,
        random_share: Callable[[], float] = random.random,
    ) -> None:
        self._deliveries = deliveries
        self._stores = stores
        self._wake = wake
        self._pace = pace
        self._random_share = random_share

    async def deliver(self, session_row: SessionRowId, deadline: Deadline) -> None:
        """Delivers as much as can be now, and asks to be woken for the rest.

        Raises:
            Unavailable: the database is away; the wake-up has to come again.
        """
        if not await self._deliveries.settle(session_row):
            return
        # Each store to its end, whatever befalls the other one.
        waits = await asyncio.gather(
            *(self._serve(session_row, store, deadline) for store in self._stores),
            return_exceptions=True,
        )
        for wait in waits:
            if isinstance(wait, BaseException):
                raise wait
        again = [wait for wait in waits if isinstance(wait, float)]
        if again:
            await self._wake.send(session_row, delay_seconds=max(1, round(min(again))))

    async def _serve(
        self, session_row: SessionRowId, store: StoreDelivery, deadline: Deadline
    ) -> float | None:
        """Seconds after which to come again for this store, or None when all is done."""
        lease = await self._deliveries.lease(
            session_row, store.name, owner=uuid4(), seconds=self._pace.lease_seconds
        )
        if lease is None:
            leased, resting = await self._deliveries.wait_seconds(session_row, store.name)
            return resting if resting > 0 else min(max(leased, 1.0), _BUSY_SECONDS)
        run = _Run(lease, store, unclear=lease.unclear, failures=lease.failures)
        rest, wait = 0.0, None
        try:
            wait = await self._work(run, deadline)
            run.failures = 0
        except UpstreamError as error:
            observability.warning("delivery_failed", **observability.describe(error))
            run.failures += 1
            rest = wait = self._rest_seconds(run.failures, error.retry_after_seconds)
        except LeaseLost:
            observability.warning("delivery_lease_lost", store=store.name)
            return _BUSY_SECONDS
        await self._deliveries.release(
            lease, unclear=run.unclear, failures=run.failures, rest_seconds=rest
        )
        return wait

    async def _work(self, run: _Run, deadline: Deadline) -> float | None:
        """Sends and checks until nothing is left, or waiting longer isn't worth a running job."""
        polls = Deadline(self._pace.poll_seconds)
        pause = _FIRST_LOOK_SECONDS
        while True:
            due = await self._deliveries.due(run.lease.session_row, run.store.name)
            due = await run.store.prepare(due)
            owed = list(_turns(words for words in due.words if words.state == "owed"))
            if run.unclear:
                owed = await self._look(run, due, owed)
            for turn in owed:
                if deadline.left() < _STOP_BEFORE_SECONDS:
                    return _BUSY_SECONDS
                await self._send(run, due, turn)
            sent = list(_turns(words for words in due.words if words.state == "sent"))
            waiting = [turn for turn in sent if not await self._check(run, due, turn)]
            if not (owed or waiting):
                return None
            if polls.left() <= 0 or deadline.left() < _STOP_BEFORE_SECONDS:
                return _patience(waiting)
            if not owed:
                await asyncio.sleep(pause)
                pause *= 2

    async def _look(self, run: _Run, due: Due, owed: Sequence[Utterances]) -> list[Utterances]:
        """Records what the store has after all; returns what it still lacks."""
        found = await run.store.find(due, owed)
        for turn in owed:
            if turn.turn_id in found:
                await self._record(run, turn, found[turn.turn_id])
        run.unclear = False
        return [turn for turn in owed if turn.turn_id not in found]

    async def _send(self, run: _Run, due: Due, turn: Utterances) -> None:
        run.unclear = True  # until we know better: a crash from here on leaves it standing
        try:
            sent = await run.store.send(due, turn)
        except UpstreamRejected as error:
            run.unclear = False
            if error.status not in REFUSALS:
                raise
            await self._refuse(run, turn)
            return
        await self._record(run, turn, sent)
        run.unclear = False

    async def _check(self, run: _Run, due: Due, turn: Utterances) -> bool:
        """True when the turn's words need no further look."""
        checked = await run.store.check(due, turn)
        if checked.state == "waiting":
            return False
        if checked.state == "ingested":
            await self._deliveries.finished(
                run.lease,
                turn.turn_id,
                turn.roles,
                state="ingested",
                provider_ids=checked.provider_ids,
            )
            return True
        observability.count("IngestionsFailed")
        if turn.words[0].ingestions >= MAX_INGESTIONS:
            await self._refuse(run, turn)
            return True
        await self._record(run, turn, await run.store.give_again(due, turn))
        return False

    async def _record(self, run: _Run, turn: Utterances, sent: Sent) -> None:
        await self._deliveries.sent(
            run.lease,
            turn.turn_id,
            turn.roles,
            check_id=sent.check_id,
            provider_ids=sent.provider_ids,
        )
        if sent.ingested:
            await self._deliveries.finished(run.lease, turn.turn_id, turn.roles, state="ingested")

    async def _refuse(self, run: _Run, turn: Utterances) -> None:
        observability.error("delivery_refused", store=run.store.name, turn_id=str(turn.turn_id))
        observability.count("DeliveriesRefused")
        await self._deliveries.finished(run.lease, turn.turn_id, turn.roles, state="refused")

    def _rest_seconds(self, failures: int, retry_after_seconds: int | None) -> float:
        growing = min(2.0 ** min(failures, 10), _LONGEST_REST_SECONDS)
        spread = growing * (0.75 + self._random_share() / 2)
        return max(spread, float(retry_after_seconds or 0))


def _turns(words: Iterable[Words]) -> Iterable[Utterances]:
    """Words, which come in order, gathered by turn."""
    for turn_id, theirs in groupby(words, key=lambda each: each.turn_id):
        yield Utterances(turn_id, list(theirs))


def _patience(waiting: Sequence[Utterances]) -> float:
    """Seconds until the next look: the longer it has taken, the longer the wait."""
    sent = [words.sent_at for turn in waiting for words in turn.words if words.sent_at]
    age = (datetime.now(UTC) - min(sent)).total_seconds() if sent else 0.0
    return min(max(age, 5.0), _LONGEST_REST_SECONDS)
