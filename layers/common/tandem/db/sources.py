"""From a store's own identifiers back to the session, turn and message they rest on."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from tandem.ids import TurnId
from tandem.recall.items import Draft, ResolvedSource, Source

# CTEs to be put behind one that is called `caller` and has `account_id`. Rows of deleted sessions
# are left out: a source that can't be read any more is none. Takes :provider_ids and :turn_ids.
RESOLVED = """
resolved as (
    select s.provider_id, s.turn_id, s.role
      from sources s
      join caller c on c.account_id = s.account_id
     where s.provider_id = any(cast(:provider_ids as text[]))
    union
    select null, t.id, 'user'
      from turns t
      join caller c on c.account_id = t.account_id
     where t.id = any(cast(:turn_ids as uuid[]))
),
resolved_sources as (
    select coalesce(jsonb_agg(jsonb_build_object(
               'provider_id', r.provider_id,
               'turn_id', r.turn_id,
               'session_id', s.session_id,
               'message_id', case r.role when 'user' then t.user_message_id
                                         else t.assistant_message_id end,
               'said_at', t.said_at)), '[]'::jsonb) as rows
      from resolved r
      join turns t on t.id = r.turn_id
      join sessions s on s.id = t.session_row and s.deleted_at is null
)
"""


def parameters_of(drafts: Iterable[Draft]) -> dict[str, list[str]]:
    """The two parameters of `RESOLVED` for these drafts."""
    wanted = list(drafts)
    return {
        "provider_ids": sorted({name for draft in wanted for name in draft.provider_ids}),
        "turn_ids": sorted({str(turn) for draft in wanted for turn in draft.turn_ids}),
    }


def parse_resolved(rows: Iterable[Mapping[str, Any]]) -> list[ResolvedSource]:
    """`resolved_sources.rows` as typed rows."""
    return [
        ResolvedSource(
            provider_id=row["provider_id"],
            turn_id=TurnId(UUID(row["turn_id"])),
            source=Source(
                session_id=row["session_id"],
                message_id=UUID(row["message_id"]),
                turn_id=UUID(row["turn_id"]),
            ),
            said_at=datetime.fromisoformat(row["said_at"]),
        )
        for row in rows
    ]
