"""Reading Zep's thread in step with the ledger.

The thread mostly holds a session's messages in the ledger's order, but not always: what was
refused is missing, and a turn that was resumed late puts its reply behind newer ones. So a page
looks for its messages by their metadata, and the place where the next page starts to look is the
first Zep page that holds anything later than what has been read. Zep only ever appends, so nothing
that is wanted later can lie before that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from tandem import observability
from tandem.clients.models import Page, ZepMessage
from tandem.db.history import RANKS, LedgerMessage, Place, Role
from tandem.deadline import Deadline
from tandem.errors import UpstreamError
from tandem.ids import TurnId, ZepUuid

LARGEST_PAGE: Final = 200
MOST_CALLS: Final = 8

_SPARE_CALLS: Final = 2

Key = tuple[TurnId, Role]


class Thread(Protocol):
    """What history needs of Zep."""

    async def list_messages(
        self,
        thread_uuid: ZepUuid,
        *,
        page_size: int,
        cursor: str | None,
        order: Literal["asc", "desc"],
        timeout_seconds: float,
    ) -> Page[ZepMessage]: ...


class Bookmark(NamedTuple):
    """Where to go on reading a thread.

    Attributes:
        cursor: Zep's own, of a page before which there is nothing left to read.
        passed: about how many messages behind it have been read already.
    """

    cursor: str | None = None
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the thread had. `texts` lacks what it had not, or not in time."""

    texts: dict[Key, str]
    bookmark: Bookmark


class _Slot(NamedTuple):
    """Whose part a message of the thread is, by the metadata it was sent with."""

    key: Key
    place: Place
    part: int


@dataclass(slots=True)
class _Search:
    """Messages that are looked for, and what has been found of them."""

    wanted: dict[Key, LedgerMessage]
    parts: dict[Key, dict[int, ZepMessage]] = field(default_factory=dict)
    followed: set[Key] = field(default_factory=set)
    last: Key | None = None

    def take(self, messages: Sequence[ZepMessage], slots: Sequence[_Slot | None]) -> None:
        """Takes the next messages of the thread."""
        for message, slot in zip(messages, slots, strict=True):
            key = slot.key if slot else None
            if self.last is not None and key != self.last:
                self.followed.add(self.last)
            self.last = key
            if slot and slot.key in self.wanted:
                # Should a message be there twice, the first counts.
                self.parts.setdefault(slot.key, {}).setdefault(slot.part, message)

    def reach_end(self) -> None:
        """Notes that the thread has nothing more."""
        if self.last is not None:
            self.followed.add(self.last)

    def text(self, key: Key) -> str | None:
        """The whole text of a message, or None while a part may be missing.

        It is whole when every part is there whose id the ledger knows. Where it knows none, another
        message has to follow: parts were posted in one call.
        """
        parts = self.parts.get(key, {})
        known = self.wanted[key].part_ids
        seen = {str(part.uuid) for part in parts.values()}
        whole = known <= seen if known else key in self.followed
        if not parts or not whole or parts.keys() != set(range(len(parts))):
            return None
        return "".join(parts[number].content for number in range(len(parts)))

    def texts(self) -> dict[Key, str]:
        """Every message that is whole."""
        found = {key: self.text(key) for key in self.wanted}
        return {key: text for key, text in found.items() if text is not None}

    def parts_missing(self) -> int:
        """About how many messages of the thread are still to come."""
        found = self.texts()
        return sum(max(1, len(m.part_ids)) for key, m in self.wanted.items() if key not in found)


@dataclass(slots=True)
class _Walk:
    """How far the thread has been read, and where the next page of history has to start."""

    cursor: str | None
    behind: int
    found: Bookmark | None = None
    ended: bool = False

    def step(self, page: Page[ZepMessage], slots: Sequence[_Slot | None], up_to: Place) -> None:
        passed = sum(slot is None or slot.place <= up_to for slot in slots)
        self.ended = page.next_cursor is None
        if self.found is None and (self.ended or passed < len(slots)):
            self.found = Bookmark(self.cursor, passed)
        self.cursor, self.behind = page.next_cursor, max(0, self.behind - len(slots))

    def bookmark(self) -> Bookmark:
        return self.found or Bookmark(self.cursor, self.behind)


async def read_thread(
    thread: Thread,
    thread_uuid: ZepUuid,
    wanted: Sequence[LedgerMessage],
    *,
    up_to: Place,
    start: Bookmark,
    timeout_seconds: float,
) -> Reading:
    """The texts of these messages as Zep has them, and where the page after this one starts.

    In the usual case the thread is read in the ledger's order, one call a page of history. A call
    that fails ends the reading; what was found until then stays.

    Args:
        wanted: delivered messages.
        up_to: where this page of history ends.
        timeout_seconds: for all calls together.
    """
    search = _Search({(message.turn_id, message.role): message for message in wanted})
    size = start.passed + search.parts_missing()
    walk = _Walk(start.cursor, behind=size)
    deadline = Deadline(timeout_seconds)
    for _ in range(min(MOST_CALLS, _SPARE_CALLS + math.ceil(size / LARGEST_PAGE))):
        try:
            page = await thread.list_messages(
                thread_uuid,
                page_size=min(size, LARGEST_PAGE),
                cursor=walk.cursor,
                order="asc",
                timeout_seconds=deadline.step(timeout_seconds, reserve_seconds=0),
            )
        except UpstreamError as error:
            observability.warning("history_without_zep", **observability.describe(error))
            break
        slots = [_slot(message) for message in page.items]
        search.take(page.items, slots)
        walk.step(page, slots, up_to)
        if walk.ended:
            search.reach_end()
        if walk.ended or not search.parts_missing():
            break
        size = LARGEST_PAGE
    return Reading(search.texts(), walk.bookmark())


def _slot(message: ZepMessage) -> _Slot | None:
    """Whose part this is; None for a message that isn't ours."""
    if message.role not in RANKS:
        return None
    role: Role = "user" if message.role == "user" else "assistant"
    turn, seq = message.metadata.get("turn_id"), message.metadata.get("seq")
    part = message.metadata.get("part", 0)
    if not isinstance(turn, str) or not isinstance(seq, int) or not isinstance(part, int):
        return None
    try:
        turn_id = TurnId(UUID(turn))
    except ValueError:
        return None
    return _Slot((turn_id, role), Place(seq, RANKS[role]), part)
