"""What a person said lately that a store has not ingested yet: read your writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tandem.ids import MessageId, TurnId

PENDING_LIMIT = 20
PENDING_HOURS = 24

# CTEs to be put behind one that is called `caller`. Takes :pending_except, a turn that is left
# out (or null). Newest statements first choose, oldest first they are handed out. A statement may
# tell of a time long past and still be new to us: that it is owed since lately counts, too. Turns
# of which something was forgotten are left out, for what else they say is not told apart here.
PENDING = f"""
lately as (
    select t.id
      from caller c
      join turns t on t.account_id = c.account_id
     where t.said_at > now() - interval '{PENDING_HOURS} hours'
    union
    select d.turn_id
      from caller c
      join deliveries d on d.account_id = c.account_id
      join turns t on t.id = d.turn_id and t.kind = 'statement'
     where d.state in ('owed', 'sent') and d.owed_at > now() - interval '{PENDING_HOURS} hours'
), pending as (
    select coalesce(jsonb_agg(jsonb_build_object('turn_id', p.id, 'session_id', p.session_id,
               'message_id', p.user_message_id, 'message', p.message, 'said_at', p.said_at)
               order by p.said_at, p.id), '[]'::jsonb) as rows
      from (select t.id, s.session_id, t.user_message_id, t.message, t.said_at
              from caller c
              join turns t on t.account_id = c.account_id
              join lately on lately.id = t.id
              join sessions s on s.id = t.session_row and s.deleted_at is null
             where c.allowed and t.message is not null
               and not exists (select from tombstones x
                                where x.account_id = c.account_id and t.id = any(x.turn_ids))
               and t.id is distinct from cast(:pending_except as uuid)
               and (t.state = 'open'
                    or exists (select from deliveries d
                                where d.turn_id = t.id and d.role = 'user'
                                  and d.state in ('owed', 'sent')))
             order by t.said_at desc limit {PENDING_LIMIT}) p
)
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """One statement, word for word, and where it was made."""

    turn_id: TurnId
    session_id: str
    message_id: MessageId
    message: str
    said_at: datetime


def parse_pending(rows: Iterable[Mapping[str, Any]]) -> list[Pending]:
    """`pending.rows` as typed rows, oldest first."""
    return [
        Pending(
            turn_id=TurnId(UUID(row["turn_id"])),
            session_id=row["session_id"],
            message_id=MessageId(UUID(row["message_id"])),
            message=row["message"],
            said_at=datetime.fromisoformat(row["said_at"]),
        )
        for row in rows
    ]
