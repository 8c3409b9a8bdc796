"""Whose memory wants tidying: everybody's, a page of accounts at a time, or one person's."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tandem.db.connection import Database
from tandem.ids import AccountId

_BEFORE_ALL: Final = AccountId(UUID(int=0))

# Work of a page: a few index probes for each of its accounts, however many turns there are and
# whether few or all are due. `held`: somebody is tidying it at this moment, and will see it all.
_PEOPLE = """
, people as materialized (
    select a.id, coalesce(t.read_at, '-infinity') as read_at
      from page a
      left join tidying t on t.account_id = a.id
     where not coalesce(t.owner is not null and t.lease_until > now(), false)
), due as (
    select p.id
      from people p
     where exists (select from turns u where u.account_id = p.id and u.said_at > p.read_at)
        or exists (select from deliveries d
                    where d.account_id = p.id and d.finished_at > p.read_at)
        or exists (select from runs r where r.account_id = p.id and r.state = 'running')
        or exists (select from hidden_memories h
                    where h.account_id = p.id and h.purged_at is null
                      and h.hidden_at < now() - make_interval(days => :hidden_days))
)
"""

_PAGE = (
    """
with page as materialized (
    select id from accounts where id > cast(:after as uuid) order by id limit :rows
)
"""
    + _PEOPLE
    + """
select (select count(*) from page) as seen,
       (select id from page order by id desc limit 1) as last,
       coalesce((select array_agg(id order by id) from due), '{}') as due
"""
)

_ONE = (
    "with page as (select id from accounts where id = :account_id)"
    + _PEOPLE
    + "select exists (select from due) as due"
)


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of accounts holds.

    Attributes:
        due: people whose memory wants tidying, by id.
        last: the account behind which the next page begins; None when there is none.
    """

    due: list[AccountId]
    last: AccountId | None


class Planning:
    """Who is due: said something, or had something learned, since their memory was last read;
    has a run that was left unfinished; or has memories hidden for longer than they are kept.

    Whose memory somebody is tidying now is not due. All of it is read-only, so that planning
    twice, or by two at once, does nothing that planning once doesn't.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, after: AccountId | None, *, rows: int, hidden_days: int) -> Page:
        """The next accounts in the order of their ids, and who of them is due; one round trip.

        Args:
            after: where the page before ended; None for the first.
            rows: how many accounts to look at, due or not.
            hidden_days: how long hidden memories are kept.

        Raises:
            Unavailable: the database can't be reached.
        """
        row = await self._database.row(
            _PAGE,
            repeatable=True,
            after=after or _BEFORE_ALL,
            rows=rows,
            hidden_days=hidden_days,
        )
        last = AccountId(row["last"]) if row["seen"] == rows else None
        return Page([AccountId(account_id) for account_id in row["due"]], last)

    async def is_due(self, account_id: AccountId, *, hidden_days: int) -> bool:
        """Whether one person is due, now; one round trip. Raises as `page` does."""
        row = await self._database.row(
            _ONE, repeatable=True, account_id=account_id, hidden_days=hidden_days
        )
        return bool(row["due"])
