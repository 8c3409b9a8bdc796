"""A run from reading to its end: phases, budgets, leases, what is repeated and what is left."""

import asyncio
from uuid import UUID, uuid4

from memory_api.consolidation.run import Limits, RunResult
from tandem.changes.model import Change, RunId
from tandem.deadline import Deadline
from tandem.ids import AccountId
from tests.unit.consolidation.run_world import World, day


def run(world: World, *, dry_run: bool = False, owner: UUID | None = None) -> RunResult:
    return asyncio.run(world.run(dry_run=dry_run, owner=owner))


def doubled(world: World) -> tuple[str, str]:
    """The same twice in other words; the second is said later."""
    older = world.remembers("Likes tea", said=0)
    newer = world.remembers("Is fond of tea", said=1)
    world.same("Likes tea", "Is fond of tea")
    return older, newer


def test_a_run_hides_what_is_said_better_elsewhere_and_goes_through_its_phases() -> None:
    world = World()
    older, newer = doubled(world)

    result = run(world)

    assert world.visible() == {newer}
    assert (result.status, result.held) == ("done", False)
    [change] = result.changes
    assert (change.kind, change.reason, change.state) == ("hide", "same", "confirmed")
    assert (f"mem_{change.mem0_id}", change.kept_id) == (older, newer)
    assert result.texts == {older: "Likes tea", newer: "Is fond of tea"}
    assert result.counts["hide"] == result.counts["confirmed"] == 1
    assert world.phases == ["reading", "judging", "applying", "over"]
    assert world.journal.finished == [("done", day(1))]
    assert world.path.read_at == [day(1)]


def test_a_second_run_changes_nothing_and_a_third_does_not_even_ask_for_vectors() -> None:
    world = World()
    doubled(world)
    world.remembers("Has a dog", said=1)
    run(world)

    second = run(world)
    assert (list(second.changes), second.undecided) == ([], 0)
    calls, embedded = len(world.oracle.calls), world.oracle.embedded

    assert list(run(world).changes) == []
    assert (len(world.oracle.calls), world.oracle.embedded) == (calls, embedded)
    world.remembers("Plays chess", said=2)
    run(world)
    assert world.oracle.embedded > embedded


def test_a_dry_run_says_the_same_and_writes_nowhere() -> None:
    world = World()
    older, newer = doubled(world)

    result = run(world, dry_run=True)

    assert (result.run_id, result.status) == (None, "planned")
    assert [(one.kind, f"mem_{one.mem0_id}", one.state) for one in result.changes] == [
        ("hide", older, "planned")
    ]
    assert result.texts[newer] == "Is fond of tea"
    assert world.visible() == {older, newer}
    assert world.journal.writes == 0
    assert not world.journal.changes
    assert not world.ledger.decisions
    assert world.phases == []


def test_a_dry_run_of_what_is_in_order_costs_nothing() -> None:
    world = World()
    doubled(world)
    run(world)
    run(world)
    paid = world.oracle.embedded, list(world.oracle.calls)

    result = run(world, dry_run=True)

    assert (result.status, list(result.changes)) == ("planned", [])
    assert set(result.counts.values()) == {0}
    assert (world.oracle.embedded, world.oracle.calls) == paid


def test_somebody_else_s_lease_makes_a_run_leave() -> None:
    world = World()
    doubled(world)
    running = RunId(uuid4())
    world.journal.states[running] = "running"
    world.journal.owner = uuid4()

    result = run(world)

    assert (result.run_id, result.status, result.held) == (running, "running", True)
    assert world.stores.reads == 0
    assert world.phases == []


def test_a_lease_that_is_lost_under_way_ends_the_work_at_once() -> None:
    world = World()
    older, newer = doubled(world)

    def lose(phase: str) -> None:
        if phase == "judging":
            world.journal.owner = uuid4()

    world.at_phase = lose
    result = run(world)

    assert (result.status, result.held) == ("running", True)
    assert world.visible() == {older, newer}
    assert world.journal.finished == []


