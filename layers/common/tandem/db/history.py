"""The ledger as the index of a session's messages: which there are, in which order, since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from tandem.clients.budget import Tallies
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.db.rate_budgets import Rates, parse_rates, rates_after, telling
from tandem.db.sessions import session_not_found
from tandem.ids import MessageId, SessionRowId, TurnId, ZepUuid
from tandem.principal import Principal

Role = Literal["user", "assistant"]

RANKS: dict[Role, int] = {"user": 0, "assistant": 1}
"""The order of the messages of one turn."""

# A turn gives at least its user's message, but for the one that the page before ended in: so
# :fetch + 1 turns are enough for :fetch messages.
_PAGE = as_caller(
    """
, found as (
    select s.id, s.zep_thread_uuid
      from sessions s
      join caller c on c.account_id = s.account_id and c.allowed
     where s.session_id = :session_id and s.deleted_at is null
), nearby as (
    select t.id, t.seq, t.state, t.user_message_id, t.assistant_message_id, t.message, t.reply,
           t.said_at, t.replied_at
      from turns t join found on found.id = t.session_row
     where t.seq >= :after_seq
     order by t.seq
     limit :fetch + 1
), page as (
    select t.seq, m.rank, m.role, t.id as turn_id, m.message_id, m.content, m.said_at,
           coalesce(d.state in ('sent', 'ingested'), false) as delivered, d.provider_ids
      from nearby t
     cross join lateral (values
           (0, 'user', t.user_message_id, t.message, t.said_at),
           (1, 'assistant', t.assistant_message_id, t.reply, coalesce(t.replied_at, t.said_at))
         ) m (rank, role, message_id, content, said_at)
      left join deliveries d on d.turn_id = t.id and d.store = 'zep' and d.role = m.role
     where (m.rank = 0 or t.state = 'answered') and (t.seq, m.rank) > (:after_seq, :after_rank)
     order by t.seq, m.rank
     limit :fetch
), """
    + rates_after("exists (select from page where page.delivered)")
    + """
select standing.live, standing.allowed, found.id as session_row, found.zep_thread_uuid, page.*,
       rates.rows as rates
  from standing
  left join found on true
  left join page on true
 cross join rates
 order by page.seq, page.rank
"""
)


class Place(NamedTuple):
    """Where a message stands in its session: its turn's `seq`, then the user before the reply."""

    seq: int
    rank: int


START = Place(seq=0, rank=1)
"""The place before every message."""


@dataclass(frozen=True, slots=True)
class LedgerMessage:
    """One message as the ledger knows it.

    Attributes:
        content: None once the ledger's text has been wiped.
        said_at: when it was said, aware UTC.
        delivered: it is in Zep's thread.
        part_ids: Zep's ids of its parts there, or of the episode that was given instead.
    """

    place: Place
    role: Role
    turn_id: TurnId
    message_id: MessageId
    content: str | None
    said_at: datetime
    delivered: bool
    part_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Some messages of one session, oldest first, and whether there are later ones."""

    session_row: SessionRowId
    zep_thread_uuid: ZepUuid | None
    messages: Sequence[LedgerMessage]
    more: bool


class MessageIndex:
    """Reads the ledger's messages.

    Args:
        rates: tells and learns about the calls to Zep that follow.
    """

    def __init__(self, database: Database, rates: Rates | None = None) -> None:
        self._database = database
        self._rates = rates or Tallies()

    async def page(
        self,
        principal: Principal,
        *,
        user_id: str | None,
        session_id: str,
        after: Place,
        limit: int,
    ) -> LedgerPage:
        """The messages that follow a place. One round trip.

        A turn that is open or abandoned gives its user's message alone.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
            NotFound: `session_not_found`.
            Unavailable: the database is away.
        """
        with telling(self._rates, ("zep",)) as told:
            rows = await self._database.rows(
                _PAGE,
                repeatable=True,
                **identity(principal, user_id),
                session_id=session_id,
                after_seq=after.seq,
                after_rank=after.rank,
                fetch=limit + 1,
                **told,
            )
        first = rows[0]
        self._rates.learned(parse_rates(first["rates"]))
        admit(first)
        if first["session_row"] is None:
            raise session_not_found()
        messages = [_message(row) for row in rows if row["seq"] is not None]
        return LedgerPage(
            session_row=SessionRowId(first["session_row"]),
            zep_thread_uuid=first["zep_thread_uuid"],
            messages=messages[:limit],
            more=len(messages) > limit,
        )


def _message(row: Row) -> LedgerMessage:
    return LedgerMessage(
        place=Place(row["seq"], row["rank"]),
        role=row["role"],
        turn_id=TurnId(row["turn_id"]),
        message_id=MessageId(row["message_id"]),
        content=row["content"],
        said_at=row["said_at"],
        delivered=row["delivered"],
        part_ids=frozenset(row["provider_ids"] or ()),
    )
