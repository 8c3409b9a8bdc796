"""Which statements say the same: clusters joined by equality, by links and by decisions.

What an earlier run has hidden stays a member by its hash, links and the statement that was kept,
so that what was decided about it goes on counting for whatever says the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from memory_api.consolidation.statement import (
    FACT,
    MEMORY,
    Decision,
    Hidden,
    PairKey,
    Picture,
    Statement,
    pair_key,
)

HIDDEN_AS_SAME: Final = frozenset({"same", "equal"})

Guard = Callable[[str, str], str | None]
"""Why two texts aren't the same whatever a judge says; None if nothing speaks against it."""


@dataclass(slots=True)
class Cluster:
    """What says one thing: statements, and memories hidden by earlier runs."""

    statements: list[Statement] = field(default_factory=list)
    ghosts: list[Hidden] = field(default_factory=list)

    @property
    def ids(self) -> Iterator[str]:
        """Of all members."""
        yield from (one.id for one in self.statements)
        yield from (ghost.id for ghost in self.ghosts)

    @property
    def memories(self) -> list[Statement]:
        """Those that aren't hidden."""
        return [one for one in self.statements if one.is_memory]

    @property
    def facts(self) -> list[Statement]:
        """Those that hold."""
        return [one for one in self.statements if not one.is_memory and one.holds]

    @property
    def stands(self) -> bool:
        """Something of it is visible, in Mem0 or as a fact that holds."""
        return any(one.holds for one in self.statements)

    @property
    def said_at(self) -> datetime | None:
        """When any of it was last said; None if nobody knows of any."""
        times = [one.said_at for one in self.statements]
        times += [time for ghost in self.ghosts for time in (ghost.said_at, ghost.heard_at)]
        return max((time for time in times if time is not None), default=None)

    @property
    def standing_since(self) -> datetime | None:
        """When what of it hasn't ended or been hidden was last said; None if nobody knows."""
        times = [one.said_at for one in self.statements if one.holds]
        times += [ghost.heard_at for ghost in self.ghosts]
        return max((time for time in times if time is not None), default=None)

    @property
    def may_be_newer(self) -> bool:
        """Something of it that hasn't ended was said nobody knows when."""
        return any(one.said_at is None and one.holds for one in self.statements) or any(
            ghost.said_at is None and ghost.heard_at is None for ghost in self.ghosts
        )


@dataclass(frozen=True, slots=True)
class Grouped:
    """All clusters, in the order of their smallest ids.

    Attributes:
        held: pairs whose `same` isn't used, and why: a guard's name, or `disagreement`.
    """

    clusters: Sequence[Cluster]
    held: dict[PairKey, str]


def valid_decisions(picture: Picture) -> list[Decision]:
    """Decisions about two statements that still read as they did, by their ids."""
    hashes = dict(_hashes(picture))
    return sorted(
        (
            one
            for one in picture.decisions
            if one.right_id
            and hashes.get(one.left_id) == one.left_hash
            and hashes.get(one.right_id) == one.right_hash
        ),
        key=lambda one: (one.left_id, one.right_id),
    )


def _hashes(picture: Picture) -> Iterator[tuple[str, bytes]]:
    yield from ((one.id, one.hash) for one in picture.hidden)
    yield from ((one.id, one.hash) for one in picture.statements)


def alike(picture: Picture) -> list[Cluster]:
    """Groups of what is equal or linked, which needs no judge."""
    joined = _Joined(picture)
    _join_by_rule(joined, picture)
    return joined.clusters()


