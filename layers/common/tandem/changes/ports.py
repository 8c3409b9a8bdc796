"""What those who change memory need of the journal, of the links and of the path to the stores."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tandem.changes.model import Change, ChangeId, RunId, RunKind, RunState, StartedBy
from tandem.db.runs import Started
from tandem.deadline import Deadline
from tandem.ids import AccountId, TurnId
from tandem.recall.gather import Person
from tandem.recall.merge import Link


class Runs(Protocol):
    """Runs that need no lease; see `tandem.db.runs.Runs`."""

    async def start_unleased(
        self,
        account_id: AccountId,
        *,
        run_id: RunId,
        kind: RunKind,
        started_by: StartedBy,
        turn_id: TurnId | None = ...,
    ) -> Started: ...

    async def finish(
        self,
        account_id: AccountId,
        run_id: RunId,
        *,
        owner: UUID | None,
        state: RunState,
        counts: Mapping[str, int],
        read_at: datetime | None,
    ) -> None: ...


class Outcome(Protocol):
    """How far the changes of a run have come; see `tandem.changes.path.Carried`."""

    @property
    def confirmed(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def left(self) -> int: ...


class Path(Protocol):
    """The one way on which changes reach the stores; see `tandem.changes.path.ChangePath`."""

    async def carry_out(  # noqa: PLR0913 - whose, what and until when
        self,
        person: Person,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        owner: UUID | None,
        read_at: datetime | None,
        deadline: Deadline,
        texts: Mapping[ChangeId, str] | None = ...,
    ) -> Outcome: ...


class Links(Protocol):
    """Which memory says the same as which fact; see `tandem.db.links.Links`."""

    async def around(self, account_id: AccountId, item_ids: Collection[str]) -> list[Link]:
        """Links of these memories and facts, and those of what is linked to them."""
        ...