def test_what_is_said_between_plan_and_change_is_read_first() -> None:
    world = World()
    older, newer = doubled(world)
    chatted: list[str] = []

    def chat(_: Change) -> str:
        if chatted:
            return "go"
        # The very memory that was to be hidden is said again, and is the newer one now.
        chatted.append(older)
        world.ledger.said_at[world.ledger.turns["m0"][0]] = day(5)
        return "stale"

    world.path.before = chat
    result = run(world)

    assert world.visible() == {older}
    assert [(one.seq, f"mem_{one.mem0_id}", one.state) for one in result.changes] == [
        (1, newer, "confirmed")
    ]
    assert world.path.read_at == [day(1), day(2)]
    assert world.journal.finished == [("done", day(2))]


def test_someone_who_never_stops_talking_is_left_for_the_next_run() -> None:
    world = World(limits=Limits(replans=2))
    older, newer = doubled(world)
    world.path.before = lambda _: "stale"

    result = run(world)

    assert result.status == "done"
    assert list(result.changes) == []
    assert world.visible() == {older, newer}
    assert len(world.path.read_at) == 3
    assert len(world.oracle.calls) == 1  # what was judged once is known
    assert world.journal.finished == [("done", None)]  # and so the next plan finds them


def test_without_a_judge_only_what_is_equal_is_merged_and_the_person_stays_due() -> None:
    world = World()
    older, newer = doubled(world)
    world.remembers("Has a dog.", said=0)
    dog = world.remembers("has a dog", said=1)
    world.oracle.away = True

    result = run(world)

    assert world.visible() == {older, newer, dog}
    assert result.undecided > 0
    assert not world.ledger.decisions
    assert world.journal.finished == [("done", None)]


def test_without_vectors_nothing_is_judged_and_no_fact_is_copied() -> None:
    world = World()
    older, newer = doubled(world)
    world.learned("Drinks a lot of tea", said=1)
    world.oracle.blind = True

    result = run(world)

    assert world.visible() == {older, newer}
    assert list(result.changes) == []
    assert world.oracle.calls == []
    world.oracle.blind = False
    world.same("Likes tea", "Is fond of tea", "Drinks a lot of tea")
    run(world)
    assert world.visible() == {newer}


def test_a_fact_that_mem0_lacks_is_copied_and_a_second_run_leaves_it() -> None:
    world = World()
    world.learned("Lives in Quito", said=1)

    assert [one.kind for one in run(world).changes] == ["add"]
    assert [one.text for one in world.stores.memories.values()] == ["Lives in Quito"]
    assert list(run(world).changes) == []


def test_a_contradiction_is_reported_once_and_hides_nothing() -> None:
    world = World()
    left = world.remembers("Is vegetarian", said=0)
    right = world.remembers("Loves steak", said=1)
    world.judged("contradiction", "Is vegetarian", "Loves steak")

    assert run(world).counts["conflicts"] == 1
    assert world.visible() == {left, right}
    assert list(world.ledger.conflicts.values()) == ["open"]
    run(world)
    assert list(world.ledger.conflicts.values()) == ["open"]


def test_a_conflict_whose_statement_is_gone_is_none_any_more() -> None:
    world = World()
    world.remembers("Is vegetarian", said=0)
    world.remembers("Loves steak", said=1)
    world.judged("contradiction", "Is vegetarian", "Loves steak")
    run(world)
    del world.stores.memories["m0"]

    run(world)

    assert list(world.ledger.conflicts.values()) == ["gone"]


def test_there_is_nothing_to_tidy_for_an_account_that_is_gone() -> None:
    world = World()
    result = asyncio.run(
        world.consolidation.run(
            AccountId(uuid4()), started_by="schedule", owner=uuid4(), deadline=Deadline(60)
        )
    )
    assert (result.run_id, result.status) == (None, "done")
    assert world.stores.reads == 0
