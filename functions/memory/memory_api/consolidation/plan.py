"""The change set that follows from what was read and what was decided.

What is said by several memories stays in one of them. What has been replaced is hidden, what the
person says again is shown again, what only Zep knows of the person is copied into Mem0, and what
clashes is left for the person. A plan that has been carried out leaves nothing to be planned.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from memory_api.consolidation.budget import Unit, within_budget
from memory_api.consolidation.grouping import Cluster, clusters_of
from memory_api.consolidation.guards import held_by
from memory_api.consolidation.outlook import Kept, Outlook, Revival
from memory_api.consolidation.relations import relate
from memory_api.consolidation.statement import (
    FACT,
    MEMORY,
    ConflictKey,
    Contradiction,
    Picture,
    Plan,
    Statement,
)
from tandem.changes.model import Change, ChangeId, ChangeKind
from tandem.ids import Mem0Id, ZepUuid

_UNSET: Final = ChangeId(UUID(int=0))
_COUNTED: Final[tuple[ChangeKind, ...]] = ("hide", "show", "add", "link")


def plan(picture: Picture, *, new_id: Callable[[], UUID], max_changes: int) -> Plan:
    """What to change, in the order in which it is to be carried out.

    The same picture gives the same plan, but for the ids. Each change is safe if it's the last one
    that is carried out: nothing is hidden before what takes its place is shown.

    Args:
        new_id: called once for each change.
        max_changes: what belongs together and doesn't fit is left to a later run.
    """
    picture = _without_forgotten(picture)
    grouped = clusters_of(picture, held_by)
    relations = relate(picture, grouped)
    outlook = Outlook(picture, grouped.clusters, relations)
    units = [_unit(outlook, place) for place in range(len(grouped.clusters))]
    changes, left = within_budget(units, max_changes, new_id)
    alive = _alive(picture, outlook)
    conflicts = _conflicts(outlook, {_places(outlook, key) for key in alive})
    kinds = Counter(change.kind for change in changes)
    return Plan(
        changes=changes,
        conflicts=conflicts,
        undecided=len(relations.undecided),
        counts={
            **{kind: kinds[kind] for kind in _COUNTED},
            "left": left,
            "conflicts": len(conflicts),
            **relations.held,
        },
        superseded_conflicts=sorted(picture.conflicts - alive),
    )


def _without_forgotten(picture: Picture) -> Picture:
    """What is about to go is neither kept nor shown, and hides nothing."""
    gone = picture.forgotten
    return replace(
        picture,
        statements=[one for one in picture.statements if one.id not in gone],
        hidden=[one for one in picture.hidden if one.id not in gone],
    )


def _unit(outlook: Outlook, place: int) -> Unit:
    """All changes of one cluster."""
    winner = outlook.winner(place)
    if winner is not None:
        hides = _hides(outlook, place, "update", outlook.kept(winner))
        return Unit(place, hides, follows=winner, said_at=outlook.clusters[place].said_at)
    changes: list[Change] = []
    revival, addition = outlook.revival(place), outlook.addition(place)
    if revival is not None:
        changes.append(_show(revival))
    if addition is not None:
        changes.append(_add(addition, outlook.clusters[place]))
    keeper = outlook.keeper(place)
    if keeper is not None:
        changes += _hides(outlook, place, "same", Kept(keeper.id, keeper.hash, keeper.said_at))
    if keeper is not None or revival is not None:
        changes += _links(outlook, place, outlook.kept(place))
    return Unit(place, changes)


def _hides(
    outlook: Outlook, place: int, reason: Literal["same", "update"], kept: Kept
) -> list[Change]:
    newest = outlook.clusters[place].said_at
    return [
        Change(
            _UNSET,
            seq=0,
            kind="hide",
            reason="equal" if reason == "same" and one.hash == kept.hash else reason,
            mem0_id=_mem0_id(one.id),
            kept_id=kept.id,
            text_hash=one.hash,
            turn_ids=one.turn_ids if reason == "same" else (),
            # Of a memory that nobody knows the time of, the others' times don't tell it either.
            details=_details(
                None if one.said_at is None else newest, kept, by_rule=one.hash == kept.hash
            ),
        )
        for one in outlook.hidden_now(place)
    ]


def _show(revival: Revival) -> Change:
    fact = revival.fact
    return Change(
        _UNSET,
        seq=0,
        kind="show",
        reason="said_again",
        mem0_id=_mem0_id(revival.ghost.id),
        edge_uuid=_edge_uuid(fact.id) if fact is not None else None,
        kept_id=revival.ghost.id,
        text_hash=revival.ghost.hash,
        turn_ids=fact.turn_ids if fact is not None else (),
        details={"said_at": revival.said_at.isoformat()},
    )


def _add(fact: Statement, cluster: Cluster) -> Change:
    others = {one.id.removeprefix(FACT): one.hash.hex() for one in cluster.facts if one is not fact}
    return Change(
        _UNSET,
        seq=0,
        kind="add",
        reason="lacking",
        edge_uuid=_edge_uuid(fact.id),
        text_hash=fact.hash,
        turn_ids=fact.turn_ids,
        details={
            "said_at": fact.said_at.isoformat() if fact.said_at is not None else None,
            "also_edges": others,
        },
    )


def _links(outlook: Outlook, place: int, kept: Kept) -> list[Change]:
    return [
        Change(
            _UNSET,
            seq=0,
            kind="link",
            reason="equal" if fact.hash == kept.hash else "same",
            mem0_id=_mem0_id(kept.id),
            edge_uuid=_edge_uuid(fact.id),
            kept_id=kept.id,
            text_hash=fact.hash,
            # With them a memory that nobody knows the time of would seem to have one.
            turn_ids=fact.turn_ids if kept.said_at is not None else (),
            details=_details(fact.said_at, kept, by_rule=fact.hash == kept.hash),
        )
        for fact in outlook.clusters[place].facts
        if (kept.id, fact.id) not in outlook.linked and outlook.may_go(fact, kept.said_at)
    ]


def _details(said_at: datetime | None, kept: Kept, *, by_rule: bool) -> dict[str, Any]:
    return {
        "decided_by": "rule" if by_rule else "judge",
        "said_at": said_at.isoformat() if said_at is not None else None,
        "kept_said_at": kept.said_at.isoformat() if kept.said_at is not None else None,
        "kept_hash": kept.hash.hex(),
    }


def _alive(picture: Picture, outlook: Outlook) -> frozenset[ConflictKey]:
    """The known conflicts whose statements both stay as they are, and still clash."""
    hidden = {one.id for place in range(len(outlook.clusters)) for one in outlook.hidden_now(place)}
    there = {one.id: one.hash for one in picture.statements if one.holds and one.id not in hidden}

    def is_alive(key: ConflictKey) -> bool:
        if there.get(key.left_id) != key.left_hash or there.get(key.right_id) != key.right_hash:
            return False
        left, right = outlook.place_of(key.left_id), outlook.place_of(key.right_id)
        return right in outlook.relations.clashes.get(-1 if left is None else left, ())

    return frozenset(key for key in picture.conflicts if is_alive(key))


def _conflicts(outlook: Outlook, known: Collection[frozenset[int | None]]) -> list[Contradiction]:
    found: list[Contradiction] = []
    for place, others in sorted(outlook.relations.clashes.items()):
        for other in sorted(others):
            left, right = outlook.speaker(place), outlook.speaker(other)
            if place < other and left is not None and right is not None:
                pair = sorted((left, right), key=lambda one: one.id)
                if frozenset({place, other}) not in known:
                    found.append(Contradiction(*pair))
    return found


def _places(outlook: Outlook, key: ConflictKey) -> frozenset[int | None]:
    return frozenset({outlook.place_of(key.left_id), outlook.place_of(key.right_id)})


def _mem0_id(item_id: str) -> Mem0Id:
    return Mem0Id(item_id.removeprefix(MEMORY))


def _edge_uuid(item_id: str) -> ZepUuid:
    return ZepUuid(UUID(item_id.removeprefix(FACT)))
