"""A plan that was carried out leaves nothing to be planned, though nobody reads what it hid."""

from dataclasses import replace
from itertools import combinations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memory_api.consolidation.statement import PairToJudge, Plan
from tandem.recall.normalise import statement_hash
from tests.unit.consolidation.memory_world import World
from tests.unit.consolidation.test_plan import BORN_A, BORN_B, DELHI, MUMBAI, kinds, planned
from tests.unit.consolidation.test_plan_properties import newest_values, some_world


def some_decided(world: World, *pairs: tuple[str, str]) -> None:
    """The judge was asked about these alone."""
    for one, other in pairs:
        left, right = sorted(
            ({**world.memories, **world.facts}[name] for name in (one, other)), key=lambda it: it.id
        )
        world.decide(left, right, world.truth_of(PairToJudge(left, right)))


def carried_out(world: World) -> Plan:
    made = planned(world)
    world.apply(made)
    return made


def test_a_fact_of_what_was_replaced_is_not_lacking_once_the_memory_of_it_is_hidden() -> None:
    world = World()
    old, fact = world.say("mem", DELHI, "", 5), world.say("fact", DELHI, "other words", 3)
    new = world.say("mem", MUMBAI, "", 6)
    some_decided(world, (old, fact), (old, new))
    assert kinds(carried_out(world)) == [("hide", "update")]
    assert carried_out(world).changes == []


def test_facts_of_the_same_share_what_one_of_them_was_compared_with() -> None:
    world = World()
    old, fact = world.say("mem", DELHI, "", 5), world.say("fact", DELHI, "other words", 3)
    also, new = world.say("fact", DELHI, "once more", 4), world.say("mem", MUMBAI, "", 6)
    some_decided(world, (old, fact), (fact, also), (old, new))
    assert kinds(carried_out(world)) == [("hide", "update")]
    assert carried_out(world).changes == []


def test_a_fact_of_what_was_replaced_is_added_when_it_is_said_later_than_what_replaced_it() -> None:
    world = World()
    old, fact = world.say("mem", DELHI, "", 5), world.say("fact", DELHI, "other words", 3)
    new = world.say("mem", MUMBAI, "", 6)
    some_decided(world, (old, fact), (old, new))
    carried_out(world)
    again = world.say("fact", DELHI, "other words", 7)
    made = carried_out(world)
    assert kinds(made) == [("add", "lacking")]
    assert f"fact_{made.changes[0].edge_uuid}" == again
    some_decided(world, (again, new))
    assert kinds(carried_out(world)) == [("hide", "update")]
    assert world.shown() == {"home delhi other words"}


def test_a_fact_of_what_was_replaced_is_added_when_nothing_is_left_of_what_replaced_it() -> None:
    world = World()
    old, fact = world.say("mem", DELHI, "", 5), world.say("fact", DELHI, "other words", 3)
    new = world.say("mem", MUMBAI, "", 6)
    some_decided(world, (old, fact), (old, new))
    carried_out(world)
    del world.memories[new]
    assert kinds(carried_out(world)) == [("add", "lacking")]


def test_a_duplicate_of_an_unknown_time_goes_on_holding_an_update_back_when_it_is_hidden() -> None:
    world = World()
    unknown, own = world.say("mem", DELHI, "", None), world.say("mem", DELHI, "again", 3)
    fact, new = world.say("fact", DELHI, "other words", 2), world.say("mem", MUMBAI, "", 6)
    some_decided(world, (fact, unknown), (fact, own), (own, new))
    assert kinds(carried_out(world)) == [("hide", "same"), ("link", "same")]
    second = carried_out(world)
    assert (second.changes, second.counts["held_unknown_time"]) == ([], 1)
    assert world.shown() == {"home delhi again", "home mumbai"}


def test_a_duplicate_goes_on_contradicting_a_fact_when_it_is_hidden() -> None:
    world = World()
    old, own = world.say("mem", BORN_A, "as was said", 1), world.say("mem", BORN_A, "", 3)
    fact, other = world.say("fact", BORN_A, "", 2), world.say("fact", BORN_B, "", 2)
    some_decided(world, (fact, old), (old, other))
    made = carried_out(world)
    assert kinds(made) == [("hide", "same"), ("link", "equal")]
    assert [{one.left.id, one.right.id} for one in made.conflicts] == [{own, other}]
    second = carried_out(world)
    assert (second.changes, second.conflicts, second.superseded_conflicts) == ([], [], [])


def test_a_duplicate_stands_for_nothing_when_what_was_kept_for_it_reads_otherwise() -> None:
    world = World()
    old, own = world.say("mem", DELHI, "again", 1), world.say("mem", DELHI, "", 3)
    fact = world.say("fact", DELHI, "other words", 2)
    some_decided(world, (fact, old), (fact, own))
    carried_out(world)
    said, _ = world.hidden[old]
    world.links.clear()  # as of a memory that no longer says so
    world.memories[own] = replace(world.memories[own], text="a vet", hash=statement_hash("a vet"))
    new = world.say("mem", MUMBAI, "", 6)
    world.decide(said, world.memories[new], "update")
    assert kinds(planned(world)) == [("add", "lacking")]


@given(st.integers(0, 2**32), st.sampled_from((0.2, 0.5, 0.8)))
# The same examples each time: in one world of thousands two things were said at the same time, and
# when a part of one of them is hidden it seems to be the older.
@example(151, 0.5)  # a fact of what was replaced
@example(282, 0.5)  # both
@example(346, 0.5)  # a duplicate of an unknown time
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
def test_whatever_the_judge_was_asked_a_second_plan_is_empty(seed: int, share: float) -> None:
    world = some_world(seed)
    stated = sorted((*world.memories, *world.facts))
    pairs = combinations(stated, 2)
    some_decided(world, *(pair for pair in pairs if world.draw.random() < share))
    before = newest_values(world)
    carried_out(world)
    visible = world.values()
    assert all(values <= visible.get(topic, set()) for topic, values in before.items())
    second = carried_out(world)
    assert (second.changes, second.conflicts) == ([], [])
