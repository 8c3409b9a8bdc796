"""A chat service between fakes of its protocols; Zep and Mem0 answer on their wire."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chat_api.changing import Carried, Found, Keep
from chat_api.service import ChatLimits, ChatService
from chat_api.toolbox import Toolbox
from chat_api.turn import Answer, Message, ModelReply, Prompt
from tandem.db.pending import Pending
from tandem.db.proposals import OpenConflict, OpenProposal
from tandem.db.turns import NewTurn, Reply, Turn, TurnLimits, TurnStatus
from tandem.deadline import Deadline
from tandem.ids import AccountId, LoginId, MessageId, SessionRowId, TurnId, ZepUuid
from tandem.principal import Principal
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem, ResolvedSource
from tests.functional.chat_wires import Stores

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = Principal(AccountId(UUID(int=1)), LoginId(UUID(int=2)))
GRAPH = ZepUuid(UUID(int=3))


def pending(message: str, minutes_ago: int = 1, number: int = 100) -> Pending:
    """Something that was said lately."""
    return Pending(
        TurnId(UUID(int=number)),
        "s1",
        MessageId(UUID(int=number + 1)),
        message,
        datetime.fromtimestamp(NOW.timestamp() - 60 * minutes_ago, UTC),
    )


class Ledger:
    """Remembers what it was asked and answers what the test wants."""

    def __init__(self) -> None:
        self.opened: list[NewTurn] = []
        self.committed: list[Reply] = []
        self.released: list[Turn] = []
        self.user_id: str | None = None
        self.changes: dict[str, Any] = {}
        self.open_error: Exception | None = None
        self.commit_outcome: list[ResolvedSource] | Exception | None = []
        self.release_error: Exception | None = None
        self.statuses: list[TurnStatus] = []
        self.asked_for: list[TurnId] = []

    async def open(
        self, principal: Principal, user_id: str | None, new: NewTurn, limits: TurnLimits
    ) -> Turn:
        assert (principal, user_id, limits.recent_turns) == (ADA, self.user_id, 3)
        self.opened.append(new)
        if self.open_error:
            raise self.open_error
        turn = Turn(
            outcome="opened",
            turn_id=new.turn_id,
            session_row=new.session_row,
            session_id=new.session_id,
            attempt=1,
            said_at=NOW,
            reply=None,
            answer={},
            recent=[],
            pending=[],
            zep_graph_uuid=GRAPH,
        )
        return replace(turn, **self.changes)

    async def commit(
        self, turn: Turn, account_id: AccountId, reply: Reply
    ) -> list[ResolvedSource] | None:
        assert (account_id, turn.attempt) == (ADA.account_id, 1)
        self.committed.append(reply)
        if isinstance(self.commit_outcome, Exception):
            raise self.commit_outcome
        return self.commit_outcome

    async def release(self, turn: Turn) -> None:
        self.released.append(turn)
        if self.release_error:
            raise self.release_error

    async def read(self, principal: Principal, turn_id: TurnId) -> TurnStatus:
        assert principal == ADA
        self.asked_for.append(turn_id)
        return self.statuses[min(len(self.asked_for), len(self.statuses)) - 1]


class Answerer:
    """Says one thing, or fails, or uses the tools first."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.boxes: list[Toolbox] = []
        self.seconds: list[float] = []
        self.outcome: str | Exception = "The reply."
        self.use_tools: Any = None
        self.away: Exception | None = None

    def check(self) -> None:
        if self.away:
            raise self.away

    async def answer(self, prompt: Prompt, toolbox: Toolbox, *, seconds: float) -> ModelReply:
        self.prompts.append(prompt)
        self.boxes.append(toolbox)
        self.seconds.append(seconds)
        if self.use_tools:
            await self.use_tools(toolbox)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return ModelReply(self.outcome, {"input_tokens": 5, "output_tokens": 3, "model_calls": 1})


class Changes:
    """Finds what the test put there, and notes what it was asked to change."""

    def __init__(self) -> None:
        self.items: list[RecalledItem] = []
        self.more = False
        self.outcome: Carried | Exception = "done"
        self.queries: list[str] = []
        self.changed: list[tuple[Any, ...]] = []

    async def find(
        self,
        person: Person,
        query: str,
        *,
        pending: Sequence[RecalledItem],
        deadline: Deadline,
    ) -> Found:
        self._expect(person, deadline)
        self.queries.append(query)
        return Found([*self.items, *pending], more=self.more)

    async def forget(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        self._expect(person, deadline)
        return self._note("forget", tuple(proposal.item_ids), turn_id)

    async def correct(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        self._expect(person, deadline)
        ids = tuple(proposal.item_ids)
        return self._note("correct", ids, proposal.replacement, turn_id)

    async def settle(
        self,
        person: Person,
        conflict: OpenConflict,
        keep: Keep,
        *,
        turn_id: TurnId,
        deadline: Deadline,
    ) -> Carried:
        self._expect(person, deadline)
        return self._note("settle", conflict.id, keep, turn_id)

    def _expect(self, person: Person, deadline: Deadline) -> None:
        assert person.account_id == ADA.account_id
        assert 0 < deadline.step(100) <= 9  # the model has to answer after it

    def _note(self, *change: Any) -> Carried:
        self.changed.append(change)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Wake:
    """A queue that may lose what it is given."""

    def __init__(self) -> None:
        self.woken: list[SessionRowId] = []
        self.works = True

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool:
        assert delay_seconds == 0
        self.woken.append(session_row)
        return self.works


@dataclass
class World:
    """The service and all that surrounds it. Ids count from 1,000; the clock stands still."""

    ledger: Ledger = field(default_factory=Ledger)
    stores: Stores = field(default_factory=Stores)
    answerer: Answerer = field(default_factory=Answerer)
    changes: Changes = field(default_factory=Changes)
    wake: Wake = field(default_factory=Wake)
    pauses: list[float] = field(default_factory=list)
    last_id: int = 999

    def service(self) -> ChatService:
        return ChatService(
            ledger=self.ledger,
            gather=self.stores.gather(),
            answerer=self.answerer,
            changes=self.changes,
            wake=self.wake,
            limits=ChatLimits(TurnLimits(30, 35.0, 3), retrieval_seconds=2.5, model_seconds=20.0),
            new_id=self._new_id,
            now=lambda: NOW,
            pause=self._pause,
        )

    def chat(
        self,
        text: str = "Where do I live?",
        *,
        seconds: float = 29.0,
        session_id: str | None = None,
        user_id: str | None = None,
        key: str | None = None,
    ) -> Answer:
        message = Message(text, session_id, user_id, key)
        self.ledger.user_id = user_id
        clock = Deadline(seconds, clock=lambda: 0.0)
        return asyncio.run(self.service().chat(ADA, message, clock))

    def _new_id(self) -> UUID:
        self.last_id += 1
        return UUID(int=self.last_id)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
