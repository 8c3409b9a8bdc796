"""The delivery job's rules: what is sent, sent again, refused, waited for, and left to others."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tandem.db.deliveries import Due
from tandem.delivery.service import LONGEST_INGESTION_SECONDS, MAX_INGESTIONS
from tandem.ids import SessionRowId
from tests.unit.delivery_fakes import Crash, World

ADD = "POST /api/v4/threads/.*/messages$"
MEM0_ADD = "POST /v3/memories/add/$"
SOMEBODY = uuid4()


def test_each_store_gets_what_it_is_owed_in_order_and_nobody_is_woken() -> None:
    world = World()
    for number in range(3):
        world.ledger.owe(f"m{number}", f"r{number}")

    assert world.run() == []

    assert [m["content"] for m in world.zep.messages] == ["m0", "r0", "m1", "r1", "m2", "r2"]
    assert [add["messages"][0]["content"] for add in world.mem0.added] == ["m0", "m1", "m2"]
    assert set(world.ledger.states("zep") + world.ledger.states("mem0")) == {"ingested"}


def test_a_session_that_is_unknown_or_owes_nothing_calls_no_store() -> None:
    world = World()
    assert world.run() == []
    world.ledger.owe("m")
    assert world.run(session=SessionRowId(uuid4())) == []
    assert world.zep.requests == world.mem0.requests == []


def test_a_store_that_fails_is_given_a_rest_and_does_not_hold_up_the_other() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail(".", *[503] * 3)

    assert world.run() == [2]

    assert world.ledger.states("zep") == ["owed", "owed"]
    assert world.ledger.states("mem0") == ["ingested"]
    assert world.run() == []  # resting: whoever set the rest has sent a wake-up for its end
    world.time.now += 2
    assert world.run() == []
    assert world.ledger.states("zep") == ["ingested", "ingested"]
    assert world.ledger.leases["zep"].failures == 0


@pytest.mark.parametrize("outcome", [401, 403, 404, 409, 429, 500, 502, httpx.ReadTimeout("t")])
def test_a_failure_that_is_not_about_the_words_is_tried_again(outcome: Any) -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.fail("add/$", outcome)

    assert world.run(stores=[world.mem0_store]) == [2]
    assert world.ledger.states("mem0") == ["owed"]

    world.time.now += 2
    assert world.run(stores=[world.mem0_store]) == []
    assert world.ledger.states("mem0") == ["ingested"]


def test_the_rest_grows_with_every_failure_to_five_minutes_and_is_spread() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.fail("add/$", *[500] * 12)
    rests = []
    for _ in range(10):
        rests += world.run(stores=[world.mem0_store])
        world.time.now += 400
    assert rests == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert world.run(stores=[world.mem0_store], share=0.0) == [225]
    world.time.now += 400
    assert world.run(stores=[world.mem0_store], share=0.999) == [375]


def test_a_longer_rest_that_the_store_asks_for_is_kept() -> None:
    world = World()
    world.ledger.owe("m")
    busy = httpx.Response(429, headers={"retry-after": "77"}, json={})
    world.mem0.fail("add/$", 429)
    world.mem0.faults[0].outcome = busy

    assert world.run(stores=[world.mem0_store]) == [77]
    assert world.ledger.leases["mem0"].not_before == world.time.now + 77


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("store", ["zep", "mem0"])
def test_words_that_a_store_refuses_stay_behind_and_the_next_ones_pass(
    store: Any, status: int, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    world = World()
    turn = world.ledger.owe("bad canary")
    world.ledger.owe("good")
    getattr(world, store).fail(ADD if store == "zep" else MEM0_ADD, status)

    assert world.run() == []

    assert world.ledger.states(store) == ["refused", "ingested"]
    refused = [line for line in log_lines() if line["message"] == "delivery_refused"]
    assert [(line["store"], line["turn_id"]) for line in refused] == [(store, str(turn))]
    assert "canary" not in str(log_lines())


@pytest.mark.parametrize("status", [400, 409])
def test_a_refusal_leaves_no_doubt_so_that_nobody_needs_to_look(status: int) -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.fail(MEM0_ADD, status)

    world.run(stores=[world.mem0_store])

    assert not world.ledger.leases["mem0"].unclear


def test_a_run_goes_on_while_there_is_something_to_send() -> None:
    world = World()
    for number in range(8):
        world.ledger.owe(f"m{number}")
    world.mem0.seconds_a_call = 1.0

    assert world.run(stores=[world.mem0_store]) == []
    assert set(world.ledger.states("mem0")) == {"ingested"}


def test_a_reply_beyond_what_zep_ever_takes_is_refused_without_a_call() -> None:
    world = World()
    world.ledger.owe("m", "x" * 4096 * 30)
    world.ledger.owe("good")

    assert world.run() == []

    assert world.ledger.states("zep") == ["refused", "refused", "ingested"]
    assert [m["content"] for m in world.zep.messages] == ["good"]


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


def test_after_a_crash_before_the_call_the_words_are_sent() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail(ADD, Crash())

    world.crash()
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


def test_words_in_ingestion_are_waited_for_a_little_and_then_left_for_a_wake_up() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.ingestion = ["processing"]

    assert world.run(stores=[world.zep_store]) == [5]

    assert world.time.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert world.ledger.leases["zep"].owner is None


@pytest.mark.parametrize(("age", "patience"), [(1, 5), (60, 60), (3600, 300)])
def test_the_longer_ingestion_takes_the_longer_is_the_wait(age: int, patience: int) -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["RUNNING"]
    world.run(stores=[world.mem0_store])
    row = world.ledger.rows[1]
    row.words = replace(row.words, sent_at=datetime.now(UTC) - timedelta(seconds=age))

    [wait] = world.run(stores=[world.mem0_store])
    assert patience <= wait <= patience + 2


def test_ingestion_that_takes_a_day_has_failed() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["RUNNING"]
    world.run(stores=[world.mem0_store])
    row = world.ledger.rows[1]
    long_ago = datetime.now(UTC) - timedelta(seconds=LONGEST_INGESTION_SECONDS + 1)
    row.words = replace(row.words, sent_at=long_ago)

    assert world.run(stores=[world.mem0_store]) == []
    assert len(world.mem0.added) == 2
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize("ending", ["failed", "partial"])
def test_words_that_zep_failed_to_ingest_are_given_to_the_graph_and_stay_in_the_thread_once(
    ending: str,
) -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.ingestion = [ending]

    assert world.run() == []

    assert [m["content"] for m in world.zep.messages] == ["m", "r"]
    assert [episode["data"] for episode in world.zep.episodes] == ["m"]
    assert world.ledger.states("zep") == ["ingested", "ingested"]


def test_words_that_mem0_failed_to_ingest_are_added_again() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["FAILED"]

    assert world.run() == []

    assert world.mem0.added[0] == world.mem0.added[1]
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize(("store", "failed"), [("zep", "failed"), ("mem0", "FAILED")])
def test_after_five_failed_ingestions_words_are_refused(store: Any, failed: str) -> None:
    world = World()
    world.ledger.owe("m", "r")
    getattr(world, store).ingestion = [failed] * 99

    assert world.run() == []

    given = {"zep": 1 + len(world.zep.episodes), "mem0": len(world.mem0.added)}
    assert given[store] == MAX_INGESTIONS
    assert set(world.ledger.states(store)) == {"refused"}


def test_a_job_that_the_store_no_longer_knows_has_failed() -> None:
    world = World()
    world.ledger.owe("m", "r")
    world.zep.fail("GET /api/v4/tasks", 404)
    world.mem0.fail("GET /v1/event", 404)

    assert world.run() == []

    assert len(world.zep.episodes) == 1
    assert world.ledger.states("zep") == ["ingested", "ingested"]
    assert world.ledger.states("mem0") == ["ingested"]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_words_that_may_not_be_given_again_are_refused_and_block_nothing(status: int) -> None:
    world = World()
    world.ledger.owe("bad")
    world.ledger.owe("good")
    world.zep.ingestion = ["failed"]
    world.zep.fail("POST /api/v4/graphs/.*/episodes$", status)

    assert world.run() == []
    assert world.ledger.states("zep") == ["refused", "ingested"]


@pytest.mark.parametrize("pattern", ["GET /api/v4/tasks", "POST /api/v4/graphs"])
@pytest.mark.parametrize("status", [409, 500])
def test_a_store_that_can_not_say_now_is_given_a_rest(pattern: str, status: int) -> None:
    world = World()
    world.ledger.owe("m")
    world.zep.ingestion = ["failed"]
    world.zep.fail(pattern, status)

    assert world.run(stores=[world.zep_store]) == [2]
    assert world.ledger.states("zep") == ["sent"]


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


def test_a_fault_of_ours_in_one_store_is_raised_after_the_other_is_done() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.ingestion = ["RUNNING"]

    class Broken:
        name = "zep"

        async def prepare(self, _: Due) -> Due:
            raise ZeroDivisionError

    broken: Any = Broken()
    with pytest.raises(ZeroDivisionError):
        world.run(stores=[broken, world.mem0_store])

    assert world.ledger.states("mem0") == ["sent"]
    assert world.wakes.delays == [5]


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


def test_nothing_that_was_said_is_logged(log_lines: Callable[[], list[dict[str, Any]]]) -> None:
    world = World()
    world.ledger.owe("canary one", "canary two")
    world.zep.ingestion = ["failed"] * 99
    world.mem0.fail(MEM0_ADD, httpx.ReadTimeout("canary"))
    world.run()

    lines = log_lines()
    assert {"delivery_refused", "delivery_failed"} <= {line["message"] for line in lines}
    assert "canary" not in str(lines)
