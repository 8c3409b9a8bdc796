"""The one path on which words reach the stores: owed → sent → ingested, in order, under a lease.

The ledger says what is owed; a wake-up only says where to look. Whatever happens in between, a
crash included, the next run finds the ledger as it was and goes on from there.
"""

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple, Protocol
from uuid import uuid4

from tandem import observability
from tandem.db.deliveries import Deliveries, Due, Lease, LeaseLost, ProviderId, Role, Words
from tandem.deadline import Deadline
from tandem.delivery.outcomes import had_no_effect, is_about_the_words, is_gone, is_held_back
from tandem.delivery.pace import Pace
from tandem.delivery.stores import Checked, Sent, StoreDelivery, Utterances
from tandem.delivery.wake import Wake
from tandem.errors import UpstreamError, UpstreamRejected
from tandem.ids import AccountId, SessionRowId, TurnId

MAX_INGESTIONS: Final = 5
"""How often words are given for ingestion before they count as refused."""

LONGEST_INGESTION_SECONDS: Final = 24 * 60 * 60.0
"""Words of which a store has said for so long that it isn't done with them have failed."""

_BUSY_SECONDS: Final = 2.0
_LONGEST_REST_SECONDS: Final = 300.0
_MARK_SECONDS: Final = 4.0
_FIRST_LOOK_SECONDS: Final = 0.25
_LATER: Final = 4  # each look costs a call of what the plan allows, and most come too early


@dataclass(slots=True)
class _Run:
    """One run for one session and store: what has happened so far.

    Attributes:
        held: how long the lease is surely ours; its owner's marks may have prolonged it.
        unclear_since: when a call was made, on the pace's clock, whose outcome is unknown; None
            when all is known.
        gave: words were given to the store since the last look.
        given, looked_for: turns whose words were given in this run; those of others that were
            still in ingestion.
    """

    lease: Lease
    store: StoreDelivery
    deadline: Deadline
    held: Deadline
    unclear_since: float | None
    gave: bool = False
    given: set[TurnId] = field(default_factory=set)
    looked_for: set[TurnId] = field(default_factory=set)


class _Again(NamedTuple):
    """When somebody has to come for a store again: after its rest, or to look."""

    seconds: float
    is_rest: bool = False


class _NoTimeLeft(Exception):
    """Another call might outlive the run."""


