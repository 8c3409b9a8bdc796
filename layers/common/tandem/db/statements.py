"""Statements that a person gives outside a chat: rows of the ledger, owed to the stores at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.db.deliveries import StoreName
from tandem.db.sessions import session_not_found
from tandem.db.turn_statements import COUNTED
from tandem.db.turns import KEY_HOURS
from tandem.errors import Conflict, RateLimited
from tandem.ids import MessageId, SessionRowId, TurnId
from tandem.principal import Principal

# A turn without a reply, never open: the person's words are owed alone from the start.
_STATE = as_caller(
    COUNTED
    + """
, made as (
    insert into turns (id, session_row, account_id, seq, kind, state, lease_until, request_hash,
                       user_message_id, assistant_message_id, message, said_at)
    select cast(:turn_id as uuid), s.id, s.account_id, s.seq, 'statement', 'abandoned',
           clock_timestamp(), cast(:request_hash as bytea), cast(:user_message_id as uuid),
           cast(:assistant_message_id as uuid), cast(:message as text),
           coalesce(cast(:said_at as timestamptz), clock_timestamp())
      from session s
 returning id, session_row, account_id, seq, user_message_id, message, said_at, request_hash
), owed as (
    insert into deliveries (turn_id, store, role, session_row, account_id, seq)
    select m.id, o.store, 'user', m.session_row, m.account_id, m.seq
      from made m cross join unnest(cast(:stores as text[])) o (store)
    on conflict (turn_id, store, role) do nothing
), stated as (
    select m.id, m.session_row, m.user_message_id, m.message, m.said_at, m.request_hash, true as own
      from made m
    union all
    select t.id, t.session_row, t.user_message_id, t.message, t.said_at, t.request_hash, false
      from turns t join earlier e on e.turn_id = t.id
     where not exists (select from made)
), label as (
    select s.session_id, s.deleted_at is not null as deleted
      from sessions s join stated on stated.session_row = s.id
    union all
    select cast(:session_id as text), false from session
     where not exists (select from sessions s where s.id = session.id)
)
select standing.live, standing.allowed, rated.within, rated.wait, stated.*, label.session_id,
       label.deleted, (select turn_id from earlier limit 1) as earlier_turn
  from standing
  left join rated on true
  left join stated on true
  left join label on true
"""
)


@dataclass(frozen=True, slots=True)
class NewStatement:
    """What a statement needs. Ids are proposed here, so that it can be sent again.

    Attributes:
        session_id: the session's label; the session is made if there is none.
        key: the Idempotency-Key, or the turn's own id.
        request_hash: tells a repeat from another use of the key.
        said_at: aware; None is now.
        stores: to which it is owed.
    """

    turn_id: TurnId
    session_row: SessionRowId
    session_id: str
    key: str
    request_hash: bytes
    user_message_id: MessageId
    assistant_message_id: MessageId
    message: str
    said_at: datetime | None = None
    stores: Sequence[StoreName] = ("zep", "mem0")


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement as the ledger has it.

    Attributes:
        message: None once its text has left the ledger.
        repeated: the key had made it before.
    """

    turn_id: TurnId
    session_row: SessionRowId
    session_id: str
    message_id: MessageId
    message: str | None
    said_at: datetime
    repeated: bool


class Statements:
    """Writes statements into the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(
        self,
        principal: Principal,
        user_id: str | None,
        new: NewStatement,
        *,
        turns_per_minute: int,
    ) -> Stated:
        """The statement, in the ledger and owed to its stores; or the one that this key made.

        One round trip; another only when a request with the same key was at it at the same time.

        Raises:
            Unauthenticated, Forbidden: the login has ended; `user_id` is somebody else's.
            RateLimited: `too_many_turns`, statements and turns of chat together; nothing was kept.
            Conflict: `idempotency_conflict`, the key belongs to another request.
            NotFound: `session_not_found`, the key's statement was in a session that is deleted.
            Unavailable: the database is away.
        """
        parameters = {
            **identity(principal, user_id),
            "key": new.key,
            "key_as_turn": None,
            "key_hours": KEY_HOURS,
            "turns_per_minute": turns_per_minute,
            "turn_id": new.turn_id,
            "session_row": new.session_row,
            "session_id": new.session_id,
            "request_hash": new.request_hash,
            "user_message_id": new.user_message_id,
            "assistant_message_id": new.assistant_message_id,
            "message": new.message,
            "said_at": new.said_at,
            "stores": list(new.stores),
        }
        row = await self._database.row(_STATE, repeatable=True, **parameters)
        if row["id"] is None and row["earlier_turn"] is not None:
            # It waited for the one that made the turn, and still sees the tables as they were.
            row = await self._database.row(_STATE, repeatable=True, **parameters)
        admit(row)
        if row["within"] is False:
            raise RateLimited(code="too_many_turns", retry_after_seconds=max(1, row["wait"]))
        return _stated(row, new)


def _stated(row: Row, new: NewStatement) -> Stated:
    if row["deleted"]:
        raise session_not_found()
    if row["id"] is None or bytes(row["request_hash"] or b"") != new.request_hash:
        raise Conflict(
            "This Idempotency-Key was used for another request.", code="idempotency_conflict"
        )
    return Stated(
        turn_id=TurnId(row["id"]),
        session_row=SessionRowId(row["session_row"]),
        session_id=row["session_id"],
        message_id=MessageId(row["user_message_id"]),
        message=row["message"],
        said_at=row["said_at"],
        repeated=not row["own"],
    )
