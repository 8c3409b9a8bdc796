"""What the view makes of links, conflicts and relations."""

from uuid import UUID, uuid4, uuid5

from memory_api.reading import Linked, Reading
from memory_api.viewed import MOST_RELATIONS
from tandem.clients.models import Mem0Memory, ZepEdge, ZepNode
from tandem.db.memory import OpenConflict
from tandem.ids import ZepUuid
from tandem.recall.merge import Link
from tandem.recall.normalise import statement_hash
from tests.unit.memory.service_fakes import NAMES, FakeLedger, day, edge, memory, view

BREW, TEA = memory("Is fond of tea"), edge("Likes tea", start=-9, end=-2)
CONFLICT = UUID("11111111-1111-4111-8111-111111111111")


def link(one: Mem0Memory, other: ZepEdge, *, said: str | None = None) -> Link:
    return Link(one.id, other.uuid, statement_hash(said or one.text), statement_hash(other.fact))


def test_a_linked_fact_beyond_what_was_read_gives_its_memory_its_dates() -> None:
    shown = view(
        Reading(memories=[BREW, memory("Has a dog")], more_memories=True),
        ledger=FakeLedger(known=[link(BREW, TEA)]),
        more=Linked(edges=[TEA]),
        include_superseded=True,
    )
    assert [(item.text, item.store, item.valid_to, item.superseded) for item in shown.facts] == [
        ("Is fond of tea", "both", day(-2), True),
        ("Has a dog", "mem0", None, False),
    ]
    assert shown.facts[0].source


def test_a_link_whose_memory_or_fact_reads_otherwise_by_now_merges_nothing() -> None:
    reading = Reading(memories=[BREW], edges=[edge("Likes chess")])
    rewritten = FakeLedger(known=[link(BREW, TEA, said="Loves tea")])
    restated = FakeLedger(known=[link(BREW, edge("Likes green tea", start=-9))])
    for ledger in (rewritten, restated):
        shown = view(reading, ledger=ledger, more=Linked(edges=[TEA]), include_superseded=True)
        assert [(item.text, item.store) for item in shown.facts] == [
            ("Is fond of tea", "mem0"),
            ("Likes chess", "zep"),
        ]


def test_a_page_of_facts_leaves_out_those_that_stood_with_their_memory() -> None:
    full = Reading(memories=[memory("A"), memory("B")], edges=[TEA, edge("Likes chess")])
    first = view(full, limit=2)
    assert first.next_cursor is not None
    reading = Reading(edges=[edge("Likes tea"), edge("Likes chess"), edge("Has a cat")])
    cat = memory("Lives with a cat")
    ledger = FakeLedger(known=[link(BREW, reading.edges[0]), link(cat, reading.edges[2])])
    shown = view(reading, ledger=ledger, more=Linked(memories=[BREW]), cursor=first.next_cursor)
    # The memory that is fond of cats is gone from Mem0: its fact has nowhere else to stand.
    assert [item.text for item in shown.facts] == ["Likes chess", "Has a cat"]


def test_items_in_an_open_conflict_name_it_and_the_other_side() -> None:
    veggie, steak = memory("Is vegetarian"), edge("Loves steak")
    ledger = FakeLedger(
        conflicts=[OpenConflict(CONFLICT, f"fact_{steak.uuid}", f"mem_{veggie.id}")]
    )
    shown = view(Reading(memories=[veggie, BREW], edges=[steak]), ledger=ledger)
    assert [[(one.conflict_id, one.item_id) for one in item.conflicts] for item in shown.facts] == [
        [(CONFLICT, f"fact_{steak.uuid}")],
        [],
        [(CONFLICT, f"mem_{veggie.id}")],
    ]


def test_a_conflict_of_the_fact_that_a_memory_stands_for_is_the_memorys() -> None:
    veggie, green = memory("Is vegetarian"), edge("is vegetarian")
    elsewhere = OpenConflict(CONFLICT, f"fact_{green.uuid}", "mem_elsewhere")
    within = OpenConflict(uuid4(), f"fact_{green.uuid}", f"mem_{veggie.id}")
    ledger = FakeLedger(conflicts=[elsewhere, within])
    [item] = view(Reading(memories=[veggie], edges=[green]), ledger=ledger).facts
    assert item.id == f"mem_{veggie.id}"
    assert [one.item_id for one in item.conflicts] == ["mem_elsewhere"]


def test_superseded_is_told_for_the_moment_that_is_asked_about() -> None:
    reading = Reading(edges=[TEA])
    [now] = view(reading, include_superseded=True).facts
    [then] = view(reading, as_of=day(-5)).facts
    assert (now.superseded, then.superseded) == (True, False)


def node(name: str) -> ZepNode:
    return ZepNode(uuid=ZepUuid(uuid5(NAMES, name)), name=name)


def between(source: ZepNode, target: ZepNode, name: str, *, end: int | None = None) -> ZepEdge:
    return edge(f"{source.name} {name} {target.name}", end=end).model_copy(
        update={
            "name": name,
            "source_node_uuid": source.uuid,
            "source_node_name": source.name,
            "target_node_uuid": target.uuid,
            "target_node_name": f"{target.name}\u202e",
        }
    )


def test_entities_come_with_what_relates_them_to_others_that_holds() -> None:
    ada, bruno, delhi = node("Ada"), node("Bruno"), node("Delhi")
    owns, lived = between(ada, bruno, "OWNS"), between(ada, delhi, "LIVES_IN", end=-2)
    reading = Reading(nodes=[bruno, ada, delhi], relations=[owns, lived, edge("of nobody")])
    shown = view(reading)
    assert [
        [(one.name, one.direction, one.entity, one.entity_id) for one in item.relations]
        for item in shown.entities
    ] == [
        [("OWNS", "in", "Ada", f"entity_{ada.uuid}")],
        [("OWNS", "out", "Bruno", f"entity_{bruno.uuid}")],
        [],
    ]
    assert shown.entities[0].relations[0].fact_id == f"fact_{owns.uuid}"
    assert len(view(reading, include_superseded=True).entities[2].relations) == 1


def test_an_entity_is_shown_with_a_bounded_number_of_relations() -> None:
    ada = node("Ada")
    many = [between(ada, node(f"thing {n}"), "LIKES") for n in range(MOST_RELATIONS + 5)]
    [entity] = view(Reading(nodes=[ada], relations=many)).entities
    assert [one.entity for one in entity.relations] == [f"thing {n}" for n in range(MOST_RELATIONS)]
