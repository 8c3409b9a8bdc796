"""How clusters relate: which takes whose place, which clash, and what is undecided."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from memory_api.consolidation.grouping import Cluster, Grouped, valid_decisions
from memory_api.consolidation.statement import Decision, PairKey, Picture
from tandem.changes.model import Relation

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

_Bond = Literal["update", "contradiction", "distinct", "disagreement"]


@dataclass(frozen=True, slots=True)
class Relations:
    """Relations of clusters, by their places in `Grouped.clusters`.

    Attributes:
        later: for each cluster those decided as an update that were said later.
        newer: of these, those that are there to take its place: not just what has ended since.
        clashes: for each cluster those that it contradicts.
        unsettled: clusters of which some listed pair has no usable decision.
        undecided: the pairs without one, of clusters that have something visible.
        held: how many pairs were decided and aren't used, by reason.
    """

    later: Mapping[int, frozenset[int]]
    newer: Mapping[int, frozenset[int]]
    clashes: Mapping[int, frozenset[int]]
    unsettled: frozenset[int]
    undecided: frozenset[PairKey]
    held: Mapping[str, int]


def relate(picture: Picture, grouped: Grouped) -> Relations:
    """What the decisions about statements say of their clusters.

    The person's word, the newest of it, wins over all; then a contradiction, then an update unless
    two other members are decided to be distinct. The direction of an update is that of evidence
    times; if the older one might yet have been said later, it is undecided.
    """
    place = {one: index for index, cluster in enumerate(grouped.clusters) for one in cluster.ids}
    later, newer, clashes = (defaultdict[int, set[int]](set) for _ in range(3))
    held = {pair: why for pair, why in grouped.held.items() if place[pair[0]] != place[pair[1]]}
    settled = set[tuple[int, int]]()
    for (left, right), decisions in _between(picture, place).items():
        bond = _bond(decisions)
        order = _in_order(left, right, grouped.clusters) if bond == "update" else None
        if bond == "contradiction":
            clashes[left].add(right)
            clashes[right].add(left)
        elif order is not None:
            older, other = order
            later[older].add(other)
            if _stands_later(grouped.clusters[other], grouped.clusters[older]):
                newer[older].add(other)
        elif bond != "distinct":
            why = "disagreement" if bond == "disagreement" else "unknown_time"
            held |= dict.fromkeys(((one.left_id, one.right_id) for one in decisions), why)
            continue
        settled.add((left, right))

    def stands(pair: PairKey) -> bool:
        return all(grouped.clusters[place[one]].stands for one in pair)

    undecided = _undecided(picture, place, settled) | held.keys()
    return Relations(
        later=_frozen(later),
        newer=_frozen(newer),
        clashes=_frozen(clashes),
        unsettled=frozenset(place[one] for pair in undecided for one in pair if one in place),
        undecided=frozenset(filter(stands, undecided)),
        held=_counted({pair: why for pair, why in held.items() if stands(pair)}),
    )


def _between(picture: Picture, place: Mapping[str, int]) -> dict[tuple[int, int], list[Decision]]:
    found = defaultdict[tuple[int, int], list[Decision]](list)
    for one in valid_decisions(picture):
        left, right = sorted((place[one.left_id], place[one.right_id]))
        if left != right and (one.relation != "same" or one.decided_by == "person"):
            found[left, right].append(one)
    return found


def _bond(decisions: Sequence[Decision]) -> _Bond:
    persons = [one for one in decisions if one.decided_by == "person"]
    if persons:
        latest = max(one.decided_at or _BEGINNING for one in persons)
        persons = [one for one in persons if (one.decided_at or _BEGINNING) == latest]
    relations: set[Relation] = {one.relation for one in persons or decisions}
    if "same" in relations:  # the person's, between what can't be joined
        return "disagreement"
    if persons and "distinct" in relations:
        return "distinct"
    if "contradiction" in relations:
        return "contradiction"
    if relations == {"update", "distinct"}:
        return "disagreement"
    return "update" if "update" in relations else "distinct"


def _in_order(left: int, right: int, clusters: Sequence[Cluster]) -> tuple[int, int] | None:
    """The older and the newer; None if nobody knows which that is."""
    said_left, said_right = clusters[left].said_at, clusters[right].said_at
    if said_left is None or said_right is None or said_left == said_right:
        return None
    older, later = (left, right) if said_left < said_right else (right, left)
    return None if clusters[older].may_be_newer else (older, later)


def _stands_later(newer: Cluster, older: Cluster) -> bool:
    since, said_at = newer.standing_since, older.said_at
    return since is not None and said_at is not None and since > said_at


def _frozen(found: Mapping[int, set[int]]) -> dict[int, frozenset[int]]:
    return {one: frozenset(others) for one, others in found.items()}


def _undecided(
    picture: Picture, place: Mapping[str, int], settled: set[tuple[int, int]]
) -> frozenset[PairKey]:
    def is_open(pair: PairKey) -> bool:
        left, right = sorted(place[one] for one in pair)
        return left != right and (left, right) not in settled

    return frozenset(
        pair for pair in picture.listed if all(one in place for one in pair) and is_open(pair)
    )


def _counted(held: Mapping[PairKey, str]) -> dict[str, int]:
    counts = defaultdict[str, int](int)
    for why in held.values():
        counts[f"held_{why}"] += 1
    return dict(sorted(counts.items()))