class _MayStillArrive(Exception):
    """What the store doesn't have may be on its way to it, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


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
        ends = await asyncio.gather(
            *(self._serve_and_wake(session_row, store, deadline) for store in self._stores),
            return_exceptions=True,
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _serve_and_wake(
        self, session_row: SessionRowId, store: StoreDelivery, deadline: Deadline
    ) -> None:
        again_seconds = await self._serve(session_row, store, deadline)
        if again_seconds is not None:
            delay = max(1, math.ceil(again_seconds))
            await self._wake.send(session_row, delay_seconds=delay)

    async def _serve(
        self, session_row: SessionRowId, store: StoreDelivery, deadline: Deadline
    ) -> float | None:
        """Seconds after which a wake-up has to come for this store, or None when none has to."""
        held = self._pace.timer(self._pace.lease_seconds)
        lease = await self._deliveries.lease(
            session_row, store.name, owner=uuid4(), seconds=self._pace.lease_seconds
        )
        if lease is None:
            nobody_comes = await self._deliveries.nobody_comes(
                session_row, store.name, within_seconds=_BUSY_SECONDS
            )
            return _BUSY_SECONDS if nobody_comes else None
        unclear_since = None
        if lease.unclear_seconds is not None:
            unclear_since = self._pace.clock() - lease.unclear_seconds
        run = _Run(lease, store, deadline, held, unclear_since)
        failures, again = 0, None
        try:
            again = await self._work(run)
        except _NoTimeLeft:
            again = _Again(_BUSY_SECONDS)
        except _MayStillArrive as doubt:
            failures, again = lease.failures, _Again(doubt.seconds, is_rest=True)
        except UpstreamError as error:
            observability.warning(
                "delivery_failed", session=str(session_row), **observability.describe(error)
            )
            failures, again = self._after(error, lease.failures)
        except LeaseLost:
            observability.warning("delivery_lease_lost", session=str(session_row), store=store.name)
            return _BUSY_SECONDS
        nobody_comes = await self._deliveries.release(
            lease,
            unclear_seconds=self._unclear_seconds(run),
            failures=failures,
            again_seconds=again.seconds if again else None,
            is_rest=again is not None and again.is_rest,
        )
        return again.seconds if again is not None and nobody_comes else None

    async def _work(self, run: _Run) -> _Again | None:
        """Sends and checks until nothing is left, or waiting longer isn't worth a running job."""
        polls, pause = self._pace.timer(self._pace.poll_seconds), _FIRST_LOOK_SECONDS
        while True:
            due = await self._deliveries.due(run.lease.session_row, run.store.name)
            await self._secure(run)
            due = await run.store.prepare(due)
            owed = list(_turns(words for words in due.words if words.state == "owed"))
            lacking = owed
            if run.unclear_since is not None:
                lacking = await self._look(run, due, owed)
            for turn in lacking:
                if not await self._send(run, due, turn):
                    break
            sent = list(_turns(words for words in due.words if words.state == "sent"))
            waiting = [turn for turn in sent if not await self._ingests(run, due, turn)]
            if not (owed or waiting):
                return None
            if owed or run.gave:
                run.gave, pause = False, _FIRST_LOOK_SECONDS
            else:
                waited = _waited_seconds(waiting)
                pause = max(pause * _LATER, _waited_seconds(waiting[-1:]))
                if pause > polls.left() or not run.given:
                    return _Again(min(max(waited, 5.0), _LONGEST_REST_SECONDS))
            await self._pace.sleep(pause)

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
        """Records what the store has after all; returns what it still lacks.

        Raises:
            _MayStillArrive: it doesn't have what was sent last, and may have it in a while.
        """
        await self._secure(run)
        found = await run.store.find(due, owed)
        lacking = []
        for turn in owed:
            sent = found.get(turn.turn_id)
            there: set[Role] = set()
            if sent is not None:
                # A message can be there alone: its turn was abandoned first and answered later.
                there = {name.role for name in sent.provider_ids} or set(turn.roles)
                await self._record(run, turn.only(there), sent)
            lacking.append(turn.only(set(turn.roles) - there))
        lacking = [turn for turn in lacking if turn.words]
        if found:
            run.unclear_since = None  # one call at most is ever in doubt
        elif lacking:
            self._be_sure(run)
        return lacking

    def _be_sure(self, run: _Run) -> None:
        """That nothing is on its way to the store any more that it doesn't have.

        Raises:
            _MayStillArrive: something may be.
        """
        seconds = self._pace.doubt_seconds - (self._unclear_seconds(run) or 0.0)
        if run.unclear_since is not None and seconds > 0:
            raise _MayStillArrive(seconds)
        run.unclear_since = None

    def _unclear_seconds(self, run: _Run) -> float | None:
        return None if run.unclear_since is None else self._pace.clock() - run.unclear_since

    async def _send(self, run: _Run, due: Due, turn: Utterances) -> bool:
        """False when nothing of this session is owed any more."""
        await self._secure(run)
        run.unclear_since = self._pace.clock()  # until we know better
        try:
            sent = await run.store.send(due, turn)
        except UpstreamError as error:
            if had_no_effect(error):
                run.unclear_since = None
            if not is_about_the_words(error):
                raise
            await self._refuse(run, turn)
            return True
        recorded = await self._record(run, turn, sent)
        run.unclear_since = None
        return recorded

    async def _ingests(self, run: _Run, due: Due, turn: Utterances) -> bool:
        """As `_check`, but what was given before this run is looked for only once in it."""
        if turn.turn_id in run.looked_for:
            return False
        done = await self._check(run, due, turn)
        if not done and turn.turn_id not in run.given:
            run.looked_for.add(turn.turn_id)
        return done

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
            if not (is_gone(error) or is_about_the_words(error)):
                raise
            return Checked("failed")
        if checked.state == "waiting" and _waited_seconds([turn]) > LONGEST_INGESTION_SECONDS:
            return Checked("failed")
        return checked

    async def _give_again(self, run: _Run, due: Due, turn: Utterances) -> None:
        """Gives the words for ingestion once more, unless an earlier attempt at that arrived.

        Raises:
            _MayStillArrive: it may in a while.
        """
        await self._secure(run)
        try:
            sent = await run.store.find_again(due, turn)
            if sent is None:
                self._be_sure(run)
                await self._secure(run)
                run.unclear_since = self._pace.clock()
                sent = await run.store.give_again(due, turn)
        except UpstreamError as error:
            if had_no_effect(error):
                run.unclear_since = None
            if not (is_gone(error) or is_about_the_words(error)):
                raise
            await self._refuse(run, turn)
            return
        await self._record(run, turn, sent)
        run.unclear_since = None

    async def _record(self, run: _Run, turn: Utterances, sent: Sent) -> bool:
        run.gave = True
        run.given.add(turn.turn_id)
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

    def _after(self, error: UpstreamError, failures: int) -> tuple[int, _Again]:
        """How often in a row the store has failed now, and when to come again."""
        failures += not is_held_back(error)
        rest_seconds = self._pace.rest_seconds(failures, error.retry_after_seconds)
        return failures, _Again(rest_seconds, is_rest=True)


def _turns(words: Iterable[Words]) -> Iterable[Utterances]:
    """Words, which come in order, gathered by turn."""
    for turn_id, theirs in groupby(words, key=lambda each: each.turn_id):
        yield Utterances(turn_id, list(theirs))


def _waited_seconds(turns: Sequence[Utterances]) -> float:
    """How long ago the first of these words were given to the store."""
    sent = [words.sent_at for turn in turns for words in turn.words if words.sent_at]
    return (datetime.now(UTC) - min(sent)).total_seconds() if sent else 0.0
