"""Duplicates in other words among thousands of unrelated memories of one person."""

from collections.abc import Sequence
from typing import Final

from evaluation import sets, unrelated
from evaluation.report import Figure, Line, Share
from evaluation.sets import Pair, Side
from evaluation.world import Someone, World, each

UNRELATED: Final = 2_000
_REACHED: Final = 0.95
_PAIRS_A_MEMORY: Final = 5
_PAIRS_A_CALL: Final = 10
_SEED: Final = 4


def planted(world: World, *, by_labels: bool) -> list[Line]:
    """How many of the planted duplicates reach the judge.

    Args:
        by_labels: embeddings put the same statements in the same place; else the twin's own
            embeddings do what they can with words.
    """
    pairs = sets.pairs("planted")
    world.judge("labels", [(pair.a.text, pair.b.text, "same") for pair in pairs])
    world.meanings([pair.texts for pair in pairs] if by_labels else [])
    [someone] = world.people(1)
    fill(world, someone, UNRELATED)
    ids = each(lambda side: world.remember(someone, side), _sides(pairs))
    run = world.consolidate(someone)
    reached = _reached(world, someone, ids)
    name = "by their labels" if by_labels else "by their words"
    bar = _REACHED if by_labels else None
    counts = run["counts"]
    memories = UNRELATED + len(ids)
    return [
        Share(f"planted that reach the judge, embedded {name}", reached, len(pairs), bar),
        Figure("pairs a memory", round(counts["pairs"] / memories, 2), _PAIRS_A_MEMORY),
        Figure(
            "pairs a judge call",
            round(counts["pairs"] / max(counts["judge_calls"], 1), 1),
            _PAIRS_A_CALL,
            "least",
        ),
    ]


def fill(world: World, someone: Someone, count: int) -> None:
    """Gives somebody so many memories that have nothing to do with each other."""
    memories = unrelated.memories(count, seed=_SEED)
    sides = [Side(memory.text, sets.moment(memory.said_at)) for memory in memories]
    each(lambda side: world.remember(someone, side), sides)


def _sides(pairs: Sequence[Pair]) -> list[Side]:
    return [side for pair in pairs for side in pair.sides]


def _reached(world: World, someone: Someone, ids: Sequence[str]) -> int:
    """How many of the pairs, whose ids follow each other, were decided by the judge."""
    rows = world.rows(
        "select left_id, right_id from decisions"
        " where account_id = :account and decided_by = 'judge'",
        account=someone.account_id,
    )
    decided = {frozenset(row) for row in rows}
    wanted = zip(ids[::2], ids[1::2], strict=True)
    return sum(frozenset({f"mem_{a}", f"mem_{b}"}) in decided for a, b in wanted)
