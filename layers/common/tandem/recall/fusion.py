"""One ranking out of two stores' rankings.

Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): an item's score is the sum, over
the stores that found it, of 1 / (k + its rank there). Ranks and not scores, because scores can't be
compared: Mem0's are similarities cut at a threshold, Zep's have a scale of their own for each
reranker and are missing for some, and neither service promises to keep its scale. There is nothing
to train, and a store that is away changes no rule.

k is 10, not the 60 of the paper. That suits many systems that search one collection of thousands;
here are two that hold different things of one person, a few of which bear on a question, and both
fill their lists. With 60 whatever both have, if only at the end of their lists of 20, would stand
above the best that only one has. With 10 the first of one store stands beside what both have in
the twelfth place, and what both have among the first stands above everything.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from tandem.recall.items import Draft
from tandem.recall.merge import Group, Pair, group_statements, spokesman
from tandem.recall.words import part_of, telling_words

_DAMPING: Final = 10
_BEST: Final = 2 / (_DAMPING + 1)


def fuse(
    facts: Sequence[Draft],
    memories: Sequence[Draft],
    *,
    query: str,
    pairs: Collection[Pair] = (),
) -> list[Draft]:
    """Facts and memories as one list, best first, each statement once as `merge` makes it.

    Args:
        facts: from `stores.fact_draft`, best first.
        memories: from `stores.memory_draft`, best first.
        query: what was asked; of equal ranks, that comes first which shares more words with it,
            then what Mem0 knows.
        pairs: linked memories and facts, which say the same whatever their words.

    Returns:
        Drafts whose score is their share (0 to 1) of what the first in both stores would get.
    """
    fact_ranks = {id(draft): rank for rank, draft in enumerate(facts, start=1)}
    memory_ranks = {id(draft): rank for rank, draft in enumerate(memories, start=1)}

    def score(group: Group) -> float:
        ranks = [
            min(ranks[id(draft)] for draft in drafts)
            for drafts, ranks in ((group.facts, fact_ranks), (group.memories, memory_ranks))
            if drafts
        ]
        return sum(1 / (_DAMPING + rank) for rank in ranks) / _BEST

    fused = [
        _scored(spokesman(group), score(group))
        for group in group_statements(facts, memories, pairs=pairs)
    ]
    asked = telling_words(query)
    return sorted(
        fused,
        key=lambda draft: (-_score(draft), -part_of(asked, telling_words(draft.item.text))),
    )


def _scored(draft: Draft, score: float) -> Draft:
    return replace(draft, item=draft.item.model_copy(update={"score": round(score, 6)}))


def _score(draft: Draft) -> float:
    return draft.item.score or 0.0
