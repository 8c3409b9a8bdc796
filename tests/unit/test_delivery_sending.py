"""The delivery job's rules: what is sent, sent again after a rest, and refused."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tandem.clients.mem0 import Mem0Client
from tandem.db.deliveries import Due
from tandem.delivery.mem0_delivery import Mem0Delivery
from tandem.delivery.stores import Sent, Utterances
from tandem.errors import UpstreamRateLimited
from tandem.ids import SessionRowId
from tests.unit.delivery_fakes import World

ADD = "POST /api/v4/threads/.*/messages$"
MEM0_ADD = "POST /v3/memories/add/$"


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

    world.time.now += 60
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


def test_a_rest_is_never_longer_than_a_wake_up_can_be_ordered_ahead() -> None:
    world = World()
    world.ledger.owe("m")
    world.mem0.fail("add/$", 429)
    world.mem0.faults[0].outcome = httpx.Response(429, headers={"retry-after": "86400"}, json={})

    assert world.run(stores=[world.mem0_store]) == [900]


@pytest.mark.parametrize(("reason", "failures"), [("budget", 0), ("held", 0), ("breaker_open", 1)])
def test_a_call_that_we_hold_back_ourselves_is_no_failure_of_the_store_and_leaves_no_doubt(
    reason: str, failures: int
) -> None:
    world = World()
    world.ledger.owe("m")
    held = UpstreamRateLimited(
        "mem0", operation="add", reason=reason, sent=False, retry_after_seconds=30
    )

    class HeldBack(Mem0Delivery):
        async def send(self, due: Due, turn: Utterances) -> Sent:  # noqa: ARG002
            raise held

    store = HeldBack(world.mem0_store._client, stage="test", call_seconds=8.0)
    assert world.run(stores=[store]) == [30]
    lease = world.ledger.leases["mem0"]
    assert (lease.failures, lease.unclear) == (failures, False)


def test_a_key_that_can_not_be_sent_is_not_held_against_the_words() -> None:
    world = World()
    world.ledger.owe("m")
    client = Mem0Client(world.mem0.http(), api_key=lambda: "a key\u2026")
    store = Mem0Delivery(client, stage="test", call_seconds=8.0)

    assert world.run(stores=[store]) == [2]
    assert world.ledger.states("mem0") == ["owed"]
    assert world.mem0.requests == []


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


def test_nothing_that_was_said_is_logged(log_lines: Callable[[], list[dict[str, Any]]]) -> None:
    world = World()
    world.ledger.owe("canary one", "canary two")
    world.zep.ingestion = ["failed"] * 99
    world.mem0.fail(MEM0_ADD, httpx.ReadTimeout("canary"))
    world.run()

    lines = log_lines()
    assert {"delivery_refused", "delivery_failed"} <= {line["message"] for line in lines}
    assert "canary" not in str(lines)
