"""The consolidate job's batches: whom they are about, what fails, and the end of the time."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from memory_api.jobs.planning import PlanInterrupted, Planned
from memory_api.jobs.tidying import LEAST_SECONDS, MOST_CONTINUATIONS, Tidying
from tandem.deadline import Deadline
from tandem.errors import Unavailable, UpstreamRateLimited, UpstreamUnavailable
from tandem.ids import AccountId

Logs = Callable[[], list[dict[str, Any]]]
LONG = 840.0


def somebody() -> AccountId:
    return AccountId(uuid4())


def record(message_id: str, account_id: AccountId, **more: int) -> dict[str, Any]:
    return {"messageId": message_id, "body": json.dumps({"account": str(account_id)} | more)}


class World:
    """Two steps, the plan and the queue; a clock that each first step moves on."""

    def __init__(self, *, step_seconds: float = 0.0) -> None:
        self.now, self.step_seconds = 0.0, step_seconds
        self.cleaned: list[AccountId] = []
        self.tidied: list[AccountId] = []
        self.failures: dict[AccountId, Exception] = {}
        self.endless: set[AccountId] = set()
        self.sent: list[tuple[AccountId, int]] = []
        self.delays: list[int] = []
        self.is_queue_away = False
        self.planned: list[AccountId] = []
        self.plan_failure: Exception | None = None
        self.busy = self.most_busy = 0

    async def clean(self, account_id: AccountId, _: Deadline) -> bool:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        for _turn in range(5):
            await asyncio.sleep(0)
        self.now += self.step_seconds
        self.busy -= 1
        if account_id in self.failures:
            raise self.failures[account_id]
        self.cleaned.append(account_id)
        return True

    async def tidy(self, account_id: AccountId, _: Deadline) -> bool:
        if account_id in self.endless:
            return False
        self.tidied.append(account_id)
        return True

    async def carry_out(self, after: AccountId | None, _: Deadline) -> Planned:
        if self.plan_failure:
            raise self.plan_failure
        assert after is not None
        self.planned.append(after)
        return Planned()

    async def send(
        self, account_id: AccountId, *, continuation: int = 0, delay_seconds: int = 0
    ) -> bool:
        self.sent.append((account_id, continuation))
        self.delays.append(delay_seconds)
        return not self.is_queue_away

    def handle(self, *records: dict[str, Any], at_once: int = 2) -> list[str]:
        tidying = Tidying([self.clean, self.tidy], self, self, at_once=at_once)
        deadline = Deadline(LONG, clock=lambda: self.now)
        return asyncio.run(tidying.handle(records, deadline))


def test_each_person_is_tidied_once_however_many_messages_name_them() -> None:
    world, one, other = World(), somebody(), somebody()

    assert world.handle(record("a", one), record("b", other), record("c", one)) == []

    assert sorted(world.cleaned) == sorted(world.tidied) == sorted([one, other])
    assert world.sent == []


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_so_many_people_are_worked_on_side_by_side_and_no_more(at_once: int) -> None:
    world = World()
    world.handle(*(record(str(n), somebody()) for n in range(10)), at_once=at_once)
    assert (world.most_busy, len(world.tidied)) == (at_once, 10)


@pytest.mark.parametrize(
    "failure", [Unavailable(), UpstreamUnavailable("mem0", operation="x"), ZeroDivisionError("c")]
)
def test_a_person_whose_tidying_fails_comes_again_alone(
    failure: Exception, log_lines: Logs
) -> None:
    world, bad, good = World(), somebody(), somebody()
    world.failures[bad] = failure

    assert world.handle(record("a", bad), record("b", good), record("c", bad)) == ["a", "c"]

    assert world.tidied == [good]
    [line] = [line for line in log_lines() if line.get("message") == "tidying_failed"]
    assert (line["account"], line["error"]) == (str(bad), type(failure).__name__)


@pytest.mark.parametrize(
    "body",
    [
        *("", "canary", "[]", "7", "null", "{}", '{"account": "canary"}', '{"account": 5}'),
        *('{"plan_after": "canary"}', '{"plan_after": null}', '"plan_after"'),
        '{"account": "00000000-0000-4000-8000-000000000001", "continuation": "canary"}',
    ],
)
def test_a_message_that_can_not_be_read_comes_again_alone_and_is_not_quoted(
    body: str, log_lines: Logs
) -> None:
    world, good = World(), somebody()

    assert world.handle({"messageId": "bad", "body": body}, record("good", good)) == ["bad"]

    assert world.tidied == [good]
    assert "message_unreadable" in {line.get("message") for line in log_lines()}
    assert "canary" not in str(log_lines())


def test_what_a_run_had_no_time_for_is_asked_for_by_a_new_message_and_the_old_one_is_done() -> None:
    world, slow, quick = World(), somebody(), somebody()
    world.endless = {slow}

    records = [record("a", slow, continuation=4), record("b", quick), record("c", slow)]
    assert world.handle(*records) == []

    assert world.sent == [(slow, 5)]
    assert world.tidied == [quick]


@pytest.mark.parametrize(("asked", "delay"), [(None, 60), (7, 60), (120, 120), (5_000, 900)])
def test_when_others_come_first_at_a_provider_a_person_is_gone_on_with_a_little_later(
    asked: int | None, delay: int
) -> None:
    world, put_off, other = World(), somebody(), somebody()
    world.failures[put_off] = UpstreamRateLimited(
        "zep", operation="graph.list", retry_after_seconds=asked
    )

    assert world.handle(record("1", put_off, continuation=3), record("2", other)) == []
    assert (world.sent, world.delays) == ([(put_off, 4)], [delay])
    assert world.tidied == [other]


def test_a_store_that_is_not_asked_for_a_while_does_not_send_everybody_back_to_the_queue() -> None:
    """Refused without a call, a whole night's people would be through in seconds, and away for as
    long as the queue keeps what failed."""
    world, put_off = World(), somebody()
    world.failures[put_off] = UpstreamUnavailable(
        "mem0", operation="memory.list", retry_after_seconds=9, reason="breaker_open", sent=False
    )

    assert world.handle(record("1", put_off, continuation=3)) == []
    assert (world.sent, world.delays) == ([(put_off, 4)], [60])


def test_without_a_queue_to_ask_for_more_time_the_message_itself_comes_again() -> None:
    world, slow = World(), somebody()
    world.endless, world.is_queue_away = {slow}, True
    assert world.handle(record("a", slow)) == ["a"]


def test_a_memory_that_is_never_done_is_left_to_the_next_plan(log_lines: Logs) -> None:
    world, slow = World(), somebody()
    world.endless = {slow}

    assert world.handle(record("a", slow, continuation=MOST_CONTINUATIONS)) == []

    assert world.sent == []
    assert "tidying_never_ends" in {line.get("message") for line in log_lines()}


def test_nobody_is_begun_with_when_too_little_time_is_left_and_no_message_is_lost() -> None:
    world = World(step_seconds=(LONG - LEAST_SECONDS + 1) / 2)
    people = [somebody() for _ in range(5)]

    assert world.handle(*(record(str(p), p, continuation=7) for p in people), at_once=1) == []

    assert world.tidied == people[:2]
    assert world.sent == [(person, 7) for person in people[2:]]


def test_the_rest_of_a_plan_is_gone_on_with() -> None:
    world, after, one = World(), UUID(int=7), somebody()
    rest = {"messageId": "rest", "body": json.dumps({"plan_after": str(after)})}

    assert world.handle(rest, record("a", one)) == []

    assert (world.planned, world.tidied) == ([after], [one])


@pytest.mark.parametrize("failure", [PlanInterrupted(), Unavailable()])
def test_a_rest_of_a_plan_that_fails_comes_again_and_people_are_tidied(failure: Exception) -> None:
    world, one = World(), somebody()
    world.plan_failure = failure
    rest = {"messageId": "rest", "body": json.dumps({"plan_after": str(somebody())})}

    assert world.handle(rest, record("a", one)) == ["rest"]

    assert world.tidied == [one]
