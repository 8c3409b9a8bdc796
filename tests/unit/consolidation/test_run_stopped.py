"""Runs that come to their limits: of time, of calls, of changes, of what stores answer."""

import asyncio
import threading
from uuid import UUID, uuid4

import pytest

from memory_api.consolidation.judging import JudgingLimits
from memory_api.consolidation.run import Limits, RunResult
from memory_api.consolidation.statement import PairToJudge
from tandem.changes.model import Change, ChangeId, RunId
from tandem.db.runs import OtherRun
from tandem.deadline import Deadline
from tandem.errors import Unavailable, UpstreamTimeout, UpstreamUnavailable
from tests.unit.consolidation.run_world import ADA, World


def run(world: World, *, dry_run: bool = False, owner: UUID | None = None) -> RunResult:
    return asyncio.run(world.run(dry_run=dry_run, owner=owner))


def doubled(world: World) -> tuple[str, str]:
    """The same twice in other words; the second is said later."""
    older = world.remembers("Likes tea", said=0)
    newer = world.remembers("Is fond of tea", said=1)
    world.same("Likes tea", "Is fond of tea")
    return older, newer


def test_a_run_that_is_late_is_left_and_resumed_where_it_was() -> None:
    world = World()
    older, newer = doubled(world)
    third = world.remembers("Likes tea a lot", said=0)
    world.same("Likes tea", "Is fond of tea", "Likes tea a lot")
    answers = ["go", "late"]
    world.path.before = lambda _: answers.pop(0) if answers else "go"

    first = run(world)
    assert (first.status, first.held) == ("running", False)
    assert world.journal.owner is None
    assert len(world.visible() & {older, third}) == 1

    second = run(world)
    assert second.run_id == first.run_id
    assert second.status == "done"
    assert world.visible() == {newer}
    assert [(one.seq, one.state) for one in second.changes] == [
        (1, "confirmed"),
        (2, "confirmed"),
    ]


def test_what_was_sent_by_a_run_that_died_is_brought_to_its_end_before_anything_is_read() -> None:
    world = World()
    older, newer = doubled(world)
    answers = ["late"]
    world.path.before = lambda _: answers.pop(0) if answers else "go"
    first = run(world)
    assert first.run_id is not None
    [planned] = world.journal.changes[first.run_id]
    world.journal.mark(first.run_id, planned, "sent")
    reads = world.stores.reads

    def check(_: Change) -> str:
        assert world.stores.reads == reads
        return "go"

    world.path.before = check
    second = run(world)

    assert world.visible() == {newer}
    assert [f"mem_{one.mem0_id}" for one in second.changes] == [older]
    assert world.path.read_at[-1] is None


def test_what_was_judged_before_a_run_had_to_stop_counts_and_is_not_paid_for_twice() -> None:
    world = World(judging=JudgingLimits(pairs_per_call=1))
    for number in range(6):
        world.remembers(f"Statement about thing {number}", said=number)
    moments = iter([0.0] * 6)

    async def twice() -> tuple[RunResult, RunResult]:
        deadline = Deadline(60.0, clock=lambda: next(moments, 58.0))
        first = await world.consolidation.run(
            ADA, started_by="request", owner=uuid4(), deadline=deadline
        )
        return first, await world.run()

    first, second = asyncio.run(twice())

    assert first.status == "running"
    judged_before = world.oracle.calls[0]
    assert 0 < judged_before < second.counts["judged"]
    assert second.counts["pairs"] == second.counts["judged"] == sum(world.oracle.calls)
    assert second.counts["judge_calls"] == second.counts["judged"]


def test_without_time_for_judging_a_run_stops_and_keeps_what_was_judged() -> None:
    world = World()
    doubled(world)

    result = asyncio.run(world.run(seconds=3.0))

    assert (result.status, result.held) == ("running", False)
    assert world.oracle.calls == []
    assert world.journal.owner is None
    with pytest.raises(Unavailable) as caught:
        asyncio.run(world.run(seconds=3.0, dry_run=True))
    assert caught.value.code == "out_of_time"


def test_a_store_that_is_slow_fails_the_run_unless_the_time_was_too_short_for_it() -> None:
    world = World()
    doubled(world)
    world.stores.away = {"slow"}

    result = asyncio.run(world.run(seconds=3.0))
    assert (result.status, result.held) == ("running", False)
    with pytest.raises(UpstreamTimeout):
        asyncio.run(world.run(seconds=60.0))


def test_so_much_that_it_would_take_too_long_is_left_to_the_job_before_anything_is_paid() -> None:
    world = World()
    doubled(world)

    async def asked(at_most: int | None) -> RunResult:
        return await world.consolidation.run(
            ADA, started_by="request", owner=uuid4(), deadline=Deadline(60), at_most=at_most
        )

    assert asyncio.run(asked(1)).status == "running"
    assert world.oracle.embedded == 0
    assert asyncio.run(asked(2)).status == "done"
    asyncio.run(asked(None))
    assert asyncio.run(asked(0)).status == "done"  # seen before, and nothing to do


