"""The path of changes when something comes between: failures, time, other people's doings."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tandem.changes.path import Carried
from tandem.db.changes import Begun
from tandem.errors import UpstreamRateLimited, UpstreamRejected, UpstreamUnavailable
from tests.unit.changes.two_stores import (
    CALL_SECONDS,
    TODAY,
    YESTERDAY,
    World,
    change,
    lost,
    refused,
)

DONE = Carried(confirmed=1)


@pytest.fixture
def world() -> World:
    return World()


def hiding(world: World, count: int = 1) -> list[Any]:
    texts = [f"Likes tea number {number}" for number in range(count)]
    return [change("hide", mem0_id=world.stores.memory(text), text=text) for text in texts]


@pytest.mark.parametrize("kind", ["hide", "rewrite"])
def test_what_has_happened_unheard_is_not_sent_again(world: World, kind: Any) -> None:
    tea = world.stores.memory("Likes tea")
    planned = change(kind, mem0_id=tea, text="Likes tea")
    texts = {planned.id: "Likes green tea"}
    world.stores.errors["update"] = lost()
    assert world.carry_out(planned, texts=texts) == Carried(left=1, failed=True)
    assert world.fates([planned]) == ["sent"]
    assert world.again(planned, texts={}) == DONE
    assert world.stores.writes == ["update"]


def between(world: World, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """What becomes of the memories after they were looked at, before they are changed."""
    begin = world.journal.begin

    async def begun(*args: Any, **rest: Any) -> Begun:
        for one in list(world.stores.memories.values()):
            world.stores.memories[one.id] = one.model_copy(update=changes)
        return await begin(*args, **rest)

    monkeypatch.setattr(world.journal, "begin", begun)


@pytest.mark.parametrize("dies", [False, True])
def test_what_is_corrected_between_the_look_and_the_hiding_stays_in_sight(
    world: World, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    tea = world.stores.memory("Likes tea", metadata={"turn_id": "t"})
    hide = change("hide", mem0_id=tea, text="Likes tea")
    between(world, monkeypatch, text="Likes green tea")
    if dies:
        world.stores.errors["update"] = lost()
        assert world.carry_out(hide) == Carried(left=1, failed=True)
        assert world.again(hide) == Carried(skipped=1)
    else:
        assert world.carry_out(hide) == Carried(skipped=1)
    assert world.journal.why[hide.id] == "changed"
    memory = world.stores.memories[tea]
    assert (memory.text, memory.expiration_date) == ("Likes green tea", None)
    assert memory.metadata == {"turn_id": "t"}


@pytest.mark.parametrize("before_the_look", [False, True])
def test_what_is_hidden_while_it_is_corrected_is_in_sight_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch, before_the_look: bool
) -> None:
    out_of_sight = {"expiration_date": YESTERDAY, "metadata": {"run_id": "a run"}}
    tea = world.stores.memory("Likes tea", **(out_of_sight if before_the_look else {}))
    if not before_the_look:
        between(world, monkeypatch, **out_of_sight)
    rewrite = change("rewrite", "corrected", mem0_id=tea, text="Likes tea")
    assert world.carry_out(rewrite, texts={rewrite.id: "Likes green tea"}) == DONE
    memory = world.stores.memories[tea]
    assert (memory.text, memory.expiration_date) == ("Likes green tea", None)
    assert memory.metadata == {"change_id": str(rewrite.id)}


def test_a_copy_that_was_made_unheard_is_found_by_its_change(world: World) -> None:
    edge = world.stores.fact("Lives in Delhi")
    add = change("add", "lacking", edge_uuid=edge, text="Lives in Delhi")
    world.stores.errors["add"] = lost()
    assert world.carry_out(add) == Carried(left=1, failed=True)
    assert world.again(add) == DONE
    assert world.stores.writes == ["add"]
    [copy] = world.stores.memories
    assert world.journal.outcomes[add.id].made_id == copy


def test_a_copy_that_was_never_made_is_made_after_looking(world: World) -> None:
    edge = world.stores.fact("Lives in Delhi")
    add = change("add", "lacking", edge_uuid=edge, text="Lives in Delhi")
    world.stores.errors["add"] = UpstreamUnavailable("mem0", operation="add", reason="connect")
    assert world.carry_out(add) == Carried(left=1, failed=True)
    assert world.again(add) == DONE
    assert world.stores.calls.index("list_all") < len(world.stores.calls) - 1
    assert len(world.stores.memories) == 1


def test_a_copy_that_takes_too_long_is_looked_for_later(world: World) -> None:
    world.stores.adds = "never"
    edge = world.stores.fact("Lives in Delhi")
    add = change("add", "lacking", edge_uuid=edge, text="Lives in Delhi")
    assert world.carry_out(add) == Carried(left=1, failed=True)
    assert world.again(add) == DONE
    assert len(world.stores.memories) == 1


def test_a_fact_that_was_ended_unheard_has_ended(world: World) -> None:
    edge = world.stores.fact("Lives in Delhi")
    at = {"invalid_at": TODAY.isoformat()}
    end = change("end_fact", edge_uuid=edge, text="Lives in Delhi", details=at)
    world.stores.errors["update_edge"] = lost()
    assert world.carry_out(end) == Carried(left=1, failed=True)
    assert world.again(end) == DONE
    assert world.stores.writes == ["update_edge"]


def test_a_store_that_fails_stops_the_run_where_it_is(world: World) -> None:
    changes = hiding(world, 3)
    world.stores.errors["update"] = UpstreamRateLimited("mem0", operation="update", status=429)
    assert world.carry_out(*changes) == Carried(left=3, failed=True)
    assert world.fates(changes) == ["sent", "planned", "planned"]
    assert world.again(*changes) == Carried(confirmed=3)


def test_a_refusal_for_good_is_journalled_and_counted_and_the_rest_goes_on(
    world: World, metrics_written: Callable[[], list[dict[str, Any]]]
) -> None:
    tea, coffee = world.stores.memory("Likes tea"), world.stores.memory("Likes coffee")
    rewrite = change("rewrite", mem0_id=tea, text="Likes tea")
    hide = change("hide", mem0_id=coffee, text="Likes coffee")
    world.stores.errors["update"] = refused(422)
    carried = world.carry_out(rewrite, hide, texts={rewrite.id: "x"})
    assert carried == Carried(confirmed=1, refused=1)
    assert world.fates([rewrite, hide]) == ["refused", "confirmed"]
    assert world.journal.why[rewrite.id] == "status_422"
    [metrics] = metrics_written()
    assert metrics["ChangesRefused"] == [1.0]


@pytest.mark.parametrize("status", [409, 423])
def test_a_refusal_that_says_nothing_about_the_change_stops_the_run(
    world: World, status: int
) -> None:
    changes = hiding(world, 2)
    world.stores.errors["update"] = refused(status)
    assert world.carry_out(*changes) == Carried(left=2, failed=True)


def test_a_key_that_cant_be_sent_refuses_no_change(world: World) -> None:
    changes = hiding(world, 2)
    world.stores.errors["update"] = UpstreamRejected(
        "mem0", operation="update", reason="unsendable", sent=False
    )
    assert world.carry_out(*changes) == Carried(left=2, failed=True)


def test_what_goes_between_look_and_call_is_gone(world: World) -> None:
    [hide] = hiding(world)
    world.stores.errors["update"] = refused(404)
    assert world.carry_out(hide) == Carried(skipped=1)
    assert world.journal.why[hide.id] == "gone"


def test_a_stale_plan_stops_before_anything_is_sent(world: World) -> None:
    changes = hiding(world, 3)
    world.journal.answers[changes[1].id] = "stale"
    owner = uuid4()
    carried = world.carry_out(*changes, owner=owner, read_at=TODAY)
    assert carried == Carried(confirmed=1, left=2, stale=True)
    assert world.fates(changes) == ["confirmed", "planned", "planned"]
    assert world.stores.writes == ["update"]
    assert set(world.journal.asked) == {(owner, TODAY)}


def test_what_never_got_to_the_store_is_for_a_fresh_plan(world: World) -> None:
    changes = hiding(world, 2)
    world.stores.errors["update"] = UpstreamUnavailable(
        "mem0", operation="update", reason="connect"
    )
    world.carry_out(changes[0])
    world.journal.answers[changes[0].id] = "stale"
    assert world.again(*changes) == Carried(confirmed=1, skipped=1)
    assert world.journal.why[changes[0].id] == "stale"


def test_who_loses_the_lease_leaves(world: World) -> None:
    changes = hiding(world, 2)
    world.journal.answers[changes[0].id] = "lease_lost"
    assert world.carry_out(*changes) == Carried(left=2, lease_lost=True)
    assert world.stores.writes == []


def test_what_is_to_be_forgotten_is_skipped_and_what_is_done_is_done(world: World) -> None:
    changes = hiding(world, 3)
    world.journal.answers[changes[0].id] = "forgotten"
    world.journal.answers[changes[1].id] = "done"
    assert world.carry_out(*changes) == Carried(confirmed=2, skipped=1)
    assert world.journal.why == {changes[0].id: "forgotten"}
    assert len(world.stores.writes) == 1


def test_no_call_is_begun_that_could_not_end_in_time(world: World) -> None:
    changes = hiding(world, 3)

    def second_passes() -> None:
        world.clock += 1.0

    carried = world.carry_out(*changes, seconds=16.0, during=second_passes)
    assert carried.left == 3 - carried.confirmed > 0
    assert world.fates(changes)[carried.confirmed :] in (
        ["planned"] * carried.left,
        ["sent"] + ["planned"] * (carried.left - 1),
    )
    assert all(0 < seconds <= CALL_SECONDS for seconds in world.stores.allowed)
    world.clock = 0
    again = world.again(*changes[carried.confirmed :])
    assert again == Carried(confirmed=carried.left)
    assert {one.expiration_date for one in world.stores.memories.values()} == {YESTERDAY}


def test_without_any_time_nothing_is_asked(world: World) -> None:
    changes = hiding(world, 2)
    assert world.carry_out(*changes, seconds=1.0) == Carried(left=2)
    assert world.stores.calls == []
    assert world.carry_out() == Carried()
