"""What a person said lately, and what rests on it: the sentences behind what is remembered."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from tandem.ids import TurnId
from tandem.recall.source_sentences import Utterance

SAID_LIMIT = 60
SAID_DAYS = 40

# A CTE to be put behind one that is called `caller`; always one row. Takes :said_limit. The ledger
# holds the words of some weeks only, and the limits keep the statement as fast for somebody who has
# talked for years. What was said in a turn of which something is forgotten is never quoted again.
SAID_LATELY = f"""
said_lately as (
    select coalesce(jsonb_agg(jsonb_build_object('turn_id', l.id, 'message', l.message,
               'provider_ids', array(select r.provider_id from sources r
                                      where r.turn_id = l.id and r.role = 'user'
                                        and r.change_id is null))
               order by l.said_at desc), '[]'::jsonb) as rows
      from caller c
     cross join lateral (select t.id, t.session_row, t.message, t.said_at
                           from turns t
                          where c.allowed and t.account_id = c.account_id
                            and t.message is not null
                            and t.said_at > now() - interval '{SAID_DAYS} days'
                          order by t.said_at desc limit cast(:said_limit as int)) l
     where exists (select from sessions s where s.id = l.session_row and s.deleted_at is null)
       and not exists (select from tombstones x
                        where x.account_id = c.account_id and l.id = any(x.turn_ids))
)
"""


def parse_said_lately(rows: Iterable[Mapping[str, Any]]) -> list[Utterance]:
    """`said_lately.rows` as typed rows, newest first."""
    return [
        Utterance(
            turn_id=TurnId(UUID(row["turn_id"])),
            message=row["message"],
            provider_ids=frozenset(row["provider_ids"]),
        )
        for row in rows
    ]
