"""Planning: everybody who is due gets a message in the consolidate job's queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tandem import observability
from tandem.db.planning import Page
from tandem.deadline import Deadline
from tandem.ids import AccountId

PAGE_ROWS: Final = 2_000

# What a page may take when the queue has to be asked again and again.
_PAGE_SECONDS: Final = 60.0


class PlanInterrupted(Exception):
    """Planning could not go on and nobody else will: whoever started it has to start it again.

    That does no harm. Who has had a message and is still due gets another, and when that comes
    there is nothing left to be done.
    """


class People(Protocol):
    """Says who is due; see `tandem.db.planning.Planning`."""

    async def page(self, after: AccountId | None, *, rows: int, hidden_days: int) -> Page: ...


class Messages(Protocol):
    """The consolidate job's queue; see `tandem.changes.wake.ConsolidationWake`."""

    async def send_all(self, account_ids: Sequence[AccountId]) -> int: ...

    async def send_rest_of_plan(self, after: AccountId) -> bool: ...


@dataclass(slots=True)
class Planned:
    """How far planning came.

    Attributes:
        pages: accounts were looked at in so many pages.
        people: so many of them were due, and have a message.
        goes_on: the accounts that are left will be looked at by the consolidate job.
    """

    pages: int = 0
    people: int = 0
    goes_on: bool = False

    def counts(self) -> dict[str, int]:
        """As plain numbers, for an answer and a log."""
        return {"pages": self.pages, "people": self.people, "goes_on": int(self.goes_on)}


class Plan:
    """Walks the accounts in the order of their ids.

    Nothing about a plan is stored. One that is started again, or twice at once, only sends more
    messages than are needed.

    Args:
        hidden_days: how long hidden memories are kept.
        page_rows: how many accounts a page has.
    """

    def __init__(
        self, people: People, messages: Messages, *, hidden_days: int, page_rows: int = PAGE_ROWS
    ) -> None:
        self._people = people
        self._messages = messages
        self._hidden_days = hidden_days
        self._page_rows = page_rows

    async def carry_out(self, after: AccountId | None, deadline: Deadline) -> Planned:
        """Sends a message for each person who is due, as far as the time allows.

        Args:
            after: the account behind which to begin; None for all.
            deadline: before it, what is left becomes a message of its own.

        Raises:
            PlanInterrupted: the queue doesn't take everything.
            Unavailable: the database is away.
        """
        planned = Planned()
        while True:
            page = await self._people.page(
                after, rows=self._page_rows, hidden_days=self._hidden_days
            )
            if page.due and await self._messages.send_all(page.due):
                raise PlanInterrupted
            planned.pages += 1
            planned.people += len(page.due)
            after = page.last
            if after is None:
                break
            if deadline.left() < _PAGE_SECONDS:
                if not await self._messages.send_rest_of_plan(after):
                    raise PlanInterrupted
                planned.goes_on = True
                break
        observability.info("planned", **planned.counts())
        return planned
