"""The rules of remembering, correcting and forgetting at a person's request."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from memory_api.changing.tokens import ForgetTokens
from memory_api.changing.wanted import Remember
from tandem import observability
from tandem.changes.correcting import Correcting, Correction, Target
from tandem.changes.forget_search import ForgetSearch, Forgettable
from tandem.changes.forgetting import Forgetting, Forgotten, Wish
from tandem.db.deliveries import StoreName
from tandem.db.memory import Looked
from tandem.db.statements import NewStatement, Stated
from tandem.deadline import Deadline
from tandem.errors import Conflict, InvalidInput, NotFound, Unavailable, UpstreamError
from tandem.ids import AccountId, MessageId, SessionRowId, TurnId
from tandem.principal import Principal
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem, Source
from tandem.recall.stores import MAX_STATEMENT, clean, pending_item

SESSION: Final = "memory"
"""The session in which statements stand that name none."""

_CLOCKS_APART: Final = timedelta(minutes=1)
_RETRY_AFTER_SECONDS: Final = 5
_WAKE_SECONDS: Final = 2.5
_FINISHED_LATER_SECONDS: Final = 90


class Ledger(Protocol):
    """What is needed of the ledger; see `tandem.db.memory.MemoryLedger`."""

    async def look(self, principal: Principal, *, user_id: str | None = ...) -> Looked: ...


class Statements(Protocol):
    """Where statements are kept; see `tandem.db.statements.Statements`."""

    async def state(
        self,
        principal: Principal,
        user_id: str | None,
        new: NewStatement,
        *,
        turns_per_minute: int,
    ) -> Stated: ...


class WakeUp(Protocol):
    """Tells the delivery job where there is work; see `tandem.delivery.wake.Wake`."""

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = ...) -> bool: ...


class Tidy(Protocol):
    """Has the job finish what was left; see `tandem.changes.wake.ConsolidationWake`."""

    async def send(self, account_id: AccountId, *, delay_seconds: int = ...) -> bool: ...


@dataclass(frozen=True, slots=True)
class Proposed:
    """What would be forgotten, and the token that confirms it; without any item there is none."""

    found: Forgettable
    token: str | None
    expires_at: datetime | None


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Changing:
    """Changes one's memory.

    Args:
        turns_per_minute: statements and turns of chat together.
        retrieval_seconds: how long a store may take to answer a search.
    """

    ledger: Ledger
    statements: Statements
    wake: WakeUp
    tidy: Tidy
    correcting: Correcting
    forgetting: Forgetting
    search: ForgetSearch
    tokens: ForgetTokens
    turns_per_minute: int
    retrieval_seconds: float
    new_id: Callable[[], UUID] = uuid4
    now: Callable[[], datetime] = field(default=_utc_now)

    async def remember(self, principal: Principal, wanted: Remember) -> RecalledItem:
        """The statement as it is remembered from now on: pending until the stores have it.

        Raises:
            InvalidInput: `said_in_future`.
            Unauthenticated, Forbidden, RateLimited, Conflict, Unavailable: as `Statements.state`.
        """
        if wanted.said_at is not None and wanted.said_at > self.now() + _CLOCKS_APART:
            raise InvalidInput("Nothing can have been said in the future.", code="said_in_future")
        asked = [wanted.statement, wanted.session_id, str(wanted.said_at)]
        new = self._statement(
            wanted.statement,
            request_hash=_digest("statement", *asked),
            key=wanted.idempotency_key,
            session_id=wanted.session_id or SESSION,
            said_at=wanted.said_at,
        )
        stated = await self._state(principal, wanted.user_id, new)
        return _pending(stated, wanted.statement)

    async def correct(
        self, principal: Principal, item_id: str, text: str, deadline: Deadline
    ) -> RecalledItem:
        """The item as it reads from now on.

        The correction is a statement of the person's: Zep hears it like any other; the memory is
        rewritten, or where there was none, made of it. Facts that said the old are ended. The same
        request again goes on where one that failed has stopped.

        Raises:
            NotFound: `memory_not_found`, also when it is somebody else's.
            Conflict: `still_pending`, no store has it yet.
            Unavailable: `unfinished`; the database is away.
            UpstreamError: a store doesn't answer.
        """
        looked = await self.ledger.look(principal)
        person = _person(principal, looked)
        if item_id in {f"said_{said.turn_id}" for said in looked.pending}:
            raise _still_pending()
        target = await self.correcting.target(person, item_id, deadline)
        if target is None:
            raise _not_found()
        if target.memory is not None and target.text == text and target.rests_on is not None:
            # It reads so already. Maybe the facts were not reached the first time.
            await self.correcting.resume(person, target.rests_on, text, deadline)
            return _corrected(target, text, None)
        stores: Sequence[StoreName] = ("zep",) if target.memory else ("zep", "mem0")
        request = _digest("correct", target.id, str(target.rests_on), target.text, text)
        new = self._statement(
            text,
            request_hash=request,
            key=f"correct:{request.hex()}",
            session_id=SESSION,
            stores=stores,
        )
        stated = await self._state(principal, None, new)
        correction = Correction(text, stated.turn_id, stated.said_at)
        async with self._or_finished_later(principal, deadline):
            await self.correcting.carry_out(person, target, correction, deadline)
        return _corrected(target, text, stated)

    async def would_forget(
        self, principal: Principal, query: str, *, user_id: str | None = None
    ) -> Proposed:
        """What fits the query and would go, and the token that makes it go.

        Raises:
            Unauthenticated, Forbidden, Unavailable: as `MemoryLedger.look`.
            UpstreamError: a store doesn't answer.
        """
        looked = await self.ledger.look(principal, user_id=user_id)
        pending = [
            pending_item(said.turn_id, said.message_id, said.session_id, said.message, said.said_at)
            for said in reversed(looked.pending)
        ]
        found = await self.search.find(
            _person(principal, looked), query, pending=pending, seconds=self.retrieval_seconds
        )
        if not found.items:
            return Proposed(found, None, None)
        token, until = self.tokens.issue(principal.account_id, [item.id for item in found.items])
        return Proposed(found, token, until)

    async def forget(
        self, principal: Principal, token: str, deadline: Deadline, *, user_id: str | None = None
    ) -> Forgotten:
        """Forgets what the token stands for; the same token again gives the same answer.

        Raises:
            InvalidInput: `invalid_token`.
            Unavailable: `unfinished`; the database is away.
            UpstreamError: a store doesn't answer.
        """
        looked = await self.ledger.look(principal, user_id=user_id)
        wish = Wish(self.tokens.read(principal.account_id, token))
        async with self._or_finished_later(principal, deadline):
            return await self.forgetting.forget(_person(principal, looked), wish, deadline)

    async def forget_one(self, principal: Principal, item_id: str, deadline: Deadline) -> None:
        """Forgets one item at once.

        Raises:
            NotFound: `memory_not_found`, also when it is somebody else's.
            Unavailable, UpstreamError: as `forget`.
        """
        looked = await self.ledger.look(principal)
        wish = Wish([item_id])
        async with self._or_finished_later(principal, deadline):
            done = await self.forgetting.forget(_person(principal, looked), wish, deadline)
        if not done.known:
            raise _not_found()

    @asynccontextmanager
    async def _or_finished_later(
        self, principal: Principal, deadline: Deadline
    ) -> AsyncIterator[None]:
        """What breaks off is finished by the job, should the caller not come again."""
        try:
            yield
        except (Unavailable, UpstreamError):
            if deadline.left() > _WAKE_SECONDS:  # else the answer goes first; the next plan sees it
                await self.tidy.send(principal.account_id, delay_seconds=_FINISHED_LATER_SECONDS)
            raise

    def _statement(
        self,
        text: str,
        *,
        request_hash: bytes,
        key: str | None,
        session_id: str,
        said_at: datetime | None = None,
        stores: Sequence[StoreName] = ("zep", "mem0"),
    ) -> NewStatement:
        turn_id = TurnId(self.new_id())
        return NewStatement(
            turn_id=turn_id,
            session_row=SessionRowId(self.new_id()),
            session_id=session_id,
            key=key or str(turn_id),
            request_hash=request_hash,
            user_message_id=MessageId(self.new_id()),
            assistant_message_id=MessageId(self.new_id()),
            message=text,
            said_at=said_at,
            stores=stores,
        )

    async def _state(self, principal: Principal, user_id: str | None, new: NewStatement) -> Stated:
        stated = await self.statements.state(
            principal, user_id, new, turns_per_minute=self.turns_per_minute
        )
        observability.note(turn_id=stated.turn_id, session=stated.session_row)
        await self.wake.send(stated.session_row)
        return stated


def _person(principal: Principal, looked: Looked) -> Person:
    return Person(principal.account_id, looked.zep_graph_uuid, looked.hidden)


def _pending(stated: Stated, text: str) -> RecalledItem:
    return pending_item(stated.turn_id, stated.message_id, stated.session_id, text, stated.said_at)


def _corrected(target: Target, text: str, stated: Stated | None) -> RecalledItem:
    """The memory with its new text; where there was none, what is to become one."""
    if target.memory is None and stated is not None:
        return _pending(stated, text)
    source: tuple[Source, ...] = ()
    if stated is not None:
        source = (
            Source(
                session_id=stated.session_id,
                message_id=stated.message_id,
                turn_id=stated.turn_id,
            ),
        )
    return RecalledItem(
        id=target.id,
        store="mem0",
        kind="memory",
        text=clean(text, MAX_STATEMENT),
        last_confirmed_at=stated.said_at if stated is not None else None,
        source=source,
    )


def _digest(*parts: str | None) -> bytes:
    """Tells one request from another, and a statement's from a message's in chat."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _not_found() -> NotFound:
    return NotFound("There is no such memory.", code="memory_not_found")


def _still_pending() -> Conflict:
    error = Conflict("The memories don't have this yet. Try again shortly.", code="still_pending")
    error.retry_after_seconds = _RETRY_AFTER_SECONDS
    return error
