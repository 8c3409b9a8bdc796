"""How much of a plan one run carries out: what belongs together goes together."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from tandem.changes.model import Change, ChangeId

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Unit:
    """All changes of one cluster.

    Attributes:
        follows: the place of the cluster that takes its place, and whose changes come first.
        said_at: of units that follow another, the older come first.
    """

    place: int
    changes: Sequence[Change]
    follows: int | None = None
    said_at: datetime | None = None


def within_budget(
    units: Sequence[Unit], max_changes: int, new_id: Callable[[], UUID]
) -> tuple[list[Change], int]:
    """The changes to be made, numbered from 1, and how many are left to a later run.

    Units that follow one another are taken together or not at all; only what would never fit is
    begun, in an order in which each change is safe without the next. What replaces or is said again
    goes before mere tidying.
    """
    taken: list[Change] = []
    left = 0
    for together in _together(units):
        changes = [change for unit in together for change in unit.changes]
        room = max_changes - len(taken)
        fits = len(changes) <= room or not taken
        taken += changes[:room] if fits else []
        left += max(0, len(changes) - room) if fits else len(changes)
    numbered = [
        replace(change, id=ChangeId(new_id()), seq=seq) for seq, change in enumerate(taken, start=1)
    ]
    return numbered, left


def _together(units: Sequence[Unit]) -> list[list[Unit]]:
    found = defaultdict[int, list[Unit]](list)
    for unit in units:
        if unit.changes:
            found[unit.place if unit.follows is None else unit.follows].append(unit)
    for those in found.values():
        those.sort(key=lambda one: (one.follows is not None, one.said_at or _BEGINNING, one.place))
    return sorted(found.values(), key=lambda those: (not any(map(_matters, those)), those[0].place))


def _matters(unit: Unit) -> bool:
    return unit.follows is not None or any(change.kind == "show" for change in unit.changes)
