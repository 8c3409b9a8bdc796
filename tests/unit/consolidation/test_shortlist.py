"""Which pairs are worth a judge's decision."""

import random
from datetime import UTC, datetime
from uuid import UUID

import pytest

from memory_api.consolidation.shared_words import nearest_by_words, stems
from memory_api.consolidation.shortlist import shortlist, to_judge
from memory_api.consolidation.statement import (
    Decision,
    Hidden,
    LinkedPair,
    Picture,
    Statement,
)
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.normalise import statement_hash

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def memory(name: str, text: str, **more: object) -> Statement:
    return Statement(f"mem_{name}", text, statement_hash(text), DAY, **more)


def fact(number: int, text: str, **more: object) -> Statement:
    said_at = more.pop("said_at", DAY)
    return Statement(
        f"fact_{UUID(int=number)}",
        text,
        statement_hash(text),
        said_at,
        **more,
    )


def keys(pairs: list) -> set[tuple[str, str]]:
    return {pair.key for pair in pairs}


def many(count: int) -> tuple[list[Statement], dict[str, list[float]]]:
    draw = random.Random(count)  # noqa: S311 - a fixture, not a secret
    statements = [memory(f"{n:05}", f"word{n % 50} thing{n // 3} {n}") for n in range(count)]
    return statements, {one.id: [draw.gauss() for _ in range(16)] for one in statements}


@pytest.mark.parametrize("count", [2, 6, 40, 700])
@pytest.mark.parametrize("with_vectors", [True, False])
def test_there_are_at_most_five_pairs_a_memory(count: int, with_vectors: bool) -> None:
    statements, vectors = many(count)
    pairs = shortlist(statements, vectors if with_vectors else None)
    assert len(keys(pairs)) == len(pairs) <= 5 * count
    assert all(pair.left.id < pair.right.id for pair in pairs)


@pytest.mark.parametrize("count", [6, 40, 700])
def test_what_was_just_decided_makes_no_room_for_more(count: int) -> None:
    statements, vectors = many(count)
    first = keys(shortlist(statements, vectors))
    assert shortlist(statements, vectors, known=first) == []
    gone = set(random.Random(1).sample([one.id for one in statements], count // 3))  # noqa: S311
    rest = [one for one in statements if one.id not in gone]
    assert shortlist(rest, vectors, known=first) == []


def test_a_new_statement_is_compared_with_those_that_have_no_room_left() -> None:
    statements, vectors = many(40)
    known = keys(shortlist(statements, vectors))
    new = memory("new", "word7 thing7 something else")
    pairs = shortlist([*statements, new], vectors | {new.id: vectors["mem_00007"]}, known=known)
    assert 1 <= len(pairs) <= 5
    assert all(new in (pair.left, pair.right) for pair in pairs)
    assert "mem_00007" in {pairs[0].left.id, pairs[0].right.id}


def test_rare_words_find_pairs_without_vectors() -> None:
    statements = [
        memory("a", "User adopted a tortoise named Kiko"),
        memory("b", "Kiko the tortoise lives in the garden"),
        *(memory(f"x{n}", f"User likes the number {n}") for n in range(30)),
    ]
    assert shortlist(statements, None)[0].key == ("mem_a", "mem_b")


def test_words_in_every_text_do_not_compare_everything_with_everything() -> None:
    texts = {f"{n:04}": f"user likes walking {'quietly' * (n % 2)}" for n in range(2000)}
    near = nearest_by_words(texts, 5)
    assert all(len(others) <= 5 and one not in others for one, others in near.items())


def test_words_are_compared_without_their_endings() -> None:
    assert stems("moving moved moves") == stems("move")
    assert stems("running") == stems("runs")
    assert stems("東京に住む") & stems("東京で働く") == {"東京"}


def test_what_is_equal_or_linked_stands_once() -> None:
    equal = [memory("a", "User has a cat."), memory("b", "user has a cat")]
    linked = fact(1, "Ada keeps a cat")
    other = memory("c", "User feeds a cat")
    pairs = shortlist(
        [*equal, linked, other], None, links=[LinkedPair(Mem0Id("a"), ZepUuid(UUID(int=1)))]
    )
    assert keys(pairs) == {("mem_a", "mem_c")}


def test_what_was_decided_of_an_equal_statement_is_not_asked_again() -> None:
    statements = [memory("a", "User has a cat."), memory("b", "user has a cat")]
    other = memory("c", "User feeds a cat")
    assert shortlist([*statements, other], None, known=[("mem_b", "mem_c")]) == []


def test_facts_that_cannot_get_into_mem0_are_not_compared_with_each_other() -> None:
    ended = fact(1, "Ada had a cat", holds=False)
    others = fact(2, "Bob has a cat", about_person=False)
    lacking, own = fact(3, "Ada owns a cat"), memory("m", "User feeds a cat")
    pairs = keys(shortlist([ended, others, lacking, own], None))
    assert pairs == {
        tuple(sorted(pair))
        for pair in (
            (ended.id, lacking.id),
            (others.id, lacking.id),
            (ended.id, own.id),
            (others.id, own.id),
            (lacking.id, own.id),
        )
    }


def test_a_fact_behind_a_hidden_memory_is_not_compared_until_it_is_said_again() -> None:
    own = memory("m", "User has a home in Pune")
    ghost = Hidden("mem_old", statement_hash("User has a home in Goa"), DAY, own.id, "update")
    behind = fact(1, "User has a home in Goa")
    assert shortlist([own, behind], None, hidden=[ghost]) == []
    again = fact(2, "User has a home in Goa", said_at=DAY.replace(month=4))
    pairs = shortlist([own, behind, again], None, hidden=[ghost])
    assert keys(pairs) == {(again.id, own.id)}


def test_a_decision_about_changed_words_is_none() -> None:
    left, right = memory("a", "User has a cat"), memory("b", "User feeds a cat")
    decision = Decision(left.id, right.id, left.hash, right.hash, "distinct", "judge")
    assert to_judge(Picture([left, right], decisions=[decision]), None) == []
    changed = memory("b", "User feeds two cats")
    assert len(to_judge(Picture([left, changed], decisions=[decision]), None)) == 1
