"""One ranking out of two."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.fusion import fuse
from tandem.recall.items import Draft
from tandem.recall.merge import Pair, merge
from tandem.recall.stores import fact_draft, memory_draft

NAMES = UUID("6a4f3f2e-0000-4000-8000-000000000000")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUESTION = "Where do I live?"


def fact(text: str) -> Draft:
    uuid = ZepUuid(uuid5(NAMES, text))
    return fact_draft(ZepEdge(uuid=uuid, fact=text, valid_at=NOON, episode_uuids=(uuid,)))


def memory(text: str) -> Draft:
    return memory_draft(Mem0Memory(id=Mem0Id(text), text=text, score=0.9))


def facts(*texts: str) -> list[Draft]:
    return [fact(text) for text in texts]


def memories(*texts: str) -> list[Draft]:
    return [memory(text) for text in texts]


def texts(drafts: list[Draft]) -> list[str]:
    return [draft.item.text for draft in drafts]


def test_what_both_rank_high_comes_before_what_one_ranks_first() -> None:
    fused = fuse(facts("A", "both", "B"), memories("C", "Both."), query=QUESTION)
    assert texts(fused) == ["Both.", "C", "A", "B"]
    assert (fused[0].item.store, fused[0].item.valid_from) == ("both", NOON)


def test_what_one_ranks_first_comes_before_what_both_have_at_the_end() -> None:
    tail = [f"filler {n}" for n in range(12)]
    fused = fuse(facts("first", *tail, "both"), memories(*"abcdefghijklm", "both"), query=QUESTION)
    assert texts(fused).index("first") < texts(fused).index("both")


def test_of_equal_ranks_that_comes_first_which_shares_more_with_the_question() -> None:
    fused = fuse(facts("Lives in Mumbai"), memories("Likes chess"), query=QUESTION)
    assert texts(fused) == ["Lives in Mumbai", "Likes chess"]
    fused = fuse(facts("Likes tea"), memories("Likes chess"), query=QUESTION)
    assert texts(fused) == ["Likes chess", "Likes tea"]


def test_linked_statements_are_one_item_with_the_ranks_of_both() -> None:
    pair = Pair(Mem0Id("Is fond of tea"), ZepUuid(uuid5(NAMES, "Likes tea")))
    fused = fuse(
        facts("A", "Likes tea"), memories("B", "Is fond of tea"), query=QUESTION, pairs=[pair]
    )
    assert texts(fused) == ["Is fond of tea", "B", "A"]
    assert fused[0].provider_ids == ("Is fond of tea", str(uuid5(NAMES, "Likes tea")))


def test_a_statement_that_a_store_has_twice_counts_once_there() -> None:
    fused = fuse([], memories("Likes chess", "Likes tea", "likes tea."), query=QUESTION)
    assert texts(fused) == ["Likes chess", "Likes tea"]


def test_scores_are_shares_of_the_best_there_can_be() -> None:
    [best, *_] = fuse(facts("both"), memories("both"), query=QUESTION)
    assert best.item.score == 1.0
    [alone] = fuse([], memories("alone"), query=QUESTION)
    assert alone.item.score == 0.5


WORDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(WORDS, WORDS)
def test_fusing_gives_what_merging_gives_in_order_of_score(
    one: list[str], other: list[str]
) -> None:
    fused = fuse(facts(*one), memories(*other), query=QUESTION)
    scores = [draft.item.score or 0.0 for draft in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    merged = merge(facts(*one), memories(*other))
    assert sorted(texts(fused)) == sorted(texts(merged))


@given(WORDS)
def test_a_store_alone_keeps_its_order(words: list[str]) -> None:
    assert texts(fuse(facts(*words), [], query="")) == words
    assert texts(fuse([], memories(*words), query="")) == words
