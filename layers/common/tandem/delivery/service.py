"""The one path on which words reach the stores: owed → sent → ingested, in order, under a lease.

The ledger says what is owed; a wake-up only says where to look. Whatever happens in between, a
crash included, the next run finds the ledger as it was and goes on from there.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple, Protocol
from uuid import uuid4

from tandem import observability
from tandem.db.deliveries import Deliveries, Due, Lease, LeaseLost, ProviderId, Words
from tandem.deadline import Deadline
from tandem.delivery.stores import Checked, Sent, StoreDelivery, Utterances
from tandem.delivery.wake import Wake
from tandem.errors import UpstreamError, UpstreamRejected
from tandem.ids import AccountId, SessionRowId

MAX_INGESTIONS: Final = 5
"""How often words are given for ingestion before they count as refused."""

REFUSALS: Final = frozenset({400, 413, 422, None})
"""Answers that are about the words themselves; None: the client knew and didn't even ask. A
thread that is gone (404) or busy (409) says nothing about them and is tried again."""

LONGEST_INGESTION_SECONDS: Final = 24 * 60 * 60.0
"""Words of which a store has said for so long that it isn't done with them have failed."""

_UNKNOWN_TO_STORE: Final = REFUSALS | {404}
_BUSY_SECONDS: Final = 2.0
_LONGEST_REST_SECONDS: Final = 300.0
_MARK_SECONDS: Final = 4.0
_FIRST_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, and what passes the time.

    Attributes:
        lease_seconds: of a lease, from the last time that it was prolonged.
        poll_seconds: how long a run waits for ingestion before it leaves.
        call_seconds: the longest that one method of a store takes.
        sleep, clock: wait, and monotonic seconds.
        random_share: a number in [0, 1), to spread repeated tries.
    """

    lease_seconds: float
    poll_seconds: float
    call_seconds: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    random_share: Callable[[], float] = random.random

    def timer(self, seconds: float) -> Deadline:
        """Runs out so many seconds from now."""
        return Deadline(seconds, clock=self.clock)


@dataclass(slots=True)
class _Run:
    """One run for one session and store: what has happened so far.

    Attributes:
        held: how long the lease is surely ours; its owner's marks may have prolonged it.
    """

    lease: Lease
    store: StoreDelivery
    deadline: Deadline
    held: Deadline
    unclear: bool


class _Again(NamedTuple):
    """When somebody has to come for a store again: after its rest, or to look."""

    seconds: float
    is_rest: bool = False


class _NoTimeLeft(Exception):
    """Another call might outlive the run."""


class Tidy(Protocol):
    """Tells the consolidate job whose memory wants tidying; see `tandem.changes.wake`."""

    async def send(self, account_id: AccountId) -> bool: ...


class Delivery:
    """Delivers what sessions owe.

    Args:
        stores: each is served on its own; one that fails doesn't hold up the other.
        tidy: is told when a store has ingested words of which something was forgotten since.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        stores: Sequence[StoreDelivery],
        wake: Wake,
        pace: Pace,
        *,
        tidy: Tidy | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._stores = stores
        self._wake = wake
        self._pace = pace
        self._tidy = tidy

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
        for seconds in _delays([wait for wait in waits if isinstance(wait, _Again)]):
            await self._wake.send(session_row, delay_seconds=seconds)
        for wait in waits:
            if isinstance(wait, BaseException):
                raise wait

    async def _serve(
        self, session_row: SessionRowId, store: StoreDelivery, deadline: Deadline
    ) -> _Again | None:
        """When to come again for this store, or None when nobody needs to."""
        held = self._pace.timer(self._pace.lease_seconds)
        lease = await self._deliveries.lease(
            session_row, store.name, owner=uuid4(), seconds=self._pace.lease_seconds
        )
        if lease is None:
            # Who gave the store its rest has sent a wake-up for its end. Who is at work may have
            # looked before there was what we came for.
            resting = await self._deliveries.is_resting(session_row, store.name)
            return None if resting else _Again(_BUSY_SECONDS)
        run = _Run(lease, store, deadline, held, unclear=lease.unclear)
        failures, rest, again = 0, 0.0, None
        try:
            again = await self._work(run)
        except _NoTimeLeft:
            again = _Again(_BUSY_SECONDS)
        except UpstreamError as error:
            observability.warning(
                "delivery_failed", session=str(session_row), **observability.describe(error)
            )
            failures = lease.failures + 1
            rest = self._rest_seconds(failures, error.retry_after_seconds)
            again = _Again(rest, is_rest=True)
        except LeaseLost:
            observability.warning("delivery_lease_lost", session=str(session_row), store=store.name)
            return _Again(_BUSY_SECONDS)
        await self._deliveries.release(
            lease, unclear=run.unclear, failures=failures, rest_seconds=rest
        )
        return again

    async def _work(self, run: _Run) -> _Again | None:
        """Sends and checks until nothing is left, or waiting longer isn't worth a running job."""
        polls, pause = self._pace.timer(self._pace.poll_seconds), _FIRST_LOOK_SECONDS
        while True:
            due = await self._deliveries.due(run.lease.session_row, run.store.name)
            await self._secure(run)
            due = await run.store.prepare(due)
            owed = list(_turns(words for words in due.words if words.state == "owed"))
            lacking = await self._look(run, due, owed) if run.unclear else owed
            for turn in lacking:
                if not await self._send(run, due, turn):
                    break
            sent = list(_turns(words for words in due.words if words.state == "sent"))
            waiting = [turn for turn in sent if not await self._check(run, due, turn)]
            if not (owed or waiting):
                return None
            if owed:
                continue
            if polls.left() <= 0:
                return _Again(min(max(_waited_seconds(waiting), 5.0), _LONGEST_REST_SECONDS))
            await self._pace.sleep(pause)
            pause *= 2

    async def _secure(self, run: _Run) -> None:
        """Before a store is called: the call will end before the run does and under our lease.

        Otherwise the next owner could send what we are still sending.

        Raises:
            LeaseLost: it is somebody else's already.
        """
        needed = self._pace.call_seconds + _MARK_SECONDS
        if run.deadline.left() < needed:
            raise _NoTimeLeft
        if run.held.left() < needed:
            held = self._pace.timer(run.lease.seconds)
            await self._deliveries.prolong(run.lease)
            run.held = held

    async def _look(self, run: _Run, due: Due, owed: Sequence[Utterances]) -> list[Utterances]:
        """Records what the store has after all; returns what it still lacks."""
        await self._secure(run)
        found = await run.store.find(due, owed)
        lacking = []
        for turn in owed:
            sent = found.get(turn.turn_id)
            # A message can be there alone: its turn was abandoned first and answered later.
            there = {name.role for name in sent.provider_ids} if sent is not None else set()
            if sent is not None:
                await self._record(run, turn.only(there), sent)
            lacking.append(turn.only(set(turn.roles) - there))
        run.unclear = False
        return [turn for turn in lacking if turn.words]

    async def _send(self, run: _Run, due: Due, turn: Utterances) -> bool:
        """False when nothing of this session is owed any more."""
        await self._secure(run)
        run.unclear = True  # until we know better
        try:
            sent = await run.store.send(due, turn)
        except UpstreamRejected as error:
            run.unclear = False
            if error.status not in REFUSALS:
                raise
            await self._refuse(run, turn)
            return True
        recorded = await self._record(run, turn, sent)
        run.unclear = False
        return recorded

    async def _check(self, run: _Run, due: Due, turn: Utterances) -> bool:
        """False when the turn's words need a further look."""
        await self._secure(run)
        checked = await self._state(run, due, turn)
        if checked.state == "waiting":
            return False
        if checked.state == "ingested":
            await self._ingested(run, turn, checked.provider_ids)
            return True
        observability.count("IngestionsFailed")
        if turn.words[0].ingestions >= MAX_INGESTIONS:
            await self._refuse(run, turn)
            return True
        await self._give_again(run, due, turn)
        return False

    async def _state(self, run: _Run, due: Due, turn: Utterances) -> Checked:
        try:
            checked = await run.store.check(due, turn)
        except UpstreamRejected as error:
            if error.status not in _UNKNOWN_TO_STORE:
                raise
            return Checked("failed")
        if checked.state == "waiting" and _waited_seconds([turn]) > LONGEST_INGESTION_SECONDS:
            return Checked("failed")
        return checked

    async def _give_again(self, run: _Run, due: Due, turn: Utterances) -> None:
        await self._secure(run)
        try:
            sent = await run.store.give_again(due, turn)
        except UpstreamRejected as error:
            if error.status not in _UNKNOWN_TO_STORE:
                raise
            await self._refuse(run, turn)
            return
        await self._record(run, turn, sent)

    async def _record(self, run: _Run, turn: Utterances, sent: Sent) -> bool:
        recorded = await self._deliveries.sent(
            run.lease,
            turn.turn_id,
            turn.roles,
            check_id=sent.check_id,
            provider_ids=sent.provider_ids,
        )
        if sent.ingested:
            await self._ingested(run, turn)
        return recorded

    async def _ingested(
        self, run: _Run, turn: Utterances, provider_ids: Sequence[ProviderId] = ()
    ) -> None:
        forgotten_by = await self._deliveries.finished(
            run.lease, turn.turn_id, turn.roles, state="ingested", provider_ids=provider_ids
        )
        # A message that is lost is made good by the next plan.
        if forgotten_by is not None and self._tidy is not None:
            await self._tidy.send(forgotten_by)

    async def _refuse(self, run: _Run, turn: Utterances) -> None:
        observability.error("delivery_refused", store=run.store.name, turn_id=str(turn.turn_id))
        observability.count("DeliveriesRefused")
        await self._deliveries.finished(run.lease, turn.turn_id, turn.roles, state="refused")

    def _rest_seconds(self, failures: int, retry_after_seconds: int | None) -> float:
        growing = min(2.0 ** min(failures, 10), _LONGEST_REST_SECONDS)
        spread = growing * (0.75 + self._pace.random_share() / 2)
        return max(spread, float(retry_after_seconds or 0))


def _turns(words: Iterable[Words]) -> Iterable[Utterances]:
    """Words, which come in order, gathered by turn."""
    for turn_id, theirs in groupby(words, key=lambda each: each.turn_id):
        yield Utterances(turn_id, list(theirs))


def _waited_seconds(turns: Sequence[Utterances]) -> float:
    """How long ago the first of these words were given to the store."""
    sent = [words.sent_at for turn in turns for words in turn.words if words.sent_at]
    return (datetime.now(UTC) - min(sent)).total_seconds() if sent else 0.0


def _delays(times: Sequence[_Again]) -> list[int]:
    """Whole seconds, at least one, after which to send the wake-ups that are needed.

    One for the end of each rest, which nobody else will send. Of several reasons to look, one, the
    soonest: any wake-up looks after both stores, so that two would be four by the next time.
    """
    rests = {max(1, math.ceil(again.seconds)) for again in times if again.is_rest}
    looks = [max(1, math.ceil(again.seconds)) for again in times if not again.is_rest]
    return sorted(rests | {min(looks)} if looks else rests)
