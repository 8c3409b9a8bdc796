"""Which pairs are worth a judge's decision: few for each statement, the likeliest first."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from memory_api.consolidation.grouping import HIDDEN_AS_SAME, Cluster, alike, valid_decisions
from memory_api.consolidation.nearest import nearest
from memory_api.consolidation.outlook import foremost
from memory_api.consolidation.shared_words import nearest_by_words
from memory_api.consolidation.statement import (
    Hidden,
    LinkedPair,
    PairKey,
    PairToJudge,
    Picture,
    Statement,
    pair_key,
)

PER_STATEMENT: Final = 5
_DAMPING: Final = 10
_DEPTH: Final = 2
"""How many times `per_statement` each ranking is asked for before they are made one."""


def to_judge(
    picture: Picture,
    vectors: Mapping[str, Sequence[float]] | None,
    *,
    per_statement: int = PER_STATEMENT,
) -> list[PairToJudge]:
    """The shortlist of a picture, without what is decided already; see `shortlist`."""
    return shortlist(
        picture.statements,
        vectors,
        per_statement=per_statement,
        known=[(one.left_id, one.right_id) for one in valid_decisions(picture)],
        links=picture.links,
        hidden=picture.hidden,
    )


def shortlist(
    statements: Sequence[Statement],
    vectors: Mapping[str, Sequence[float]] | None,
    *,
    per_statement: int = PER_STATEMENT,
    known: Collection[PairKey] = (),
    links: Collection[LinkedPair] = (),
    hidden: Sequence[Hidden] = (),
) -> list[PairToJudge]:
    """The pairs to be judged, the likeliest first.

    A statement nominates its nearest by meaning and by rare words, until it stands in
    `per_statement` pairs; those count that were decided before and those that others nominated.
    So it is judged again only with what is new, and a second run right after the first finds
    nothing. What is equal or linked stands once, in the statement that a plan would keep.

    Facts that can't get into Mem0 (they have ended, or aren't about the person) are paired with
    what is there or can get there, never with each other.

    Args:
        vectors: of the texts, by id; None or gaps leave it to the words.
        known: pairs that were decided and whose statements haven't changed.
    """
    groups = [one for one in alike(Picture(statements, hidden, links=list(links))) if _counts(one)]
    by_id = {one.id: one for one in map(_spokesman, groups)}
    apart = {
        one.id
        for one, group in zip(by_id.values(), groups, strict=True)
        if not (group.memories or any(fact.about_person for fact in group.facts))
    }
    spokesmen = {
        member: one for one, group in zip(by_id, groups, strict=True) for member in group.ids
    }
    decided = {pair_key(spokesmen.get(a, a), spokesmen.get(b, b)) for a, b in known}
    settled = {
        member: one for one, group in zip(by_id, groups, strict=True) for member in _settled(group)
    }
    pairs = Counter(settled[side] for pair in known for side in pair if side in settled)
    ranked = _ranked(by_id, vectors, per_statement, apart)
    chosen: dict[PairKey, None] = {}
    for _, one, other in ranked:
        key = pair_key(one, other)
        if key in decided or key in chosen or pairs[one] >= per_statement:
            continue
        chosen[key] = None
        pairs.update(key)
    return [PairToJudge(by_id[left], by_id[right]) for left, right in chosen]


def _counts(group: Cluster) -> bool:
    """Something of it may be changed: it isn't just what stands behind a hidden memory."""
    return bool(group.statements if not group.ghosts else group.memories or _said_since(group))


def _settled(group: Cluster) -> Iterator[str]:
    """The members whose pairs were decided for what is visible of the group by now.

    What was hidden as outdated isn't among them, nor what had ended: while it was, others came that
    it was never compared with.
    """
    standing = [*group.memories, *_said_since(group)]
    yield from (one.id for one in standing or group.statements)
    visible = {one.id for one in group.memories}
    yield from (ghost.id for ghost in group.ghosts if ghost.kept_id in visible)


def _said_since(group: Cluster) -> list[Statement]:
    """The facts that were said later than what was hidden as outdated."""
    times = [ghost.said_at for ghost in group.ghosts if ghost.reason not in HIDDEN_AS_SAME]
    return [
        fact
        for fact in group.facts
        if not times
        or (fact.said_at is not None and all(time and time < fact.said_at for time in times))
    ]


def _spokesman(group: Cluster) -> Statement:
    about = [fact for fact in group.facts if fact.about_person]
    one = foremost(group.memories or about or group.facts or group.statements)
    if one is None:
        raise ValueError("a group without statements")
    return one


def _ranked(
    statements: Mapping[str, Statement],
    vectors: Mapping[str, Sequence[float]] | None,
    per_statement: int,
    apart: Collection[str],
) -> list[tuple[float, str, str]]:
    """Who nominates whom, the best first: reciprocal rank fusion, as in `tandem.recall.fusion`."""
    depth = per_statement * _DEPTH
    texts = {one: statement.text for one, statement in statements.items()}
    rankings = [nearest_by_words(texts, depth, apart=apart)]
    if vectors:
        there = {one: vectors[one] for one in statements if one in vectors}
        rankings.append(nearest(there, depth, apart=apart))
    found: list[tuple[float, str, str]] = []
    for one in statements:
        scores = defaultdict[str, float](float)
        for ranking in rankings:
            for rank, other in enumerate(ranking.get(one, ()), start=1):
                scores[other] += 1 / (_DAMPING + rank)
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:per_statement]
        found += ((-score, one, other) for other, score in best)
    return sorted(found)
