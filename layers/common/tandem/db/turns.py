"""The ledger of turns: opened in one statement, committed in one statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from tandem.clients.budget import Tallies
from tandem.db import turn_statements as statements
from tandem.db.caller import admit, identity
from tandem.db.connection import Database, Row
from tandem.db.hidden_listed import parse_hidden
from tandem.db.pending import Pending, parse_pending
from tandem.db.proposals import Awaiting, Effects, parameters_of_effects, parse_awaiting
from tandem.db.rate_budgets import Rates, parse_rates, telling
from tandem.db.said_lately import SAID_LIMIT, parse_said_lately
from tandem.db.sessions import session_not_found
from tandem.db.sources import parameters_of, parse_resolved
from tandem.errors import Conflict, NotFound, Provider, RateLimited
from tandem.ids import AccountId, Mem0Id, MessageId, SessionRowId, TurnId, ZepUuid
from tandem.principal import Principal
from tandem.recall.items import Draft, ResolvedSource
from tandem.recall.source_sentences import Utterance

KEY_HOURS = 24
_ASKED: Final[tuple[Provider, ...]] = ("zep", "mem0", "gemini")
Outcome = Literal["opened", "answered", "in_progress"]


@dataclass(frozen=True, slots=True)
class NewTurn:
    """What opening a turn needs. Every id is proposed here, so that the statement can be sent
    again when its answer is lost.

    Attributes:
        session_id: the session's label; made by us when the client named none.
        given_session: the label the client named, or None.
        key: the Idempotency-Key, or the turn's own id.
    """

    turn_id: TurnId
    session_row: SessionRowId
    session_id: str
    given_session: str | None
    key: str
    request_hash: bytes
    user_message_id: MessageId
    assistant_message_id: MessageId
    message: str


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """How a turn is opened: the rate, the lease, how much of the session comes along."""

    turns_per_minute: int
    lease_seconds: float
    recent_turns: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as it stood when the statement ended.

    Attributes:
        outcome: `opened` (ours to answer), `answered` (a repeat), `in_progress` (somebody else's).
        recent: earlier turns of the session, oldest first; a reply is None if there is none yet.
        pending: what the person said lately, in other turns, and a store has not ingested; oldest
            first.
        answer: of an answered turn, what was stored with the reply.
        hidden: memories that Mem0 may offer and that aren't to be seen.
        said: the person's latest messages that the ledger still has, newest first.
        awaiting: what this message may be the answer to; empty unless the turn is ours.
    """

    outcome: Outcome
    turn_id: TurnId
    session_row: SessionRowId | None
    session_id: str
    attempt: int
    said_at: datetime | None
    reply: str | None
    answer: Mapping[str, Any]
    recent: Sequence[tuple[str, str | None]]
    pending: Sequence[Pending]
    zep_graph_uuid: ZepUuid | None
    hidden: frozenset[Mem0Id] = frozenset()
    said: Sequence[Utterance] = ()
    awaiting: Awaiting = field(default_factory=Awaiting)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is stored at the commit point. `facts` is JSON: route, usage, degraded, recalled."""

    text: str
    facts: Mapping[str, Any]
    drafts: Sequence[Draft]
    effects: Effects = field(default_factory=Effects)


@dataclass(frozen=True, slots=True)
class TurnStatus:
    """One turn and how far its words have come. Deliveries: (store, role, state)."""

    turn_id: TurnId
    session_id: str
    state: str
    message: str | None
    reply: str | None
    answer: Mapping[str, Any]
    said_at: datetime
    replied_at: datetime | None
    deliveries: Sequence[tuple[str, str, str]]


class Turns:
    """Reads and writes the ledger.

    Args:
        rates: tells how many calls went out and learns who may be called, with the opening and
            the commit of a turn.
    """

    def __init__(self, database: Database, rates: Rates | None = None) -> None:
        self._database = database
        self._rates = rates or Tallies()

    async def open(
        self, principal: Principal, user_id: str | None, new: NewTurn, limits: TurnLimits
    ) -> Turn:
        """The opened turn, or the one that this key opened before.

        One round trip; another only when a request with the same key was still opening the turn.

        Raises:
            Unauthenticated, Forbidden: the login has ended; `user_id` is somebody else's.
            RateLimited: too many turns in this minute; nothing was opened.
            Conflict: `idempotency_conflict`, the key belongs to another message or session.
            NotFound: `session_not_found`, the key's turn was in a session that is deleted.
            Unavailable: the database is away.
        """
        parameters = _opening(principal, user_id, new, limits)
        row = await self._opened(parameters)
        if row["id"] is None and row["earlier_turn"] is not None:
            # The statement waited for the one that opened the turn and still sees the tables as
            # they stood before. Only now can be told whether the turn is ours or the key misused.
            row = await self._opened(parameters)
        admit(row)
        if row["within"] is False:
            raise RateLimited(code="too_many_turns", retry_after_seconds=max(1, row["wait"]))
        return _turn(row, new)

    async def _opened(self, parameters: dict[str, Any]) -> Row:
        with telling(self._rates, _ASKED) as told:
            row = await self._database.row(statements.OPEN, repeatable=True, **parameters, **told)
        self._rates.learned(parse_rates(row["rates"]))
        return row

    async def commit(
        self, turn: Turn, account_id: AccountId, reply: Reply
    ) -> list[ResolvedSource] | None:
        """Stores the reply and owes the deliveries: the commit point. One round trip.

        Returns:
            Where the recalled items come from; None when another attempt owns the turn by now.

        Raises:
            NotFound: `session_not_found`, the session was deleted meanwhile.
            Unavailable: the database is away; whether the reply was stored is unknown.
        """
        with telling(self._rates) as told:
            row = await self._database.row(
                statements.COMMIT,
                repeatable=True,
                account_id=account_id,
                session_row=turn.session_row,
                turn_id=turn.turn_id,
                attempt=turn.attempt,
                reply=reply.text,
                answer=json.dumps(reply.facts),
                **parameters_of(reply.drafts),
                **parameters_of_effects(reply.effects),
                **told,
            )
        if not row["alive"]:
            raise session_not_found()
        return parse_resolved(row["sources"]) if row["done"] else None

    async def release(self, turn: Turn) -> None:
        """Ends this attempt's lease, so that the turn's key may resume it at once."""
        await self._database.rows(
            statements.RELEASE, repeatable=True, turn_id=turn.turn_id, attempt=turn.attempt
        )

    async def read(self, principal: Principal, turn_id: TurnId) -> TurnStatus:
        """One turn of the caller's and the state of its deliveries. One round trip.

        Raises:
            Unauthenticated: the login has ended.
            NotFound: `turn_not_found`, also for somebody else's and for deleted sessions'.
            Unavailable: the database is away.
        """
        row = await self._database.row(
            statements.READ, repeatable=True, **identity(principal), turn_id=turn_id
        )
        admit(row)
        if row["id"] is None:
            raise NotFound("There is no such turn.", code="turn_not_found")
        return TurnStatus(
            turn_id=TurnId(row["id"]),
            session_id=row["session_id"],
            state=row["state"],
            message=row["message"],
            reply=row["reply"],
            answer=row["answer"] or {},
            said_at=row["said_at"],
            replied_at=row["replied_at"],
            deliveries=[(d["store"], d["role"], d["state"]) for d in row["deliveries"]],
        )


def _opening(
    principal: Principal, user_id: str | None, new: NewTurn, limits: TurnLimits
) -> dict[str, Any]:
    return {
        **identity(principal, user_id),
        "key": new.key,
        "key_as_turn": _as_uuid(new.key),
        "key_hours": KEY_HOURS,
        "turns_per_minute": limits.turns_per_minute,
        "turn_id": new.turn_id,
        "session_row": new.session_row,
        "session_id": new.session_id,
        "given_session": new.given_session,
        "request_hash": new.request_hash,
        "user_message_id": new.user_message_id,
        "assistant_message_id": new.assistant_message_id,
        "message": new.message,
        "lease_seconds": limits.lease_seconds,
        "recent_turns": limits.recent_turns,
        "pending_except": new.turn_id,
        "said_limit": SAID_LIMIT,
    }


def _as_uuid(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None


def _is_repeat(row: Row, new: NewTurn) -> bool:
    same_message = bytes(row["request_hash"] or b"") == new.request_hash
    return same_message and new.given_session in {None, row["session_id"]}


def _turn(row: Row, new: NewTurn) -> Turn:
    if row["deleted"]:
        raise session_not_found()
    if row["id"] is not None and not _is_repeat(row, new):
        raise Conflict(
            "This Idempotency-Key was used for another request.", code="idempotency_conflict"
        )
    turn_id = TurnId(row["id"] or row["earlier_turn"])
    outcome: Outcome = "in_progress"
    if row["own"]:
        outcome = "opened"
    elif row["state"] == "answered":
        outcome = "answered"
    return Turn(
        outcome=outcome,
        turn_id=turn_id,
        session_row=row["session_row"],
        session_id=row["session_id"] or new.session_id,
        attempt=row["attempt"] or 0,
        said_at=row["said_at"],
        reply=row["reply"],
        answer=row["answer"] or {},
        recent=[(turn["message"], turn["reply"]) for turn in row["recent"]],
        # A resumed turn was opened under another id than the one that the statement left out.
        pending=[said for said in parse_pending(row["pending"]) if said.turn_id != turn_id],
        zep_graph_uuid=row["zep_graph_uuid"],
        hidden=parse_hidden(row["hidden"]),
        said=parse_said_lately(row["said_lately"]),
        awaiting=parse_awaiting(row) if outcome == "opened" else Awaiting(),
    )
