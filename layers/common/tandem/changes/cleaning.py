"""What comes before a memory is tidied: what the person has asked for is done first."""

from dataclasses import dataclass

from tandem import observability
from tandem.changes.correcting import Correcting
from tandem.changes.forgetting import Forgetting, Forgotten
from tandem.changes.settling import Settling, settlement_of
from tandem.db.choices import MadeChoices
from tandem.db.corrections import LeftCorrections
from tandem.deadline import Deadline
from tandem.errors import Conflict, NotFound
from tandem.recall.gather import Person


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Finishes what was left unfinished, and deletes what has come back."""

    forgetting: Forgetting
    correcting: Correcting
    left: LeftCorrections
    settling: Settling
    choices: MadeChoices

    async def clean(self, person: Person, deadline: Deadline) -> Forgotten:
        """What had come back and is gone.

        A person who has neither forgotten nor left anything costs three round trips and no call.

        Raises:
            Unavailable: `unfinished`, the time is over with changes left; the database is away.
            UpstreamError: a store doesn't answer.
        """
        forgotten = await self.forgetting.clean(person, deadline)
        for correction in await self.left.find(person.account_id):
            await self.correcting.resume(person, correction.turn_id, correction.text, deadline)
        await self._settle(person, deadline)
        return forgotten

    async def _settle(self, person: Person, deadline: Deadline) -> None:
        """The choice is what counts: it is made again, and goes on where it stopped."""
        made, over = await self.choices.find(person.account_id)
        for conflict_id, keep, resolved_at in made:
            if settlement_of(conflict_id, resolved_at) in over:
                continue
            try:
                await self.settling.settle(person, conflict_id, keep, deadline=deadline)
            except (NotFound, Conflict) as changed:  # forgotten or taken back a moment ago
                observability.note(settling=changed.code)