def clusters_of(picture: Picture, guard: Guard) -> Grouped:
    """Groups of what says the same, a judge's decisions included.

    The person's word comes first, then equality, then links, then a judge's `same`, unless a guard
    speaks against it or two members of what it would join are decided otherwise.
    """
    joined, held = _Joined(picture), dict[PairKey, str]()
    said = {one.hash: one.text for one in picture.statements}
    texts = {one: said[of_it] for one, of_it in _hashes(picture) if of_it in said}
    same = [one for one in valid_decisions(picture) if one.relation == "same"]
    for one in same:
        if one.decided_by == "person":
            joined.join(one.left_id, one.right_id)
    _join_by_rule(joined, picture)
    hiding = _Hiding(picture)
    # What is hidden comes last: it joins where that which was kept for it belongs.
    for one in sorted(same, key=lambda it: not (it.left_id in texts and it.right_id in texts)):
        left, right = one.left_id, one.right_id
        if one.decided_by == "person" or joined.together(left, right):
            continue
        if left in texts and right in texts:
            why = guard(texts[left], texts[right])
        elif hiding.joined(left, right, joined):
            why = None  # the guards let it pass when it was hidden
        else:
            continue
        if why is None and not joined.join(left, right):
            why = "disagreement"
        if why is not None:
            held[pair_key(left, right)] = why
    return Grouped(joined.clusters(), held)


class _Joined:
    """Union-find that knows which statements are decided not to be the same."""

    def __init__(self, picture: Picture) -> None:
        self._statements = {one.id: one for one in picture.statements}
        self._ghosts = {one.id: one for one in picture.hidden if one.id not in self._statements}
        self._root = {one: one for one in (*self._statements, *self._ghosts)}
        self._members = {one: [one] for one in self._root}
        self._against: dict[str, set[str]] = defaultdict(set)
        self._against_rules: dict[str, set[str]] = defaultdict(set)
        for one in valid_decisions(picture):
            if one.relation != "same":
                self._set_against(self._against, one)
                if one.decided_by == "person":
                    self._set_against(self._against_rules, one)

    @staticmethod
    def _set_against(against: dict[str, set[str]], one: Decision) -> None:
        against[one.left_id].add(one.right_id)
        against[one.right_id].add(one.left_id)

    def knows(self, one: str) -> bool:
        return one in self._root

    def together(self, left: str, right: str) -> bool:
        return self._root[left] == self._root[right]

    def join(self, left: str, right: str, *, by_rule: bool = False) -> bool:
        """False if that would bring together what is decided otherwise, by the person or at all."""
        stays, goes = self._root[left], self._root[right]
        if stays == goes:
            return True
        if len(self._members[stays]) < len(self._members[goes]):
            stays, goes = goes, stays
        against = self._against_rules if by_rule else self._against
        if any(one in self._members_against(against, stays) for one in self._members[goes]):
            return False
        for one in self._members[goes]:
            self._root[one] = stays
        self._members[stays] += self._members.pop(goes)
        self._against[stays] |= self._against.pop(goes, set())
        self._against_rules[stays] |= self._against_rules.pop(goes, set())
        return True

    @staticmethod
    def _members_against(against: dict[str, set[str]], root: str) -> Iterable[str]:
        return against.get(root, frozenset())

    def clusters(self) -> list[Cluster]:
        found = [sorted(members) for members in self._members.values()]
        return [
            Cluster(
                [self._statements[one] for one in members if one in self._statements],
                [self._ghosts[one] for one in members if one in self._ghosts],
            )
            for members in sorted(found)
        ]


def _join_by_rule(joined: _Joined, picture: Picture) -> None:
    first: dict[bytes, str] = {}
    for one, said in sorted(_hashes(picture)):
        joined.join(first.setdefault(said, one), one, by_rule=True)
    for link in sorted(picture.links):
        memory, fact = f"{MEMORY}{link.mem0_id}", f"{FACT}{link.edge_uuid}"
        if joined.knows(memory) and joined.knows(fact):
            joined.join(memory, fact)


class _Hiding:
    """What was hidden as the same, and for what."""

    def __init__(self, picture: Picture) -> None:
        self._kept = {
            one.id: one.kept_id
            for one in picture.hidden
            if one.reason in HIDDEN_AS_SAME and one.kept_id is not None
        }

    def joined(self, left: str, right: str, joined: _Joined) -> bool:
        """One was hidden in favour of the other, or both ended as the same statement, or as what
        is joined already."""
        if self._kept.get(left) == right or self._kept.get(right) == left:
            return True
        ends = self._end(left), self._end(right)
        return ends[0] == ends[1] or (all(map(joined.knows, ends)) and joined.together(*ends))

    def _end(self, one: str) -> str:
        seen = set[str]()
        while one in self._kept and one not in seen:
            seen.add(one)
            one = self._kept[one]
        return one
