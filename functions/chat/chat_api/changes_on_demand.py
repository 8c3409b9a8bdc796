"""Changes of memory, loaded when somebody first asks for one.

Few turns do, and what carries changes out would make every cold start some hundredths longer.
"""

from collections.abc import Callable, Sequence

from chat_api.changing import Carried, Found, Keep, MemoryChanges
from tandem.db.proposals import OpenConflict, OpenProposal
from tandem.deadline import Deadline
from tandem.ids import TurnId
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem


class ChangesOnDemand:
    """`MemoryChanges` that are made on first use; see there for what each method does."""

    def __init__(self, make: Callable[[], MemoryChanges]) -> None:
        self._make = make
        self._made: MemoryChanges | None = None

    @property
    def _changes(self) -> MemoryChanges:
        if self._made is None:
            self._made = self._make()
        return self._made

    async def find(
        self,
        person: Person,
        query: str,
        *,
        pending: Sequence[RecalledItem],
        deadline: Deadline,
    ) -> Found:
        """What would go."""
        return await self._changes.find(person, query, pending=pending, deadline=deadline)

    async def forget(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        """Forgets what was proposed."""
        return await self._changes.forget(person, proposal, turn_id=turn_id, deadline=deadline)

    async def correct(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        """Corrects as was proposed."""
        return await self._changes.correct(person, proposal, turn_id=turn_id, deadline=deadline)

    async def settle(
        self,
        person: Person,
        conflict: OpenConflict,
        keep: Keep,
        *,
        turn_id: TurnId,
        deadline: Deadline,
    ) -> Carried:
        """Carries out the person's choice."""
        return await self._changes.settle(
            person, conflict, keep, turn_id=turn_id, deadline=deadline
        )
