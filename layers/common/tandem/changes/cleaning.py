"""What comes before a memory is tidied: what the person has asked for is done first."""

from dataclasses import dataclass

from tandem.changes.correcting import Correcting
from tandem.changes.forgetting import Forgetting, Forgotten
from tandem.db.corrections import LeftCorrections
from tandem.deadline import Deadline
from tandem.recall.gather import Person


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Finishes what was left unfinished, and deletes what has come back."""

    forgetting: Forgetting
    correcting: Correcting
    left: LeftCorrections

    async def clean(self, person: Person, deadline: Deadline) -> Forgotten:
        """What had come back and is gone.

        A person who has neither forgotten nor left anything costs two round trips and no call.

        Raises:
            Unavailable: `unfinished`, the time is over with changes left; the database is away.
            UpstreamError: a store doesn't answer.
        """
        forgotten = await self.forgetting.clean(person, deadline)
        for correction in await self.left.find(person.account_id):
            await self.correcting.resume(person, correction.turn_id, correction.text, deadline)
        return forgotten
