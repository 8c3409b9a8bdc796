"""The twins' index finds what comparing every document would find, with the same scores."""

from collections.abc import Iterator

import pytest

from local.twins import index, text
from local.twins.storage import Storage

FACTS = [
    "Lives in Delhi",
    "Moved to Mumbai",
    "Sister Priya lives in Pune",
    "Likes green tea",
    "Dislikes coffee",
    "Dog is named Bruno",
    "Works at Acme",
    "Is allergic to peanuts",
    "Favourite colour is teal",
    "Old friend from school plays chess on Sundays",
    "Is 34 years old",
]
QUERIES = [
    "Where do I live?",
    "where does my sister live",
    "what tea do I like",
    "how old am I",
    "do I have pets?",
    "what do you know about me?",
    "chess",
    "quantum physics",
    "does my dog like tea in Delhi",
]


@pytest.fixture
def store() -> Iterator[Storage]:
    opened = Storage(None, index.SCHEMA)
    yield opened
    opened.close()


def found(store: Storage, query: str, collection: str = "ada") -> dict[str, float]:
    sql, values = index.matches(collection, query)
    return {row["document"]: row["score"] for row in store.rows(sql, *values)}


@pytest.mark.parametrize("query", QUERIES)
def test_every_document_is_found_with_the_score_that_a_comparison_gives(
    store: Storage, query: str
) -> None:
    for fact in FACTS:
        index.put(store, collection="ada", document=fact, text=fact)
        index.put(store, collection="bob", document=f"bob:{fact}", text=fact)
    expected = {fact: text.score(query, fact) for fact in FACTS if text.score(query, fact) > 0}
    assert found(store, query) == pytest.approx(expected, abs=2e-6)


def test_a_document_that_was_replaced_is_found_by_its_new_words_alone(store: Storage) -> None:
    index.put(store, collection="ada", document="1", text="Likes tea")
    index.put(store, collection="ada", document="1", text="Likes cocoa")
    assert found(store, "tea") == {}
    assert list(found(store, "cocoa")) == ["1"]


def test_what_was_dropped_is_found_no_more(store: Storage) -> None:
    for number in range(3):
        index.put(store, collection="ada", document=str(number), text=f"Likes tea {number}")
    index.put(store, collection="bob", document="b", text="Likes tea")
    index.drop(store, "1")
    assert set(found(store, "tea")) == {"0", "2"}
    index.drop_collection(store, "ada")
    assert found(store, "tea") == {}
    assert set(found(store, "tea", "bob")) == {"b"}
    left = store.row("select count(*) as n from index_postings where collection = 'ada'")
    assert left is not None
    assert left["n"] == 0


def test_a_thousand_documents_are_searched_at_once(store: Storage) -> None:
    words = ["tea", "chess", "Delhi", "opera", "running", "jazz"]
    with store.transaction():
        for number in range(1000):
            fact = f"Likes {words[number % 6]} number {number}"
            index.put(store, collection="ada", document=str(number), text=fact)
    assert len(found(store, "what do I like")) == 1000
    assert len(found(store, "Delhi")) == 167
    assert max(found(store, "number 17").items(), key=lambda pair: pair[1])[0] == "17"
