"""The rules of sessions and history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Protocol
from uuid import UUID, uuid4

from pydantic import Field

from history_api.thread import Bookmark, Thread, read_thread
from tandem import observability
from tandem.cursors import Cursor, Moment, invalid_cursor, read_cursor, write_cursor
from tandem.db.history import START, LedgerMessage, LedgerPage, Place, Role
from tandem.db.sessions import (
    DeletedSession,
    NewSession,
    Session,
    SessionsPage,
    StartedSession,
)
from tandem.ids import MessageId, SessionRowId, TurnId
from tandem.principal import Principal

_LONGEST_ZEP_CURSOR = 2_000

Degraded = Literal["zep"]


class SessionStore(Protocol):
    """What the service needs of the sessions."""

    async def start(
        self, principal: Principal, user_id: str | None, new: NewSession
    ) -> StartedSession: ...
    async def list(
        self, principal: Principal, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> SessionsPage: ...
    async def get(self, principal: Principal, session_id: str) -> Session: ...
    async def delete(self, principal: Principal, session_id: str) -> DeletedSession: ...


class MessageLedger(Protocol):
    """What the service needs of the ledger."""

    async def page(
        self,
        principal: Principal,
        *,
        user_id: str | None,
        session_id: str,
        after: Place,
        limit: int,
    ) -> LedgerPage: ...


class DeliveryQueue(Protocol):
    """What the service needs of the way to the delivery job."""

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool: ...


class SessionsCursor(Cursor):
    """The last session that was seen."""

    created_at: Moment
    id: UUID


class HistoryCursor(Cursor):
    """The last message that was seen, and where Zep's thread goes on."""

    session: UUID
    seq: Annotated[int, Field(ge=0, le=2**62)]
    rank: Annotated[int, Field(ge=0, le=1)]
    zep: Annotated[str, Field(max_length=_LONGEST_ZEP_CURSOR)] | None = None
    passed: Annotated[int, Field(ge=0, le=2**31)] = 0


class SessionList(NamedTuple):
    """Some sessions, newest first."""

    items: Sequence[Session]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a session. `content` is None when it can't be had at the moment."""

    message_id: MessageId
    turn_id: TurnId
    role: Role
    content: str | None
    said_at: datetime
    delivered: bool


class History(NamedTuple):
    """Some messages, oldest first. `degraded` names the store that should have said more."""

    items: Sequence[Message]
    next_cursor: str | None
    degraded: Sequence[Degraded]


class HistoryQuery(NamedTuple):
    """Which messages are asked for."""

    session_id: str
    user_id: str | None
    limit: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class SessionService:
    """Starts, lists, shows and deletes sessions."""

    sessions: SessionStore
    queue: DeliveryQueue

    async def start(
        self,
        principal: Principal,
        *,
        user_id: str | None,
        session_id: str | None,
        title: str | None,
    ) -> StartedSession:
        """The session of that label, started now if there was none. No provider is asked.

        Args:
            session_id: the client's label; one is made when it is left out.

        Raises:
            Forbidden: `forbidden_user`.
        """
        row = SessionRowId(uuid4())
        new = NewSession(id=row, session_id=session_id or str(uuid4()), title=title)
        return await self.sessions.start(principal, user_id, new)

    async def list(self, principal: Principal, *, limit: int, cursor: str | None) -> SessionList:
        """The caller's sessions, newest first.

        Raises:
            InvalidInput: `invalid_cursor`.
        """
        scope = f"sessions:{principal.account_id}"
        before = None
        if cursor is not None:
            seen = read_cursor(SessionsCursor, cursor, scope=scope)
            before = (seen.created_at, seen.id)
        page = await self.sessions.list(principal, before=before, limit=limit)
        if not page.more:
            return SessionList(page.items, None)
        last = page.items[-1]
        place = SessionsCursor(created_at=last.created_at, id=last.id)
        return SessionList(page.items, write_cursor(place, scope=scope))

    async def get(self, principal: Principal, session_id: str) -> Session:
        """One of the caller's sessions.

        Raises:
            NotFound: `session_not_found`.
        """
        return await self.sessions.get(principal, session_id)

    async def delete(self, principal: Principal, session_id: str) -> None:
        """Deletes a session with its text, and has the job delete its thread at Zep.

        Raises:
            NotFound: `session_not_found`.
        """
        gone = await self.sessions.delete(principal, session_id)
        observability.note(session=gone.id)
        if gone.thread_owed:
            await self.queue.send(gone.id)


@dataclass(frozen=True, slots=True)
class HistoryService:
    """Reads a session's messages: which there are says the ledger, what they say says Zep.

    Args:
        retrieval_seconds: how long Zep may take.
    """

    ledger: MessageLedger
    thread: Thread
    retrieval_seconds: float

    async def read(self, principal: Principal, query: HistoryQuery) -> History:
        """The messages after the cursor, oldest first.

        Pages are cut by place in the ledger, so a delivery between two pages neither repeats nor
        hides a message. A reply that is given while somebody reads past its turn is seen by the
        next reader.

        Raises:
            InvalidInput: `invalid_cursor`.
            NotFound: `session_not_found`.
        """
        scope = f"history:{principal.account_id}"
        cursor = None
        if query.cursor is not None:
            cursor = read_cursor(HistoryCursor, query.cursor, scope=scope)
        page = await self.ledger.page(
            principal,
            user_id=query.user_id,
            session_id=query.session_id,
            after=Place(cursor.seq, cursor.rank) if cursor else START,
            limit=query.limit,
        )
        observability.note(session=page.session_row)
        if cursor is not None and cursor.session != page.session_row:
            raise invalid_cursor()
        start = Bookmark(cursor.zep, cursor.passed) if cursor else Bookmark()
        items, degraded, bookmark = await self._filled(page, start)
        if not page.more:
            return History(items, None, degraded)
        last = _cursor(page, bookmark)
        return History(items, write_cursor(last, scope=scope), degraded)

    async def _filled(
        self, page: LedgerPage, start: Bookmark
    ) -> tuple[list[Message], list[Degraded], Bookmark]:
        wanted = [message for message in page.messages if message.delivered]
        texts, bookmark = {}, start
        if wanted and page.zep_thread_uuid is not None:
            reading = await read_thread(
                self.thread,
                page.zep_thread_uuid,
                wanted,
                up_to=page.messages[-1].place,
                start=start,
                timeout_seconds=self.retrieval_seconds,
            )
            texts, bookmark = reading.texts, reading.bookmark
        items = [
            _message(message, texts.get((message.turn_id, message.role)))
            for message in page.messages
        ]
        return items, ["zep"] if len(texts) < len(wanted) else [], bookmark


def _message(message: LedgerMessage, text_at_zep: str | None) -> Message:
    return Message(
        message_id=message.message_id,
        turn_id=message.turn_id,
        role=message.role,
        content=message.content if text_at_zep is None else text_at_zep,
        said_at=message.said_at,
        delivered=message.delivered,
    )


def _cursor(page: LedgerPage, bookmark: Bookmark) -> HistoryCursor:
    # A cursor of Zep's too long to be carried means looking from the thread's beginning again.
    if bookmark.cursor is not None and len(bookmark.cursor) > _LONGEST_ZEP_CURSOR:
        bookmark = Bookmark()
    last = page.messages[-1].place
    return HistoryCursor(
        session=page.session_row,
        seq=last.seq,
        rank=last.rank,
        zep=bookmark.cursor,
        passed=bookmark.passed,
    )
