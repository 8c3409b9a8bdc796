"""How much is waiting to be done, and for how long."""

from dataclasses import dataclass
from typing import Final

from tandem.db.connection import Database

_MOST: Final = 10_000

# Each part reads a partial index of what is unfinished and stops at so many rows: neither a long
# history nor a long queue makes it slow.
BACKLOG: Final = """
with owed as (
    select min(d.owed_at) as since, count(*) as rows
      from (select owed_at from deliveries where state = 'owed' order by owed_at limit :most) d
), deletions as (
    select min(s.deleted_at) as since, count(*) as rows
      from (select deleted_at from sessions where thread_deletion = 'owed' limit :most) s
), refused as (
    select count(*) as rows
      from (select from deliveries
             where state = 'refused' and finished_at > now() - interval '1 day' limit :most) d
), overdue as (
    select count(*) as rows
      from (select from turns
             where state = 'open' and lease_until < now()
               and said_at < now() - make_interval(secs => :abandoned_seconds) limit :most) t
)
select owed.rows + deletions.rows as owed, refused.rows as refused, overdue.rows as overdue,
       cast(greatest(coalesce(extract(epoch from now() - least(owed.since, deletions.since)), 0), 0)
            as double precision) as oldest_seconds
  from owed cross join deletions cross join refused cross join overdue
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is waiting now; each number is exact up to 10,000 of a kind and stops there.

    Attributes:
        owed: what a store has not been given yet: words, and the deletion of threads.
        oldest_seconds: how long the oldest of them has been owed; 0 when nothing is.
        refused: what a store has refused for good within the last day.
        overdue: turns that nobody answers any more and that should be abandoned by now.
    """

    owed: int
    oldest_seconds: float
    refused: int
    overdue: int


async def read_backlog(database: Database, *, abandoned_seconds: float) -> Backlog:
    """What is waiting now, in one statement.

    Args:
        abandoned_seconds: for so long a turn may stay open.

    Raises:
        Unavailable: the database is away.
    """
    row = await database.row(
        BACKLOG, repeatable=True, most=_MOST, abandoned_seconds=abandoned_seconds
    )
    return Backlog(**row)
