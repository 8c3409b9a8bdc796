"""People and turns in a real ledger, for the tests of `tandem.db.turns`."""

import hashlib
from typing import Any
from uuid import uuid4

from tandem.db.connection import Database
from tandem.db.turns import NewTurn, Reply, Turn, TurnLimits, Turns
from tandem.ids import MessageId, SessionRowId, TurnId
from tandem.recall.items import Draft
from tandem.settings import DatabaseSettings
from tests.integration.people import Person

GENEROUS = TurnLimits(turns_per_minute=1_000, lease_seconds=35.0, recent_turns=3)
FACTS = {"route": "converse", "usage": {"input_tokens": 7}, "degraded": [], "recalled": []}


def new_turn(
    message: str, *, key: str | None = None, session: str | None = None, label: str | None = None
) -> NewTurn:
    """A turn as the chat service proposes it; `session` is what the client named."""
    turn_id = TurnId(uuid4())
    return NewTurn(
        turn_id=turn_id,
        session_row=SessionRowId(uuid4()),
        session_id=session or label or f"s-{uuid4().hex}",
        given_session=session,
        key=key or str(turn_id),
        request_hash=hashlib.sha256(message.encode()).digest(),
        user_message_id=MessageId(uuid4()),
        assistant_message_id=MessageId(uuid4()),
        message=message,
    )


def database_at(url: str) -> Database:
    """A connection of its own, as another container has one."""
    return Database(lambda: url, DatabaseSettings(database_statement_seconds=30))


class Someone(Person):
    """A person who says things."""

    async def open(
        self, turns: Turns, new: NewTurn, limits: TurnLimits = GENEROUS, user_id: str | None = None
    ) -> Turn:
        return await turns.open(self.principal, user_id, new, limits)

    async def commit(self, turns: Turns, turn: Turn, text: str = "a reply", *drafts: Draft) -> Any:
        return await turns.commit(
            turn, self.account_id, Reply(text=text, facts=FACTS, drafts=drafts)
        )

    async def say(self, turns: Turns, message: str, session: str = "s1") -> Turn:
        """A whole turn."""
        turn = await self.open(turns, new_turn(message, session=session))
        assert await self.commit(turns, turn, f"reply to {message}") is not None
        return turn

    def turns(self) -> list[list[Any]]:
        return self.rows("turns", "seq, state, attempt, message", "session_row, seq")

    def owed(self) -> list[list[Any]]:
        return self.rows("deliveries", "seq, store, role, state", "seq, store, role")
