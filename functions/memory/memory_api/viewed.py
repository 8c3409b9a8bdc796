"""What the view says of an item beyond what turns and searches do."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from tandem.clients.models import ZepEdge, ZepNode
from tandem.db.memory import OpenConflict
from tandem.ids import ZepUuid
from tandem.recall.items import Draft, RecalledItem
from tandem.recall.stores import MAX_STATEMENT, clean
from tandem.recall.validity import is_superseded

MOST_RELATIONS: Final = 20


class Contradiction(BaseModel):
    """An open conflict of an item, and the item on its other side, which another page may have or
    show under the id of what says the same."""

    model_config = ConfigDict(frozen=True)

    conflict_id: UUID
    item_id: str


class ViewedItem(RecalledItem):
    """An item of the merged view: current, superseded by then, or in conflict with another."""

    superseded: bool = False
    conflicts: tuple[Contradiction, ...] = ()


class EntityRelation(BaseModel):
    """A fact between two entities, told from one of them: it begins here (`out`) or ends here."""

    model_config = ConfigDict(frozen=True)

    name: str
    direction: Literal["out", "in"]
    entity_id: str
    entity: str
    fact_id: str


class ViewedEntity(RecalledItem):
    """An entity and what relates it to others: at most 20, in Zep's order (newest first)."""

    relations: tuple[EntityRelation, ...] = ()


class Shown(NamedTuple):
    """One item to be shown: as a draft, and with its sources."""

    draft: Draft
    item: RecalledItem


def viewed(
    shown: Iterable[Shown], conflicts: Sequence[OpenConflict], *, at: datetime
) -> tuple[ViewedItem, ...]:
    """The items as the view has them, in their order.

    Args:
        conflicts: all that may concern one of them.
        at: the moment (aware) for which "superseded" is told.
    """
    sides: dict[str, list[Contradiction]] = defaultdict(list)
    for conflict_id, left, right in conflicts:
        sides[left].append(Contradiction(conflict_id=conflict_id, item_id=right))
        sides[right].append(Contradiction(conflict_id=conflict_id, item_id=left))
    return tuple(
        ViewedItem(
            **dict(item),
            superseded=is_superseded(item, at),
            conflicts=_of_one(sides, (item.id, *draft.also)),
        )
        for draft, item in shown
    )


def entities(
    items: Iterable[RecalledItem], nodes: Iterable[ZepNode], edges: Iterable[ZepEdge]
) -> tuple[ViewedEntity, ...]:
    """Entities with their relations.

    Args:
        nodes: whose items these are, in the same order.
        edges: facts that may be shown; each relates its two ends.
    """
    around: dict[ZepUuid, dict[str, EntityRelation]] = defaultdict(dict)
    for edge in edges:
        for here, relation in _both_ways(edge):
            around[here][relation.fact_id + relation.direction] = relation
    return tuple(
        ViewedEntity(**dict(item), relations=tuple(around[node.uuid].values())[:MOST_RELATIONS])
        for item, node in zip(items, nodes, strict=True)
    )


def _of_one(sides: dict[str, list[Contradiction]], ids: Sequence[str]) -> tuple[Contradiction, ...]:
    found = [each for name in ids for each in sides.get(name, ()) if each.item_id not in ids]
    return tuple({each.conflict_id: each for each in found}.values())


def _both_ways(edge: ZepEdge) -> Iterable[tuple[ZepUuid, EntityRelation]]:
    source, target = edge.source_node_uuid, edge.target_node_uuid
    if source is None or target is None:
        return
    yield source, _relation(edge, "out", target, edge.target_node_name)
    if source != target:
        yield target, _relation(edge, "in", source, edge.source_node_name)


def _relation(
    edge: ZepEdge, direction: Literal["out", "in"], other: ZepUuid, name: str | None
) -> EntityRelation:
    return EntityRelation(
        name=clean(edge.name, MAX_STATEMENT),
        direction=direction,
        entity_id=f"entity_{other}",
        entity=clean(name or "", MAX_STATEMENT),
        fact_id=f"fact_{edge.uuid}",
    )
