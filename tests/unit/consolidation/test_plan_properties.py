"""Whatever was said: nothing newest, nothing distinct and no contradiction gets lost."""

from dataclasses import replace
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_api.consolidation.plan import plan
from memory_api.consolidation.statement import Plan
from tests.unit.consolidation.memory_world import Truth, World

_TOPICS = ("home", "job", "weight", "dog", "car")
_FIXED = ("birthplace", "blood")
_VALUES = ("one", "two", "three")


def some_world(seed: int) -> World:
    """Statements about a few topics, at random times that may be unknown or the same."""
    world = World(seed)
    draw = world.draw
    for _ in range(draw.randint(2, 26)):
        topic = draw.choice(_TOPICS + _FIXED)
        truth = Truth(topic, draw.choice(_VALUES), topic in _TOPICS)
        day = None if draw.random() < 0.1 else draw.randint(1, 12)
        wording = draw.choice(("", "alpha", "beta", "gamma"))
        if draw.random() < 0.6:
            world.say("mem", truth, wording, day)
        else:
            world.say(
                "fact",
                truth,
                wording,
                day,
                holds=draw.random() < 0.75,
                about_person=draw.random() < 0.85,
            )
    return world


def newest_values(world: World) -> dict[str, set[str]]:
    """Of each topic that changes, the values that may be the newest of those visible."""
    found: dict[str, set[str]] = {}
    visible = [*world.memories.values(), *(one for one in world.facts.values() if one.holds)]
    for topic in _TOPICS:
        said = [(one.said_at, world.truths[one.text]) for one in visible]
        of_it = [(at, truth.value) for at, truth in said if truth.topic == topic]
        newest = max((at for at, _ in of_it if at is not None), default=None)
        found[topic] = {value for at, value in of_it if at is None or at == newest}
    return found


def all_states(world: World) -> tuple[object, ...]:
    hidden = {one: ghost.kept_id for one, (_, ghost) in world.hidden.items()}
    memories = {(one.id, one.text) for one in world.memories.values()}
    return memories, set(hidden), set(world.links)


def touched(made: Plan, *kinds: str) -> set[object]:
    return {
        change.mem0_id if change.kind == "hide" else change.edge_uuid
        for change in made.changes
        if change.kind in kinds
    }


seeds = st.integers(0, 2**32)
many = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(seeds)
@many
def test_a_second_run_finds_nothing_to_judge_and_nothing_to_change(seed: int) -> None:
    world = some_world(seed)
    world.run()
    second = world.run()
    assert world.judged == 0
    assert (second.changes, second.conflicts) == ([], [])
    assert second.superseded_conflicts == []


@given(seeds)
@many
def test_the_newest_value_of_a_topic_stays_visible(seed: int) -> None:
    world = some_world(seed)
    before = newest_values(world)
    world.run()
    visible = world.values()
    for topic, values in before.items():
        assert values <= visible.get(topic, set()), topic


@given(seeds)
@many
def test_what_never_changes_and_clashes_stays_visible(seed: int) -> None:
    world = some_world(seed)
    before = world.values()
    world.run()
    for topic in _FIXED:
        assert world.values().get(topic) == before.get(topic)


@given(seeds)
@many
def test_no_topic_gets_lost_in_mem0(seed: int) -> None:
    world = some_world(seed)
    before = {world.truths[text].topic for text in world.shown()}
    world.run()
    facts = {world.truths[one.text].topic for one in world.facts.values() if one.holds}
    assert before <= {world.truths[text].topic for text in world.shown()} | facts


@given(seeds)
@many
def test_an_undo_restores_all_and_a_run_after_it_does_none_of_it_again(seed: int) -> None:
    world = some_world(seed)
    before = all_states(world)
    made = world.run()
    world.undo(made, day=20)
    assert all_states(world) == before
    again = world.run()
    assert not touched(made, "hide") & touched(again, "hide")
    assert not touched(made, "add", "link") & touched(again, "add", "link")
    assert not [change for change in again.changes if change.kind == "show"]


@given(seeds)
@many
def test_without_a_judge_only_what_is_equal_is_hidden(seed: int) -> None:
    world = some_world(seed)
    world.judges = False
    made = world.run()
    assert {change.reason for change in made.changes if change.kind == "hide"} <= {"equal"}
    for statement, ghost in world.hidden.values():
        assert any(one.hash == ghost.hash for one in world.memories.values()), statement.text


@given(seeds, st.integers(1, 6))
@many
def test_runs_on_a_small_budget_lose_nothing_and_come_to_an_end(seed: int, budget: int) -> None:
    world = some_world(seed)
    before = newest_values(world)
    for _ in range(200):
        made = world.run(budget)
        assert len(made.changes) <= budget
        visible = world.values()
        assert all(values <= visible.get(topic, set()) for topic, values in before.items())
        if not made.changes:
            break
    assert made.changes == []


@given(seeds)
@many
def test_each_change_is_safe_if_it_is_the_last(seed: int) -> None:
    world = some_world(seed)
    before = newest_values(world)
    made = world.planned()
    for change in made.changes:
        world.apply(type(made)([change], [], 0))
        visible = world.values()
        assert all(values <= visible.get(topic, set()) for topic, values in before.items())


@given(seeds)
@many
def test_the_same_picture_gives_the_same_plan_in_any_order(seed: int) -> None:
    world = some_world(seed)
    world.planned()
    picture = world.picture()
    draw = world.draw
    shuffled = replace(
        picture,
        statements=draw.sample(picture.statements, len(picture.statements)),
        decisions=draw.sample(picture.decisions, len(picture.decisions)),
    )
    plans = [plan(one, new_id=lambda: UUID(int=1), max_changes=99) for one in (picture, shuffled)]
    assert plans[0] == plans[1]


@given(seeds)
@many
def test_through_a_life_of_runs_the_last_thing_said_is_always_visible(seed: int) -> None:
    """Mem0 or Zep may drop what is said, Zep may end facts or not, and may be told late."""
    world = World(seed)
    draw, last = world.draw, dict[str, tuple[float, str]]()
    for day in range(1, 25):
        topic, value = draw.choice(_TOPICS[:2]), draw.choice(_VALUES)
        truth, said_on = Truth(topic, value), day - draw.choice((0, 0, 0, 2)) + draw.random() / 9
        wording = draw.choice(("", "alpha", "beta"))
        stores = draw.choice((("mem",), ("fact",), ("mem", "fact")))
        for store in stores:
            world.say(store, truth, wording, said_on)
        last[topic] = max(last.get(topic, (-9, "")), (said_on, value))
        if draw.random() < 0.3:
            world.end_facts(topic, except_value=last[topic][1])
        if draw.random() < 0.5:
            world.run()
            assert world.run().changes == []
            for of_it, (_, newest) in last.items():
                assert newest in world.values()[of_it]
    world.run()
    in_mem0 = {world.truths[text] for text in world.shown()}
    assert {Truth(topic, newest) for topic, (_, newest) in last.items()} <= in_mem0
