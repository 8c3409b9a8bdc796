"""One turn of chat, from top to bottom."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from chat_api.changing import MemoryChanges
from chat_api.course import choose_course
from chat_api.exchange import Exchange
from chat_api.toolbox import Toolbox
from chat_api.turn import Answer, Message, ModelReply, Prompt, answer_of
from tandem import observability
from tandem.db.turns import NewTurn, Reply, Turn, TurnLimits, TurnStatus
from tandem.deadline import Deadline
from tandem.errors import AppError, Conflict, Unavailable, UpstreamError
from tandem.ids import AccountId, MessageId, SessionRowId, TurnId
from tandem.principal import Principal
from tandem.recall.beside import Beside
from tandem.recall.gather import Gather, Person
from tandem.recall.items import ResolvedSource

_PAUSES_SECONDS: Final = (0.3, 0.6, 1.2)
_RETRY_AFTER_SECONDS: Final = 2
# What each of them takes at most, and the time to answer.
_WAKE_SECONDS: Final = 2.3
_RELEASE_SECONDS: Final = 3.3


class Ledger(Protocol):
    """The ledger of turns; see `tandem.db.turns.Turns`."""

    async def open(
        self, principal: Principal, user_id: str | None, new: NewTurn, limits: TurnLimits
    ) -> Turn: ...
    async def commit(
        self, turn: Turn, account_id: AccountId, reply: Reply
    ) -> list[ResolvedSource] | None: ...
    async def release(self, turn: Turn) -> None: ...
    async def read(self, principal: Principal, turn_id: TurnId) -> TurnStatus: ...


class Answerer(Protocol):
    """The model behind its gate; see `chat_api.answering.Answering`."""

    def check(self) -> None: ...
    async def answer(self, prompt: Prompt, toolbox: Toolbox, *, seconds: float) -> ModelReply: ...


class WakeUp(Protocol):
    """Tells the delivery job where there is work; see `tandem.delivery.wake.Wake`."""

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool: ...


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """Limits of a turn; each step gets the smaller of its own and what is left of the whole."""

    turn: TurnLimits
    retrieval_seconds: float
    model_seconds: float


@dataclass(frozen=True, slots=True)
class ChatService:
    """Answers messages. Everything it works with is handed to it."""

    ledger: Ledger
    gather: Gather
    answerer: Answerer
    changes: MemoryChanges
    wake: WakeUp
    limits: ChatLimits
    new_id: Callable[[], UUID] = uuid4
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def chat(self, caller: Principal, message: Message, deadline: Deadline) -> Answer:
        """The answer to a message: recall, ask, commit, wake the delivery job.

        Raises:
            AppError: any of them. Once the turn is open, or may be, the error's context has its
                `turn_id`, which works as the key of a retry.
        """
        new = self._new_turn(message)
        try:
            turn = await self.ledger.open(caller, message.user_id, new, self.limits.turn)
        except Unavailable as error:  # it may have been opened all the same
            if message.idempotency_key is None:
                error.context["turn_id"] = str(new.turn_id)
            raise
        observability.note(turn_id=turn.turn_id, session=turn.session_row)
        if turn.outcome != "opened":
            return await self._earlier_answer(caller, turn)
        try:
            return await self._answer(caller, turn, message.text, deadline)
        except AppError as error:
            error.context["turn_id"] = str(turn.turn_id)
            if isinstance(error, UpstreamError) and error.retry_after_seconds is None:
                error.retry_after_seconds = _RETRY_AFTER_SECONDS
            await self._release(turn, deadline)
            raise

    async def turn(self, caller: Principal, turn_id: TurnId) -> tuple[TurnStatus, Answer | None]:
        """One of the caller's turns, how far its words have come, and its answer if it has one."""
        status = await self.ledger.read(caller, turn_id)
        return status, _answer_in(status)

    async def _answer(
        self, caller: Principal, turn: Turn, message: str, deadline: Deadline
    ) -> Answer:
        self.answerer.check()
        exchange = Exchange(
            course=choose_course(turn.awaiting, message),
            turn=turn,
            person=Person(caller.account_id, turn.zep_graph_uuid, turn.hidden),
            message=message,
            deadline=deadline,
            gather=self.gather,
            changes=self.changes,
            retrieval_seconds=self.limits.retrieval_seconds,
            now=self.now(),
        )
        decided = await exchange.decide()
        async with Beside() as beside:
            given = await exchange.recall(decided, beside)
            toolbox = exchange.toolbox(given)
            said = await self.answerer.answer(
                exchange.prompt(given), toolbox, seconds=deadline.step(self.limits.model_seconds)
            )
        reply = exchange.reply(said, given, toolbox)
        sources = await self.ledger.commit(turn, caller.account_id, reply)
        if sources is None or turn.session_row is None:
            raise _in_progress(turn)
        if deadline.left() > _WAKE_SECONDS:  # else the answer goes first; the sweep will see to it
            await self.wake.send(turn.session_row)
        _count(toolbox.degraded)
        return answer_of(turn.turn_id, turn.session_id, reply.text, reply.facts, sources)

    def _new_turn(self, message: Message) -> NewTurn:
        turn_id = TurnId(self.new_id())
        return NewTurn(
            turn_id=turn_id,
            session_row=SessionRowId(self.new_id()),
            session_id=message.session_id or f"s-{self.new_id().hex}",
            given_session=message.session_id,
            key=message.idempotency_key or str(turn_id),
            request_hash=hashlib.sha256(message.text.encode()).digest(),
            user_message_id=MessageId(self.new_id()),
            assistant_message_id=MessageId(self.new_id()),
            message=message.text,
        )

    async def _earlier_answer(self, caller: Principal, turn: Turn) -> Answer:
        """What this key's turn was answered; waits a little if somebody is at it."""
        if turn.outcome == "answered" and turn.reply is not None:
            return answer_of(turn.turn_id, turn.session_id, turn.reply, turn.answer)
        for seconds in _PAUSES_SECONDS:
            await self.pause(seconds)
            _, answer = await self.turn(caller, turn.turn_id)
            if answer is not None:
                return answer
        raise _in_progress(turn)

    async def _release(self, turn: Turn, deadline: Deadline) -> None:
        if deadline.left() < _RELEASE_SECONDS:
            return  # the lease ends by itself, and the error must still get out
        try:
            await self.ledger.release(turn)
        except AppError as error:  # the lease ends by itself; the first error is the one to tell
            observability.note(release=error.code)


def _answer_in(status: TurnStatus) -> Answer | None:
    if status.state != "answered" or status.reply is None:
        return None
    return answer_of(status.turn_id, status.session_id, status.reply, status.answer)


def _in_progress(turn: Turn) -> Conflict:
    error = Conflict(
        "This turn is being answered right now. Ask again with the same key.",
        code="turn_in_progress",
        turn_id=str(turn.turn_id),
    )
    error.retry_after_seconds = _RETRY_AFTER_SECONDS
    return error


def _count(degraded: set[str]) -> None:
    observability.count("TurnsAnswered")
    observability.count("TurnsDegraded", int(bool(degraded)))
    if degraded:
        observability.warning("turn_degraded", missing=",".join(sorted(degraded)))
