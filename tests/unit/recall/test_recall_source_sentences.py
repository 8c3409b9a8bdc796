"""The sentences behind what is remembered: which one, and how many fit."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tandem.ids import MessageId, TurnId
from tandem.recall.evidence import evidence_block
from tandem.recall.items import Draft, RecalledItem
from tandem.recall.rank import estimate_tokens
from tandem.recall.source_sentences import Utterance, evidence_with_sources, source_sentences
from tandem.recall.stores import pending_item

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOLD = "Hello! I have lived in Delhi since 2018, near the river. My dog is ill."


def draft(text: str, *names: str, turn: int | None = None) -> Draft:
    item = RecalledItem(id=f"mem_{text}", store="mem0", kind="memory", text=text)
    return Draft(item, names, (TurnId(UUID(int=turn)),) if turn else ())


def said(message: str, *names: str, turn: int = 1) -> Utterance:
    return Utterance(TurnId(UUID(int=turn)), message, frozenset(names))


@pytest.mark.parametrize(
    "home", [draft("Lives in Delhi", "m1"), draft("Lives in Delhi", turn=1)], ids=["store", "turn"]
)
def test_the_sentence_that_says_it_is_found_by_the_stores_name_or_the_turn(home: Draft) -> None:
    found = source_sentences([home], [said(TOLD, "m1", "m2")], tokens=100)
    assert found == {home.item.id: "I have lived in Delhi since 2018, near the river."}


def test_the_newest_message_counts() -> None:
    utterances = [said("Delhi is home.", "m1", turn=2), said(TOLD, "m1", turn=1)]
    found = source_sentences([draft("Lives in Delhi", "m1")], utterances, tokens=100)
    assert list(found.values()) == ["Delhi is home."]


def test_what_says_no_more_is_pending_or_unknown_has_no_source() -> None:
    pending = Draft(
        pending_item(TurnId(UUID(int=1)), MessageId(UUID(int=2)), "s", TOLD, NOW), ("m1",)
    )
    drafts = [pending, draft("my dog is ill", "m1"), draft("Likes tea", "m9")]
    assert source_sentences(drafts, [said("My dog is ill!", "m1")], tokens=100) == {}
    assert source_sentences(drafts, [], tokens=100) == {}


def test_a_sentence_is_one_line_of_bounded_length() -> None:
    found = source_sentences(
        [draft("Lives in Delhi", "m1")],
        [said("I live in\u202e Delhi \t and " + "more " * 900, "m1")],
        tokens=1_000,
    )
    [sentence] = found.values()
    assert len(sentence) == 200
    assert sentence.startswith("I live in Delhi and more")


@pytest.mark.parametrize("tokens", [0, 20, 50, 100, 400, 2_000])
def test_the_block_stays_within_its_tokens_and_the_first_items_get_theirs(tokens: int) -> None:
    drafts = [draft(f"Fact {number}", f"m{number}") for number in range(8)]
    utterances = [said(f'Fact {n} "is" what <I> said.', f"m{n}", turn=n + 1) for n in range(8)]
    bare = estimate_tokens(evidence_block([one.item for one in drafts]))

    block = evidence_with_sources(drafts, utterances, tokens=bare + tokens)

    assert estimate_tokens(block) <= bare + tokens
    lines = block.splitlines()[1:-1]
    have = ["source" in line for line in lines]
    assert have == sorted(have, reverse=True)
    assert any(have) is (tokens >= 20)
    assert all(have) is (tokens >= 100)