def test_an_undo_that_was_left_is_ended_first_and_fails_the_run_when_it_cannot() -> None:
    world = World()
    older, newer = doubled(world)
    undo = OtherRun(RunId(uuid4()), "undo")
    world.journal.others, world.journal.states[undo.id] = [undo], "left"
    world.journal.changes[undo.id] = [
        Change(ChangeId(uuid4()), 1, "unlink", "undo", state="planned")
    ]
    answers = ["late", "failed"]
    world.path.before = lambda _: answers.pop(0) if answers else "go"

    assert run(world).status == "running"
    assert world.phases == []
    with pytest.raises(Unavailable):
        run(world)
    assert world.journal.owner is None
    assert run(world).status == "done"

    assert world.journal.states[undo.id] == "done"
    assert world.visible() == {newer}
    assert older not in world.visible()


def test_a_text_longer_than_anybody_may_say_is_judged_by_nobody_and_merged_by_rule() -> None:
    world = World()
    older, newer = doubled(world)
    endless = "Likes tea " * 401
    world.remembers(endless, said=0)
    last = world.remembers(endless, said=2)

    result = run(world)

    assert result.counts["pairs"] == 1
    assert world.oracle.embedded == 2
    assert world.visible() == {newer, last}
    assert older not in world.visible()


def test_the_judge_is_called_as_often_as_the_budget_allows_and_the_rest_is_undecided() -> None:
    limits = JudgingLimits(max_calls=3, pairs_per_call=1)
    world = World(judging=limits)
    for number in range(8):
        world.remembers(f"Statement about thing {number}", said=number)

    result = run(world)

    assert result.counts["judge_calls"] == 3
    assert result.counts["judged"] == 3
    assert result.undecided == result.counts["pairs"] - 3
    assert world.journal.finished == [("done", None)]
    assert [phase for phase, _ in world.journal.notes].count("judging") == 2
    second = run(world)
    assert second.counts["judged"] == 3
    assert len(world.ledger.decisions) == 6


def test_a_lease_that_is_lost_while_a_run_computes_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    doubled(world)
    over = threading.Event()

    def endless(*_: object) -> list[PairToJudge]:
        world.journal.owner = uuid4()
        assert over.wait(timeout=20)
        return []

    monkeypatch.setattr("memory_api.consolidation.judging.to_judge", endless)
    monkeypatch.setattr("memory_api.consolidation.judging.SIGN_OF_LIFE_SECONDS", 0.01)

    async def work() -> RunResult:
        try:
            return await world.run()
        finally:
            over.set()

    result = asyncio.run(work())

    assert (result.status, result.held) == ("running", True)
    assert world.oracle.calls == []


def test_it_can_be_seen_how_many_changes_a_run_has_carried_out() -> None:
    world = World()
    for number in range(121):
        world.remembers("likes tea.", said=number)

    run(world)

    applied = [counts["applied"] for _, counts in world.journal.notes if "applied" in counts]
    assert applied == [50, 100, 120]
    assert len(world.visible()) == 1


def test_a_run_makes_no_more_changes_than_its_budget_and_the_next_goes_on() -> None:
    world = World(limits=Limits(max_changes=1))
    newest = world.remembers("Likes tea", said=5)
    for number in range(3):
        world.remembers("likes tea.", said=number)

    assert len(run(world).changes) == 1
    assert world.journal.finished[-1] == ("done", None)
    assert len(run(world).changes) == 1
    assert len(run(world).changes) == 1
    assert world.visible() == {newest}
    assert list(run(world).changes) == []


@pytest.mark.parametrize("store", ["mem0", "zep"])
def test_a_store_that_is_away_fails_the_run_before_anything_is_changed(store: str) -> None:
    world = World()
    older, newer = doubled(world)
    world.stores.away = {store}

    with pytest.raises(UpstreamUnavailable):
        run(world)

    assert world.visible() == {older, newer}
    assert world.journal.finished == [("failed", None)]
    assert world.journal.owner is None


def test_a_store_that_fails_under_way_leaves_the_run_to_be_resumed() -> None:
    world = World()
    _, newer = doubled(world)
    answers = ["failed"]
    world.path.before = lambda _: answers.pop(0) if answers else "go"

    with pytest.raises(Unavailable) as caught:
        run(world)
    assert caught.value.code == "store_unavailable"
    assert world.journal.owner is None
    [run_id] = world.journal.states
    assert world.journal.states[run_id] == "running"

    assert run(world).run_id == run_id
    assert world.visible() == {newer}
