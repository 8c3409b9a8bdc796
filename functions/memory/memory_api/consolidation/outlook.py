"""What becomes of each cluster: what stays visible of it, what comes back, what is copied."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, NamedTuple

from memory_api.consolidation.grouping import Cluster, valid_decisions
from memory_api.consolidation.relations import FOREVER, Relations
from memory_api.consolidation.statement import FACT, MEMORY, Hidden, Picture, Statement

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_REPLACED: Final = frozenset({"update", "resolved"})


class Revival(NamedTuple):
    """A hidden memory that has been said again: by a fact, if `fact` is there."""

    ghost: Hidden
    fact: Statement | None
    said_at: datetime


class Kept(NamedTuple):
    """What stands for a cluster once the plan is carried out."""

    id: str
    hash: bytes
    said_at: datetime | None


class Outlook:
    """Answers about each cluster, by its place.

    What the person has set apart, or has had undone, is changed again only for what was said since.
    """

    def __init__(self, picture: Picture, clusters: Sequence[Cluster], relations: Relations) -> None:
        self.clusters = clusters
        self.relations = relations
        self._picture = picture
        self._place = {one: i for i, cluster in enumerate(clusters) for one in cluster.ids}
        self._revivals: dict[int, Revival | None] = {}
        self._winners: dict[int, int | None] = {}
        self.linked = {(f"{MEMORY}{a}", f"{FACT}{b}") for a, b in picture.links}

    def place_of(self, item_id: str) -> int | None:
        """The place of the cluster that it belongs to."""
        return self._place.get(item_id)

    def keeper(self, place: int) -> Statement | None:
        """The memory that stays visible: the one said last, then the longest."""
        return foremost(self.clusters[place].memories)

    def revival(self, place: int) -> Revival | None:
        """The hidden memory that is to be shown again, where none is visible."""
        if place not in self._revivals:
            self._revivals[place] = self._find_revival(place)
        return self._revivals[place]

    def addition(self, place: int) -> Statement | None:
        """The fact that is to be copied, where no memory says it."""
        cluster = self.clusters[place]
        if cluster.memories or self._picture.has_more or self.revival(place) is not None:
            return None
        if place in self.relations.unsettled or self._is_contested(place):
            return None
        about = [one for one in self._said_since(place, cluster.facts) if one.about_person]
        return foremost(about)

    def winner(self, place: int) -> int | None:
        """The cluster that takes this one's place for good, if one that stands does."""
        passed = list[int]()
        while place not in self._winners:
            later = [one for one in self.relations.newer.get(place, ()) if self.stands(one)]
            if not later:
                self._winners[place] = None
                break
            passed.append(place)
            place = max(later, key=lambda one: (self.clusters[one].said_at or _BEGINNING, -one))
        last = self._winners[place]
        self._winners |= dict.fromkeys(passed, place if last is None else last)
        return self._winners[passed[0]] if passed else last

    def stands(self, place: int) -> bool:
        """Something of it is visible, in Mem0 or as a fact that holds, or is about to be."""
        cluster = self.clusters[place]
        if cluster.memories or self.revival(place) is not None:
            return True
        settled = any(ghost.reason == "resolved" for ghost in cluster.ghosts)
        return bool(cluster.facts) and not settled  # the person has said that it isn't so

    def kept(self, place: int) -> Kept:
        """What stands for a cluster that stands."""
        revival = self.revival(place)
        if revival is not None:
            return Kept(revival.ghost.id, revival.ghost.hash, revival.said_at)
        one = self.keeper(place) or self.addition(place) or foremost(self.clusters[place].facts)
        if one is None:
            raise ValueError("nothing of it is visible")
        return Kept(one.id, one.hash, one.said_at)

    def may_go(self, one: Statement, later: datetime | None) -> bool:
        """The person hasn't said that it stays, or has said something since."""
        until = self._until.get(one.id)
        return until is None or (later is not None and later > until)

    def hidden_now(self, place: int) -> list[Statement]:
        """The visible memories of a cluster that this plan hides."""
        winner = self.winner(place)
        if winner is not None:
            later = self.clusters[winner].said_at
            return [one for one in self.clusters[place].memories if self.may_go(one, later)]
        keeper = self.keeper(place)
        return [
            one
            for one in self.clusters[place].memories
            if keeper is not None and one.id != keeper.id and self.may_go(one, keeper.said_at)
        ]

    def speaker(self, place: int) -> Statement | None:
        """The statement that is visible for a cluster once the plan is carried out."""
        hidden = {one.id for one in self.hidden_now(place)}
        remaining = [one for one in self.clusters[place].memories if one.id not in hidden]
        behind = self.clusters[place].ghosts and self.revival(place) is None
        if remaining or behind or self.winner(place) is not None:
            return foremost(remaining)
        return foremost(self.clusters[place].facts)

    @cached_property
    def _until(self) -> dict[str, datetime]:
        """For what the person has set apart or kept out, when they did."""
        found = defaultdict[str, datetime](lambda: _BEGINNING)
        for one in valid_decisions(self._picture):
            if one.decided_by == "person" and one.relation == "distinct":
                for side in (one.left_id, one.right_id):
                    found[side] = max(found[side], one.decided_at or FOREVER)
        hashes = {one.id: one.hash for one in self._picture.statements}
        for one in self._picture.decisions:
            if not one.right_id and hashes.get(one.left_id) == one.left_hash:
                found[one.left_id] = max(found[one.left_id], one.decided_at or FOREVER)
        return dict(found) | dict.fromkeys(self._picture.kept_out, FOREVER)

    def _find_revival(self, place: int) -> Revival | None:
        cluster = self.clusters[place]
        ghosts = [one for one in cluster.ghosts if not one.purged]
        if cluster.memories or not ghosts or self._is_outdated(place):
            return None
        by_hash = {one.hash: one for one in sorted(ghosts, key=_last_said)}
        again = [one for one in self._said_since(place, cluster.facts) if one.hash in by_hash]
        fact = foremost(again)
        if fact is not None and fact.said_at is not None:
            return Revival(by_hash[fact.hash], fact, fact.said_at)
        heard = [one for one in ghosts if one.heard_at is not None]
        best = max(heard, key=lambda one: (one.heard_at or _BEGINNING, one.id), default=None)
        floor = self._floor(place)
        if best is None or best.heard_at is None or floor is None or best.heard_at <= floor:
            return None
        return Revival(best, None, best.heard_at)

    def _said_since(self, place: int, facts: Sequence[Statement]) -> list[Statement]:
        """The facts said later than what was hidden, and later than what the person decided."""
        floor = self._floor(place)
        if floor == _BEGINNING:
            return list(facts)
        return [
            one
            for one in facts
            if floor is not None and one.said_at is not None and one.said_at > floor
        ]

    def _floor(self, place: int) -> datetime | None:
        """What was said up to then is no news; None if nobody knows when that was."""
        cluster = self.clusters[place]
        times = [self._until.get(one, _BEGINNING) for one in cluster.ids]
        for ghost in cluster.ghosts:
            last = ghost.said_at or ghost.hidden_at
            if last is None:
                return None
            times.append(last)
        return max(times)

    def _is_contested(self, place: int) -> bool:
        """Something newer takes its place, or something that is visible contradicts it."""
        if self._is_outdated(place) or self._is_replaced(place, self._hidden_besides(place)):
            return True
        return any(self.stands(one) for one in self.relations.clashes.get(place, ()))

    def _is_outdated(self, place: int) -> bool:
        """Decided so, or it was hidden in favour of what was said later than any of it."""
        later = bool(self.relations.later.get(place))
        return later or self._is_replaced(place, self.clusters[place].ghosts)

    def _is_replaced(self, place: int, ghosts: Sequence[Hidden]) -> bool:
        """One of these was hidden in favour of what was said later than any of the cluster."""
        said_at = self.clusters[place].said_at
        for ghost in ghosts:
            other = self._place.get(ghost.kept_id or "") if ghost.reason in _REPLACED else None
            if other is None or other == place:
                continue
            later = self.clusters[other].said_at
            if later is not None and (said_at is None or said_at <= later):
                return True
        return False

    def _hidden_besides(self, place: int) -> list[Hidden]:
        """What a judge has found to say the same and is hidden since. No guard can read it any
        more, so that it isn't joined; but what was replaced with it isn't lacking."""
        said = {one for item in self.clusters[place].ids for one in self._same.get(item, ())}
        places = sorted({self._place[one] for one in said} - {place})
        return [ghost for one in places for ghost in self.clusters[one].ghosts]

    @cached_property
    def _same(self) -> dict[str, set[str]]:
        """For each statement, the hidden ones that were decided to be the same."""
        hidden = {one.id for one in self._picture.hidden}
        found = defaultdict[str, set[str]](set)
        for one in valid_decisions(self._picture):
            if one.relation == "same":
                for side, other in ((one.left_id, one.right_id), (one.right_id, one.left_id)):
                    if other in hidden:
                        found[side].add(other)
        return dict(found)


def foremost(statements: Sequence[Statement]) -> Statement | None:
    """Said last; of those, the longest; of those, the one with the smallest id."""
    ordered = sorted(statements, key=lambda one: one.id)
    return max(ordered, key=lambda one: (one.said_at or _BEGINNING, len(one.text)), default=None)


def _last_said(ghost: Hidden) -> tuple[datetime, str]:
    return ghost.said_at or _BEGINNING, ghost.id
