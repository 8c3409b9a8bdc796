"""Sessions: started, listed, looked at and deleted, each in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.errors import NotFound
from tandem.ids import SessionRowId
from tandem.principal import Principal

_START = as_caller(
    """
, started as (  -- the update changes nothing: it makes a session that is there already come back
    insert into sessions as s (id, account_id, session_id, title)
    select :id, c.account_id, :session_id, :title from caller c where c.allowed
    on conflict (account_id, session_id) where deleted_at is null
    do update set session_id = s.session_id
 returning s.id, s.session_id, s.created_at
)
select standing.live, standing.allowed, caller.user_id, started.session_id, started.created_at,
       started.id = :id as created
  from standing
  left join caller on true
  left join started on true
"""
)

_LIST = as_caller(
    """
, page as (
    select s.id, s.session_id, s.title, s.created_at, s.last_turn_at, s.next_seq - 1 as turns
      from sessions s
      join caller c on c.account_id = s.account_id and c.allowed
     where s.deleted_at is null
       and (s.created_at, s.id) < (coalesce(cast(:before_time as timestamptz), 'infinity'),
                                   coalesce(cast(:before_id as uuid),
                                            'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by s.created_at desc, s.id desc
     limit :fetch
)
select standing.live, standing.allowed, page.*
  from standing left join page on true
 order by page.created_at desc, page.id desc
"""
)

_GET = as_caller(
    """
select standing.live, standing.allowed, s.id, s.session_id, s.title, s.created_at, s.last_turn_at,
       s.next_seq - 1 as turns
  from standing
  left join caller on true
  left join sessions s on s.account_id = caller.account_id and caller.allowed
                      and s.session_id = :session_id and s.deleted_at is null
"""
)

_DELETE = as_caller(
    """
, gone as materialized (
    select d.session_row, d.thread_owed
      from caller c
     cross join lateral delete_session(case when c.allowed then c.account_id end, :session_id) d
)
select standing.live, standing.allowed, gone.session_row, gone.thread_owed
  from standing left join gone on true
"""
)


@dataclass(frozen=True, slots=True)
class NewSession:
    """What starting needs. `id` is proposed here, so that the statement may be sent again."""

    id: SessionRowId
    session_id: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A session that exists now. `created` is False when it did before."""

    session_id: str
    user_id: str
    created_at: datetime
    created: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation as its owner sees it. Times are aware UTC; `turns` counts all that were
    ever opened."""

    id: SessionRowId
    session_id: str
    title: str | None
    created_at: datetime
    last_turn_at: datetime | None
    turns: int


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """Some sessions, newest first, and whether there are older ones."""

    items: Sequence[Session]
    more: bool


@dataclass(frozen=True, slots=True)
class DeletedSession:
    """A session that is gone. `thread_owed`: Zep has or may get a thread that must go too."""

    id: SessionRowId
    thread_owed: bool


class Sessions:
    """Reads and writes the caller's sessions. Every method is one round trip and raises
    `Unauthenticated` when the login has ended and `Unavailable` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(
        self, principal: Principal, user_id: str | None, new: NewSession
    ) -> StartedSession:
        """The caller's session of that label, made now if there was none. A label that exists
        keeps its title.

        Raises:
            Forbidden: `forbidden_user`.
        """
        row = await self._database.row(
            _START,
            repeatable=True,
            **identity(principal, user_id),
            id=new.id,
            session_id=new.session_id,
            title=new.title,
        )
        admit(row)
        return StartedSession(
            session_id=row["session_id"],
            user_id=row["user_id"],
            created_at=row["created_at"],
            created=row["created"],
        )

    async def list(
        self, principal: Principal, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> SessionsPage:
        """The caller's sessions, newest first.

        Args:
            before: `created_at` and `id` of the last session that was seen.
            limit: at most so many.
        """
        before_time, before_id = before or (None, None)
        rows = await self._database.rows(
            _LIST,
            repeatable=True,
            **identity(principal),
            before_time=before_time,
            before_id=before_id,
            fetch=limit + 1,
        )
        admit(rows[0])
        found = [_session(row) for row in rows if row["id"] is not None]
        return SessionsPage(items=found[:limit], more=len(found) > limit)

    async def get(self, principal: Principal, session_id: str) -> Session:
        """One of the caller's sessions.

        Raises:
            NotFound: `session_not_found`.
        """
        row = await self._database.row(
            _GET, repeatable=True, **identity(principal), session_id=session_id
        )
        admit(row)
        if row["id"] is None:
            raise session_not_found()
        return _session(row)

    async def delete(self, principal: Principal, session_id: str) -> DeletedSession:
        """Deletes a session: wipes its text, abandons open turns, cancels what is still owed,
        forgets its Idempotency-Keys and owes Zep the thread's deletion where there may be one.
        The label is free at once.

        Raises:
            NotFound: `session_not_found`, also when it has been deleted before.
        """
        row = await self._database.row(
            _DELETE, repeatable=True, **identity(principal), session_id=session_id
        )
        admit(row)
        if row["session_row"] is None:
            raise session_not_found()
        return DeletedSession(
            id=SessionRowId(row["session_row"]), thread_owed=bool(row["thread_owed"])
        )


def session_not_found() -> NotFound:
    """The error of a label that names none of the caller's sessions."""
    return NotFound("There is no such session.", code="session_not_found")


def _session(row: Row) -> Session:
    return Session(
        id=SessionRowId(row["id"]),
        session_id=row["session_id"],
        title=row["title"],
        created_at=row["created_at"],
        last_turn_at=row["last_turn_at"],
        turns=row["turns"],
    )
