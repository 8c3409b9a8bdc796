"""The delivery job's rules: what a crash leaves behind, and what is done under a lease alone."""

from uuid import uuid4

import httpx
import pytest

from tests.unit.delivery_fakes import World
from tests.unit.delivery_wires import Crash

ADD = "POST /api/v4/threads/.*/messages$"
MEM0_ADD = "POST /v3/memories/add/$"
SOMEBODY = uuid4()


@pytest.mark.parametrize("remembers_keys", [True, False])
def test_after_a_crash_behind_the_call_zep_has_the_words_once(remembers_keys: bool) -> None:
    world = World()
    world.zep.remembers_keys = remembers_keys
    world.ledger.owe("m", "r" * 5000)
    world.zep.fail(ADD, Crash(), after=True)

    world.crash()
    assert world.ledger.states("zep") == ["owed", "owed"]
    for message in world.zep.messages:
        message["processed"] = True
    assert world.run() == []

    assert len(world.zep.messages) == 3
    assert world.ledger.states("zep") == ["ingested", "ingested"]
    assert [len(row.provider_ids) for row in world.ledger.rows[:2]] == [1, 2]


def test_after_a_crash_before_the_call_the_words_are_sent_once_they_can_no_longer_arrive() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail(ADD, Crash())

    world.crash()
    assert world.run() == [59]  # the call may have begun as late as the lease ended
    assert world.zep.messages == []
    world.time.now += 59
    assert world.run() == []

    assert [m["content"] for m in world.zep.messages] == ["m", "r"]


def test_after_a_crash_behind_the_call_mem0_is_looked_at_before_it_is_asked_again() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.fail(MEM0_ADD, Crash(), after=True)

    world.crash()
    assert world.run() == []

    assert len(world.mem0.added) == 1
    assert world.ledger.states("mem0") == ["ingested"]
    assert world.ledger.rows[1].provider_ids == [world.mem0.memories[0]["id"]]


def test_what_a_look_finds_is_waited_for_like_everything_that_was_sent() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail(ADD, httpx.ReadTimeout("slow"), after=True)
    assert world.run() == [2]
    assert world.ledger.leases["zep"].unclear

    world.time.now += 2
    assert world.run() == [5]  # in the thread, and not processed yet
    assert world.ledger.states("zep") == ["sent", "sent"]
    assert len(world.zep.calls(ADD)) == 1

    for message in world.zep.messages:
        message["processed"] = True
    assert world.run() == []
    assert world.ledger.states("zep") == ["ingested", "ingested"]


def test_somebody_else_at_work_is_come_back_to_soon() -> None:
    world = World()
    world.ledger.owe("m")
    world.zep.fail(ADD, Crash())
    with pytest.raises(Crash):
        world.run()
    world.zep.requests.clear()

    assert world.run() == [2]
    assert world.zep.requests == []


def test_who_has_lost_the_lease_sends_nothing_more_and_leaves_it_alone() -> None:
    world = World()
    world.ledger.owe("m")
    world.ledger.owe("n")
    held = world.ledger.leases["zep"]

    def take_over() -> None:
        held.owner, held.until = SOMEBODY, world.time.now + 45

    world.ledger.before_mark = take_over
    assert world.run(stores=[world.zep_store]) == [2]

    assert len(world.zep.calls(ADD)) == 1
    assert world.ledger.states("zep") == ["owed", "owed"]
    assert held.owner == SOMEBODY


@pytest.mark.parametrize("seconds", [0.5, 3.0, 7.9])
def test_however_slow_a_store_is_calls_end_under_the_lease_and_before_the_run_does(
    seconds: float,
) -> None:
    world = World()
    for number in range(12):
        world.ledger.owe(f"m{number}", f"r{number}")
    world.zep.ingestion = ["processing"] * 12
    world.zep.seconds_a_call = seconds
    late: list[float] = []

    def watch() -> None:
        if world.time.now > min(world.ledger.leases["zep"].until, begun + 58):
            late.append(world.time.now)

    world.zep.watch = watch
    for _ in range(12):
        begun = world.time.now
        [wait] = world.run(stores=[world.zep_store])
        assert world.ledger.leases["zep"].owner is None
        world.time.now += wait
        if "owed" not in world.ledger.states("zep"):
            break

    assert not late
    assert [m["content"] for m in world.zep.messages] == [
        f"{who}{number}" for number in range(12) for who in "mr"
    ]


def test_a_run_that_only_waits_for_slow_answers_prolongs_its_lease() -> None:
    world = World()
    for number in range(20):
        world.ledger.owe(f"m{number}")
    world.zep.ingestion = ["processing"] * 20
    world.run(stores=[world.zep_store])
    world.zep.seconds_a_call = 3.0

    assert world.run(stores=[world.zep_store]) == [2]
    assert world.ledger.prolonged == 1


def test_no_call_is_begun_that_could_outlive_the_run() -> None:
    world = World()
    world.ledger.owe("m")

    assert world.run(seconds=11.9) == [2]

    assert world.zep.requests == world.mem0.requests == []
    assert world.ledger.leases["zep"].owner is None


def test_a_deleted_session_s_thread_is_deleted_under_the_lease() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.run()
    world.ledger.rows.clear()
    world.ledger.deletion = "owed"
    world.zep.fail("DELETE ", *[503] * 3)

    assert world.run() == [2]
    assert world.ledger.deletion == "owed"

    world.time.now += 2
    assert world.run() == []
    assert (world.ledger.deletion, world.zep.threads) == ("done", {})


@pytest.mark.parametrize("made", [True, False])
def test_a_thread_that_is_gone_or_never_was_counts_as_deleted(made: bool) -> None:
    world = World()
    if made:
        world.ledger.owe("m", "r")
        world.run()
        world.ledger.rows.clear()
        world.zep.threads.clear()
    world.ledger.deletion = "owed"

    assert world.run() == []
    assert world.ledger.deletion == "done"
    assert len(world.zep.calls("DELETE ")) == made
