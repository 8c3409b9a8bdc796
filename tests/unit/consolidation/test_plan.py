"""The change set, case by case. `memory_world` plays both stores."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from memory_api.consolidation.plan import plan
from memory_api.consolidation.statement import ConflictKey, Hidden, LinkedPair, Plan
from tandem.changes.model import Change
from tandem.ids import Mem0Id, TurnId, ZepUuid
from tests.unit.consolidation.memory_world import START, Truth, World

DELHI, MUMBAI, GOA = (Truth("home", place) for place in ("delhi", "mumbai", "goa"))
CAT, DOG = Truth("pet", "cat"), Truth("job", "vet")
BORN_A, BORN_B = (Truth("birthplace", place, changes=False) for place in ("oslo", "bergen"))


def planned(world: World, **more: object) -> Plan:
    return plan(replace(world.picture(), **more), new_id=world.new_id, max_changes=99)


def kinds(made: Plan) -> list[tuple[str, str]]:
    return [(change.kind, change.reason) for change in made.changes]


def only(made: Plan) -> Change:
    (change,) = made.changes
    return change


def test_of_equal_memories_the_one_said_last_stays_and_takes_over_the_turns() -> None:
    world = World()
    old, new = world.say("mem", CAT, "", 1), world.say("mem", CAT, "", 2)
    turns = world.memories[old].turn_ids
    change = only(world.run())
    assert (change.kind, change.reason, f"mem_{change.mem0_id}") == ("hide", "equal", old)
    assert (change.kept_id, change.turn_ids) == (new, turns)
    assert change.details == {
        "decided_by": "rule",
        "said_at": (START + timedelta(days=2)).isoformat(),
        "kept_said_at": (START + timedelta(days=2)).isoformat(),
        "kept_hash": world.memories[new].hash.hex(),
    }


def test_of_the_same_in_other_words_the_longer_stays_if_both_were_said_at_once() -> None:
    world = World()
    world.say("mem", CAT, "", 1)
    long = world.say("mem", CAT, "said at length", 1)
    assert only(world.run()).kept_id == long


def test_a_fact_of_what_a_memory_says_is_linked_and_not_added() -> None:
    world = World()
    own, edge = world.say("mem", CAT, "", 1), world.say("fact", CAT, "in other words", 2)
    change = only(world.run())
    assert (change.kind, change.reason) == ("link", "same")
    assert (change.kept_id, f"fact_{change.edge_uuid}") == (own, edge)
    assert change.text_hash == world.facts[edge].hash


def test_a_fact_that_mem0_lacks_is_added_with_its_time_and_its_turns() -> None:
    world = World()
    edge, also = world.say("fact", CAT, "", 3), world.say("fact", CAT, "again", 2)
    change = only(world.run())
    assert (change.kind, change.reason, change.mem0_id) == ("add", "lacking", None)
    assert change.turn_ids == world.facts[edge].turn_ids
    assert change.details["said_at"] == (START + timedelta(days=3)).isoformat()
    assert change.details["also_edges"] == {
        also.removeprefix("fact_"): world.facts[also].hash.hex()
    }
    assert world.run().changes == []


def test_facts_that_ended_or_are_about_others_or_are_kept_out_are_not_added() -> None:
    world = World()
    world.say("fact", CAT, "", 1, holds=False)
    world.say("fact", DOG, "", 1, about_person=False)
    kept_out = world.say("fact", DELHI, "", 1)
    assert planned(world, kept_out=frozenset({kept_out})).changes == []
    assert planned(world, forgotten=frozenset({kept_out})).changes == []
    assert kinds(planned(world)) == [("add", "lacking")]


def test_a_fact_with_an_undecided_pair_waits() -> None:
    world = World()
    edge, own = world.say("fact", CAT, "", 1), world.say("mem", CAT, "other words", 1)
    made = planned(world, listed=[tuple(sorted((edge, own)))])
    assert (made.changes, made.undecided) == ([], 1)


def test_what_is_forgotten_hides_nothing() -> None:
    world = World()
    world.say("mem", CAT, "", 1)
    forgotten = world.say("mem", CAT, "", 2)
    assert planned(world, forgotten=frozenset({forgotten})).changes == []


def test_an_update_hides_the_older_for_the_newer() -> None:
    world = World()
    old, new = world.say("mem", DELHI, "", 5), world.say("mem", MUMBAI, "", 6)
    change = only(world.run())
    assert (change.kind, change.reason, change.kept_id) == ("hide", "update", new)
    assert (f"mem_{change.mem0_id}", change.turn_ids) == (old, ())


def test_an_update_without_a_known_or_with_the_same_time_stays_undecided() -> None:
    for days in ((None, 3), (3, None), (None, None), (3, 3)):
        world = World()
        world.say("mem", DELHI, "", days[0])
        world.say("mem", MUMBAI, "", days[1])
        made = world.run()
        assert (made.changes, made.undecided) == ([], 1)
        assert made.counts["held_unknown_time"] == 1


def test_a_memory_of_an_unknown_time_gets_none_from_a_fact_that_it_is_linked_to() -> None:
    world = World()
    world.say("mem", DELHI, "", None)
    world.say("fact", DELHI, "in other words", 1)
    world.say("mem", MUMBAI, "", 2)
    made = world.run()
    assert kinds(made) == [("link", "same")]
    assert made.counts["held_unknown_time"] == 2
    assert world.run().changes == []
    assert len(world.shown()) == 2


def test_an_ended_fact_hides_nothing() -> None:
    world = World()
    world.say("mem", DELHI, "", 1)
    world.say("fact", MUMBAI, "", 2, holds=False)
    assert world.run().changes == []


def test_of_a_chain_of_updates_the_last_stays() -> None:
    world = World()
    for day, home in enumerate((DELHI, MUMBAI, GOA), start=1):
        world.say("mem", home, "", day)
    made = world.run()
    assert [change.kept_id for change in made.changes] == [*world.memories] * 2
    assert world.values()["home"] == {"goa"}


def test_back_in_delhi_by_a_new_memory() -> None:
    world = World()
    for day, home in enumerate((DELHI, MUMBAI, DELHI), start=1):
        world.say("mem", home, "", day)
        world.run()
    assert world.shown() == {"home delhi"}
    assert world.run().changes == []


def test_back_in_delhi_by_a_fact_in_the_same_words_that_mem0_dropped() -> None:
    world = World()
    world.say("mem", DELHI, "", 1)
    world.say("mem", MUMBAI, "", 2)
    world.run()
    edge = world.say("fact", DELHI, "", 3)
    made = world.run()
    assert kinds(made) == [("show", "said_again"), ("link", "equal"), ("hide", "update")]
    assert f"fact_{made.changes[0].edge_uuid}" == edge
    assert world.shown() == {"home delhi"}
    assert world.run().changes == []


def test_back_in_delhi_by_a_fact_in_other_words_that_mem0_dropped() -> None:
    world = World()
    world.say("mem", DELHI, "", 1)
    world.say("mem", MUMBAI, "", 2)
    world.run()
    edge = world.say("fact", DELHI, "is where she lives", 3)
    made = world.run()
    assert kinds(made) == [("add", "lacking"), ("hide", "update")]
    assert made.changes[1].kept_id == edge
    assert world.shown() == {"home delhi is where she lives"}
    assert world.run().changes == []


def test_back_in_delhi_by_nothing_but_a_turn_found_for_the_hidden_memory() -> None:
    world = World()
    old = world.say("mem", DELHI, "", 1)
    world.say("mem", MUMBAI, "", 2)
    world.run()
    statement, ghost = world.hidden[old]
    world.hidden[old] = (statement, replace(ghost, heard_at=START + timedelta(days=3)))
    assert kinds(world.run()) == [("show", "said_again"), ("hide", "update")]
    assert world.shown() == {"home delhi"}


def test_a_late_fact_older_than_what_took_its_place_brings_nothing_back() -> None:
    world = World()
    world.say("mem", DELHI, "", 1)
    world.say("mem", MUMBAI, "", 5)
    world.run()
    world.say("fact", DELHI, "", 3)
    assert world.run().changes == []


def test_what_is_purged_is_added_again_and_not_shown() -> None:
    world = World()
    old = world.say("mem", DELHI, "", 1)
    world.say("mem", MUMBAI, "", 2)
    world.run()
    statement, ghost = world.hidden[old]
    world.hidden[old] = (statement, replace(ghost, purged=True))
    world.say("fact", DELHI, "", 3)
    assert kinds(world.run()) == [("add", "lacking"), ("hide", "update")]


def test_a_contradiction_hides_nothing_and_is_reported_once() -> None:
    world = World()
    left, right = world.say("mem", BORN_A, "", 1), world.say("mem", BORN_B, "", 2)
    made = world.run()
    assert made.changes == []
    assert [{one.left.id, one.right.id} for one in made.conflicts] == [{left, right}]
    again = world.run()
    assert (again.conflicts, again.superseded_conflicts) == ([], [])


def test_duplicates_within_a_contradiction_are_hidden_all_the_same() -> None:
    world = World()
    world.say("mem", BORN_A, "", 1)
    kept = world.say("mem", BORN_A, "as was said", 2)
    world.say("mem", BORN_B, "", 3)
    made = world.run()
    assert only(made).kept_id == kept
    assert kept in {made.conflicts[0].left.id, made.conflicts[0].right.id}


def test_a_conflict_whose_statement_has_changed_or_gone_is_moot() -> None:
    world = World()
    world.say("mem", BORN_A, "", 1)
    right = world.say("mem", BORN_B, "", 2)
    world.run()
    known = set(world.conflicts)
    del world.memories[right]
    assert set(world.run().superseded_conflicts) == known
    unknown = ConflictKey("mem_a", "mem_b", b"", b"")
    assert planned(world, conflicts=frozenset({unknown})).superseded_conflicts == [unknown]


def settled_world() -> tuple[World, str]:
    """The person has chosen Bergen; a fact that says Oslo still holds."""
    world = World()
    rejected = world.say("mem", BORN_A, "", 1)
    world.say("fact", BORN_A, "", 1)
    kept = world.say("mem", BORN_B, "", 2)
    world.run()
    statement = world.memories.pop(rejected)
    ghost = Hidden(rejected, statement.hash, statement.said_at, kept, "resolved")
    world.hidden[rejected] = (statement, ghost)
    return world, rejected


def test_a_conflict_that_the_person_has_settled_is_not_reported_about_a_fact() -> None:
    world, _ = settled_world()
    made = world.run()
    assert (made.changes, made.conflicts) == ([], [])


def test_what_the_person_has_rejected_hides_nothing() -> None:
    world, rejected = settled_world()
    other = world.say("mem", Truth("birthplace", "rome", changes=False), "", 0)
    world.decide(world.memories[other], world.hidden[rejected][0], "update")
    world.decide(world.memories[other], next(iter(world.memories.values())), "distinct")
    assert planned(world).changes == []


def test_what_the_person_has_rejected_and_says_again_is_shown_again() -> None:
    world, rejected = settled_world()
    world.say("fact", BORN_A, "", 3)
    made = world.run()
    assert kinds(made)[0] == ("show", "said_again")
    assert rejected in world.memories
    assert world.run().changes == []


def test_a_contradiction_wins_over_an_update_and_the_person_over_both() -> None:
    world = World()
    first, second = world.say("mem", DELHI, "", 1), world.say("mem", DELHI, "too", 1)
    third = world.say("mem", MUMBAI, "", 2)
    one, two, three = (world.memories[item] for item in (first, second, third))
    world.decide(one, two, "same")
    world.decide(one, three, "update")
    world.decide(two, three, "contradiction")
    made = planned(world)
    assert kinds(made) == [("hide", "same")]
    assert len(made.conflicts) == 1
    world.decide(two, three, "distinct", day=3)
    made = planned(world)
    assert (kinds(made), made.conflicts) == ([("hide", "same")], [])


def test_a_same_that_would_join_what_is_decided_otherwise_is_not_used() -> None:
    world = World()
    items = [world.say("mem", CAT, wording, 1) for wording in ("a", "b", "c")]
    one, two, three = (world.memories[item] for item in sorted(items))
    world.decide(one, two, "same")
    world.decide(two, three, "same")
    world.decide(one, three, "distinct")
    made = planned(world)
    assert kinds(made) == [("hide", "same")]
    assert (made.undecided, made.counts["held_disagreement"]) == (1, 1)


def test_what_the_person_calls_the_same_needs_no_guard() -> None:
    world = World()
    one, two = (world.say("mem", CAT, f"weighs {weight} kg", weight) for weight in (4, 5))
    world.decide(world.memories[one], world.memories[two], "same", day=6)
    assert kinds(planned(world)) == [("hide", "same")]


def test_a_same_that_a_guard_holds_is_not_used() -> None:
    world = World()
    one, two = (world.say("mem", CAT, f"weighs {weight} kg", 1) for weight in (4, 5))
    world.decide(world.memories[one], world.memories[two], "same")
    made = planned(world)
    assert (made.changes, made.undecided) == ([], 1)
    assert made.counts["held_numbers"] == 1


def test_update_and_distinct_between_the_same_clusters_stay_undecided() -> None:
    world = World()
    first, second = world.say("mem", DELHI, "", 1), world.say("mem", DELHI, "", 1)
    third = world.say("mem", MUMBAI, "", 2)
    world.decide(world.memories[first], world.memories[third], "update")
    world.decide(world.memories[second], world.memories[third], "distinct")
    made = planned(world)
    assert kinds(made) == [("hide", "equal")]
    assert made.counts["held_disagreement"] == 2


def test_what_was_hidden_at_an_unknown_time_comes_back_for_what_is_said_after_it_was() -> None:
    """Settling a conflict doesn't tell when what was given up had last been said."""
    world = World()
    kept = world.say("mem", BORN_A, "", 5)
    given_up = world.say("mem", BORN_B, "", 1)
    statement = world.memories.pop(given_up)
    ghost = Hidden(
        given_up, statement.hash, None, kept, "resolved", hidden_at=START + timedelta(days=6)
    )
    world.hidden[given_up] = (statement, ghost)
    fact = world.say("fact", BORN_B, "", 2)
    assert kinds(planned(world)) == []

    world.facts[fact] = replace(world.facts[fact], said_at=START + timedelta(days=7))
    shown, linked = planned(world).changes
    assert (shown.kind, shown.reason, f"mem_{shown.mem0_id}") == ("show", "said_again", given_up)
    assert (linked.kind, f"fact_{linked.edge_uuid}") == ("link", fact)


