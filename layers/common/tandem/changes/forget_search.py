"""What would go if somebody asked to forget this: searched in both stores, and nothing guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tandem.db.memory import Traced
from tandem.ids import AccountId
from tandem.recall.fusion import fuse
from tandem.recall.gather import Person
from tandem.recall.items import Draft, RecalledItem, resolve_all
from tandem.recall.words import part_of, telling_words
from tandem.together import both

MOST_ITEMS: Final = 20
_DEPTH: Final = 50
_MORE_THAN: Final = 0.5
# How one asks, not what for.
_ASKING: Final = telling_words(
    "forget delete remove erase remember memory memories please everything anything all fact"
)


class Searches(Protocol):
    """What is needed of the stores; see `tandem.recall.gather.Gather`."""

    async def facts_by_search(
        self, person: Person, query: str, *, limit: int, seconds: float
    ) -> list[Draft]: ...
    async def memories(
        self, person: Person, query: str, *, limit: int, seconds: float
    ) -> list[Draft]: ...


class Ledger(Protocol):
    """What is needed of the ledger; see `tandem.db.memory.MemoryLedger`."""

    async def trace(
        self, account_id: AccountId, *, facts: Sequence[Draft], memories: Sequence[Draft]
    ) -> Traced: ...


@dataclass(frozen=True, slots=True)
class Forgettable:
    """What would go, best first. `more`: there is more that fits than is listed."""

    items: Sequence[RecalledItem]
    more: bool = False


@dataclass(frozen=True, slots=True)
class ForgetSearch:
    """Looks for what a person may mean."""

    stores: Searches
    ledger: Ledger

    async def find(
        self,
        person: Person,
        query: str,
        *,
        pending: Sequence[RecalledItem] = (),
        limit: int = MOST_ITEMS,
        seconds: float,
    ) -> Forgettable:
        """Facts, memories and pending statements that share more than half of the query's telling
        words; of one or two words, all of them. Being near in meaning is not enough to go.

        Facts that no longer hold are among them. Each statement comes once, under the memory's id
        where there is one: what says the same goes with it.

        Args:
            query: what is to be forgotten, in the person's words.
            pending: what the person said lately and the stores have not ingested.
            limit: at most so many items.
            seconds: how long each store may take; they are asked at the same time.

        Raises:
            UpstreamError: a store doesn't answer: a part of what there is would look like all.
            Unavailable: the database is away.
        """
        wanted = telling_words(query) - _ASKING
        if not wanted:
            return Forgettable(())
        facts, memories = await both(
            self.stores.facts_by_search(person, query, limit=_DEPTH, seconds=seconds),
            self.stores.memories(person, query, limit=_DEPTH, seconds=seconds),
        )
        traced = Traced()
        if facts or memories:
            traced = await self.ledger.trace(person.account_id, facts=facts, memories=memories)
        drafts = fuse(facts, memories, query=query, pairs=traced.pairs)
        found = [*resolve_all(drafts, traced.sources), *pending]
        fitting = [item for item in found if part_of(wanted, telling_words(item.text)) > _MORE_THAN]
        return Forgettable(tuple(fitting[:limit]), more=len(fitting) > limit)
