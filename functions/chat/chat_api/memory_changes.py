"""Changes of memory at a person's word, as one turn of chat asks for them."""

from collections.abc import Sequence

from chat_api.changing import Carried, Keep
from tandem.db.proposals import OpenConflict, OpenProposal
from tandem.deadline import Deadline
from tandem.ids import TurnId
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem


class NoChanges:
    """Finds nothing to forget and changes nothing."""

    async def find(
        self, person: Person, query: str, *, deadline: Deadline
    ) -> Sequence[RecalledItem]:
        """Nothing."""
        del person, query, deadline
        return []

    async def forget(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        """Nothing to forget."""
        del person, proposal, turn_id, deadline
        return "gone"

    async def correct(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        """Nothing to correct."""
        del person, proposal, turn_id, deadline
        return "gone"

    async def settle(
        self,
        person: Person,
        conflict: OpenConflict,
        keep: Keep,
        *,
        turn_id: TurnId,
        deadline: Deadline,
    ) -> Carried:
        """Nothing to settle."""
        del person, conflict, keep, turn_id, deadline
        return "gone"
