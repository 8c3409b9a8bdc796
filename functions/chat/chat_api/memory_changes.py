"""Changes of memory at a person's word, as a turn of chat asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chat_api.changing import Carried, Found, Keep
from tandem.changes.correcting import Correcting, Correction
from tandem.changes.forget_search import ForgetSearch
from tandem.changes.forgetting import Forgetting, Wish
from tandem.changes.ready import Parts
from tandem.changes.settling import Keep as Side
from tandem.changes.settling import Settling
from tandem.db.proposals import OpenConflict, OpenProposal
from tandem.deadline import Deadline
from tandem.errors import Conflict, NotFound, Unavailable, UpstreamError
from tandem.ids import TurnId
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem

_SEARCH_SECONDS: Final = 5.0
_SIDES: Final[dict[Keep, Side]] = {"first": "left", "second": "right", "both": "both"}


def wire_changes(parts: Parts) -> "JournalledChanges":
    """What changes memory in a chat, over these parts."""
    return JournalledChanges(
        parts.forget_search(), parts.forgetting(), parts.correcting(), parts.settling()
    )


@dataclass(frozen=True, slots=True)
class JournalledChanges:
    """`MemoryChanges` on the one path on which changes reach the stores."""

    search: ForgetSearch
    forgetting: Forgetting
    correcting: Correcting
    settling: Settling

    async def find(
        self,
        person: Person,
        query: str,
        *,
        pending: Sequence[RecalledItem],
        deadline: Deadline,
    ) -> Found:
        """What would go, best first, each statement once.

        Raises:
            UpstreamError: a store doesn't answer: a part of what there is would look like all.
            Unavailable: the database is away.
        """
        found = await self.search.find(
            person, query, pending=pending, seconds=deadline.step(_SEARCH_SECONDS)
        )
        return Found(found.items, found.more)

    async def forget(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried:
        """Forgets what was proposed. The request and the yes are about nothing else, so what a
        store derives from them goes, too.

        Raises:
            UpstreamError, Unavailable: nothing was recorded; the same turn may try again.
        """
        wish = Wish(proposal.item_ids, turn_id=turn_id, about=(proposal.turn_id, turn_id))
        try:
            forgotten = await self.forgetting.forget(person, wish, deadline)
        except (UpstreamError, Unavailable) as error:
            if isinstance(error, Unavailable) and error.code != "unfinished":
                raise
            erased = await self.forgetting.tombstones.erase(
                person.account_id, wish.run_id(person.account_id)
            )
            if not erased.known:
                raise
            return "later"  # the job goes on with it
        return "done" if forgotten.known else "gone"

    async def correct(
        self,
        person: Person,
        proposal: OpenProposal,
        *,
        turn_id: TurnId,  # noqa: ARG002 - the correction rests on the turn that said it
        deadline: Deadline,
    ) -> Carried:
        """Puts the proposed words in the place of the old; they rest on the turn in which the
        person said them, which is also the key.

        Raises:
            UpstreamError: nothing was recorded.
            Unavailable: the database is away.
        """
        target = await self.correcting.target(person, proposal.item_ids[0], deadline)
        if target is None:
            return "gone"
        correction = Correction(
            proposal.replacement or "", proposal.turn_id, proposal.said_at, started_by="chat"
        )
        try:
            await self.correcting.carry_out(person, target, correction, deadline)
        except Unavailable as error:
            if error.code != "unfinished":
                raise
            return "later"  # the job goes on with it
        return "done"

    async def settle(
        self,
        person: Person,
        conflict: OpenConflict,
        keep: Keep,
        *,
        turn_id: TurnId,
        deadline: Deadline,
    ) -> Carried:
        """Stores the choice and carries it out.

        Raises:
            Unavailable: the database is away.
        """
        try:
            await self.settling.settle(
                person, conflict.id, _SIDES[keep], turn_id=turn_id, deadline=deadline
            )
        except (NotFound, Conflict):
            return "gone"
        except UpstreamError:
            return "later"
        except Unavailable as error:
            if error.code != "unfinished":
                raise
            return "later"
        return "done"