def test_after_an_undo_only_what_is_said_since_changes_it_again() -> None:
    world = World()
    old, _ = world.say("mem", DELHI, "", 1), world.say("mem", MUMBAI, "", 2)
    world.undo(world.run(), day=3)
    assert world.run().changes == []
    goa = world.say("mem", GOA, "", 4)
    made = world.run()
    assert old in {f"mem_{change.mem0_id}" for change in made.changes}
    assert {change.kept_id for change in made.changes} == {goa}


def test_a_link_whose_memory_is_gone_harms_nothing() -> None:
    world = World()
    world.say("mem", CAT, "", 1)
    world.links.add(LinkedPair(Mem0Id("gone"), ZepUuid(UUID(int=1))))
    assert world.run().changes == []


def test_a_budget_leaves_whole_clusters_and_begins_only_what_would_never_fit() -> None:
    world = World()
    for topic in ("pet", "job"):
        for _ in range(3):
            world.say("mem", Truth(topic, "one"), "", 1)
    made = world.planned(max_changes=3)
    assert (len(made.changes), made.counts["left"]) == (2, 2)
    assert len({change.kept_id for change in made.changes}) == 1
    assert [len(world.planned(max_changes=size).changes) for size in (0, 1, 4)] == [0, 1, 4]
    assert [change.seq for change in world.planned(4).changes] == [1, 2, 3, 4]


def test_updates_go_before_mere_tidying_when_the_budget_is_short() -> None:
    world = World()
    for truth, day in ((CAT, 1), (CAT, 2), (DELHI, 1), (MUMBAI, 2)):
        world.say("mem", truth, "", day)
    assert kinds(world.planned(max_changes=1)) == [("hide", "update")]


def test_turns_are_taken_over_by_what_is_shown_again() -> None:
    world = World()
    world.say("mem", DELHI, "", 1)
    world.say("mem", MUMBAI, "", 2)
    world.run()
    edge = world.say("fact", DELHI, "", 3)
    turn = TurnId(UUID(int=7))
    world.facts[edge] = replace(world.facts[edge], turn_ids=(turn,))
    assert world.run().changes[0].turn_ids == (turn,)
