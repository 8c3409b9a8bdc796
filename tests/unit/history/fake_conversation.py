"""A session as two stores know it: a ledger and a thread, both in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from tandem.clients.models import Page, ZepMessage
from tandem.db.history import RANKS, LedgerMessage, LedgerPage, Place, Role
from tandem.errors import NotFound, UpstreamTimeout
from tandem.ids import AccountId, LoginId, MessageId, SessionRowId, TurnId, ZepUuid
from tandem.principal import Principal

PART_CHARACTERS = 5
START_OF_TALK = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CALLER = Principal(AccountId(uuid4()), LoginId(uuid4()))


@dataclass
class Utterance:
    """What was said, and what has become of it."""

    place: Place
    role: Role
    turn_id: TurnId
    text: str
    message_id: MessageId = field(default_factory=lambda: MessageId(uuid4()))
    given: bool = True
    delivered: bool = False
    wiped: bool = False
    part_ids: list[str] = field(default_factory=list)

    def in_ledger(self) -> LedgerMessage:
        return LedgerMessage(
            place=self.place,
            role=self.role,
            turn_id=self.turn_id,
            message_id=self.message_id,
            content=None if self.wiped else self.text,
            said_at=START_OF_TALK + timedelta(seconds=self.place.seq),
            delivered=self.delivered,
            part_ids=frozenset(self.part_ids),
        )


@dataclass
class FakeThread:
    """A thread of Zep's: it only ever grows. Cursors are positions, and say so to nobody."""

    messages: list[ZepMessage] = field(default_factory=list)
    failing: bool = False
    fails_after: int = 1_000_000
    cursor_prefix: str = "after-"
    page_sizes: list[int] = field(default_factory=list)
    cursors: list[str | None] = field(default_factory=list)

    async def list_messages(
        self,
        thread_uuid: ZepUuid,
        *,
        page_size: int,
        cursor: str | None,
        order: Literal["asc", "desc"],
        timeout_seconds: float,
    ) -> Page[ZepMessage]:
        assert thread_uuid
        assert order == "asc"
        assert 1 <= page_size <= 200
        assert timeout_seconds > 0
        self.page_sizes.append(page_size)
        self.cursors.append(cursor)
        if self.failing or len(self.page_sizes) > self.fails_after:
            raise UpstreamTimeout("zep", operation="thread.list_messages")
        start = int(cursor.removeprefix(self.cursor_prefix)) if cursor else 0
        end = start + page_size
        more = end < len(self.messages)
        return Page[ZepMessage](
            items=tuple(self.messages[start:end]),
            next_cursor=f"{self.cursor_prefix}{end}" if more else None,
        )


@dataclass
class Conversation:
    """One session. `page` is what the ledger answers, `thread` what Zep does."""

    row: SessionRowId = field(default_factory=lambda: SessionRowId(uuid4()))
    thread_uuid: ZepUuid | None = field(default_factory=lambda: ZepUuid(uuid4()))
    thread: FakeThread = field(default_factory=FakeThread)
    utterances: list[Utterance] = field(default_factory=list)
    turns: int = 0

    def say(self, message: str, reply: str | None) -> Sequence[Utterance]:
        """Adds a turn. Without a reply it stays open; `answer` may give one later."""
        self.turns += 1
        turn_id = TurnId(uuid4())
        turn = [
            Utterance(Place(self.turns, RANKS["user"]), "user", turn_id, message),
            Utterance(
                Place(self.turns, RANKS["assistant"]),
                "assistant",
                turn_id,
                reply or "",
                given=reply is not None,
            ),
        ]
        self.utterances += turn
        return turn

    def post(self, utterance: Utterance) -> None:
        """Puts the words into the thread, which the ledger doesn't know yet."""
        size = PART_CHARACTERS
        for part, at in enumerate(range(0, len(utterance.text), size)):
            message = ZepMessage(
                uuid=ZepUuid(uuid4()),
                role=utterance.role,
                content=utterance.text[at : at + size],
                metadata={
                    "turn_id": str(utterance.turn_id),
                    "seq": utterance.place.seq,
                    "part": part,
                },
            )
            self.thread.messages.append(message)
            utterance.part_ids.append(str(message.uuid))

    def deliver(self, utterance: Utterance) -> None:
        """Puts the words into the thread and notes it."""
        if not utterance.part_ids:
            self.post(utterance)
        utterance.delivered = True

    def visible(self) -> list[Utterance]:
        return [utterance for utterance in self.utterances if utterance.given]

    async def page(
        self,
        principal: Principal,
        *,
        user_id: str | None,
        session_id: str,
        after: Place,
        limit: int,
    ) -> LedgerPage:
        assert principal == CALLER
        assert user_id is None
        if session_id != "s1":
            raise NotFound(code="session_not_found")
        later = [utterance for utterance in self.visible() if utterance.place > after]
        return LedgerPage(
            session_row=self.row,
            zep_thread_uuid=self.thread_uuid,
            messages=[utterance.in_ledger() for utterance in later[:limit]],
            more=len(later) > limit,
        )
