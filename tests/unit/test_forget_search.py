"""What is offered to be forgotten: what shares the words of the wish, and nothing that is near."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from tandem.changes.forget_search import ForgetSearch, Forgettable
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.memory import Traced
from tandem.errors import UpstreamTimeout
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.items import Draft, RecalledItem
from tandem.recall.stores import fact_draft, memory_draft

ME = Person(AccountId(uuid4()), ZepUuid(uuid4()))


class Stores:
    """Find everything, whatever is asked."""

    def __init__(self, memories: Sequence[str] = (), facts: Sequence[str] = ()) -> None:
        self.memory_drafts = [
            memory_draft(Mem0Memory(id=Mem0Id(f"m{number}"), text=text))
            for number, text in enumerate(memories)
        ]
        self.fact_drafts = [fact_draft(ZepEdge(uuid=ZepUuid(uuid4()), fact=one)) for one in facts]
        self.asked: list[str] = []
        self.zep_is_away = False

    async def facts_by_search(
        self, person: Person, query: str, *, limit: int, seconds: float
    ) -> list[Draft]:
        assert (person, limit, seconds) == (ME, 50, 2.5)
        self.asked.append(query)
        if self.zep_is_away:
            raise UpstreamTimeout("zep", operation="graph.search")
        return self.fact_drafts

    async def memories(
        self, person: Person, query: str, *, limit: int, seconds: float
    ) -> list[Draft]:
        assert (person, limit, seconds) == (ME, 50, 2.5)
        self.asked.append(query)
        return self.memory_drafts

    async def trace(
        self, account_id: AccountId, *, facts: Sequence[Draft], memories: Sequence[Draft]
    ) -> Traced:
        assert (account_id, facts, memories) == (
            ME.account_id,
            self.fact_drafts,
            self.memory_drafts,
        )
        return Traced()


def find(stores: Stores, query: str, *pending: str, limit: int = 20) -> Forgettable:
    said = [
        RecalledItem(id=f"said_{uuid4()}", store="pending", kind="memory", text=text)
        for text in pending
    ]
    search = ForgetSearch(stores, stores)
    return asyncio.run(search.find(ME, query, pending=said, limit=limit, seconds=2.5))


def texts(found: Forgettable) -> list[str]:
    return [item.text for item in found.items]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dog", ["Has a dog", "Dog is called Rex"]),
        ("please forget that I have a dog", ["Has a dog", "Dog is called Rex"]),
        ("everything about my dogs", ["Has a dog", "Dog is called Rex"]),
        ("the dog Rex", ["Dog is called Rex"]),
        ("I live in Delhi", []),
        ("forget everything", []),
        ("?", []),
    ],
)
def test_what_shares_the_words_of_the_wish_is_offered(query: str, expected: list[str]) -> None:
    stores = Stores(["Has a dog", "Lives in Mumbai"], ["Dog is called Rex"])
    assert texts(find(stores, query)) == expected


def test_of_many_words_more_than_half_are_enough() -> None:
    stores = Stores(["Has a brown dog", "Has a brown bag", "Brown dog is called Rex"])
    assert texts(find(stores, "my brown dog Rex")) == ["Has a brown dog", "Brown dog is called Rex"]


def test_what_is_in_both_stores_is_offered_once_and_pending_statements_last() -> None:
    stores = Stores(["Has a dog"], ["has a dog."])
    found = find(stores, "dog", "My dog is ill", "I like tea")
    assert [(item.store, item.text) for item in found.items] == [
        ("both", "Has a dog"),
        ("pending", "My dog is ill"),
    ]


def test_of_more_than_can_be_shown_that_there_are_more_is_said() -> None:
    stores = Stores([f"Has dog {number}" for number in range(30)])
    found = find(stores, "dog")
    assert (len(found.items), found.more) == (20, True)
    assert not find(Stores(["Has a dog"]), "dog").more


def test_a_wish_without_any_telling_word_asks_nobody() -> None:
    stores = Stores(["Has a dog"])
    assert find(stores, "forget it all, please").items == ()
    assert stores.asked == []


def test_a_store_that_is_away_is_no_reason_to_offer_a_part() -> None:
    stores = Stores(["Has a dog"])
    stores.zep_is_away = True
    with pytest.raises(UpstreamTimeout):
        find(stores, "dog")
