"""Waiting for a task of Zep's and for an event of Mem0's."""

from typing import Any

import httpx
import pytest

from tandem.errors import UpstreamRateLimited, UpstreamRejected, UpstreamTimeout
from tests.contract import mem0_calls, zep_calls
from tests.contract.mem0_calls import EVENT, SUCCEEDED
from tests.contract.wire import Recorder
from tests.contract.zep_calls import A_TASK, ENDED, TASK


def task(status: str) -> httpx.Response:
    return httpx.Response(200, json={**A_TASK, "status": status})


def wait_for_task(recorder: Recorder, *, seconds: float = 60) -> Any:
    return zep_calls.run(recorder, lambda zep: zep.wait_for_task(TASK, timeout_seconds=seconds))


def gave_up(recorder: Recorder, *, seconds: float = 60) -> Any:
    return zep_calls.failure(recorder, lambda zep: zep.wait_for_task(TASK, timeout_seconds=seconds))


@pytest.mark.parametrize("status", ["succeeded", "partial", "failed"])
def test_a_task_is_asked_for_at_growing_distances_until_it_has_ended(status: str) -> None:
    recorder = Recorder([task("pending"), *[task("processing")] * 6, task(status)])

    assert wait_for_task(recorder).status == status

    assert recorder.waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert {recorder.path} == {f"/api/v4/tasks/{TASK}"}


def test_a_task_that_has_ended_is_asked_for_once() -> None:
    recorder = Recorder([httpx.Response(200, json=ENDED)])

    assert wait_for_task(recorder).finished

    assert recorder.waits == []


def test_a_task_that_does_not_end_in_time_is_a_timeout_after_a_last_look() -> None:
    recorder = Recorder([task("processing")])

    error = gave_up(recorder, seconds=3)

    assert isinstance(error, UpstreamTimeout)
    assert (error.operation, error.context["reason"]) == ("task.wait", "deadline")
    assert sum(recorder.waits) == pytest.approx(2.7)
    assert recorder.waits[-1] == pytest.approx(1.3)


def test_waiting_for_very_long_does_not_wait_longer_each_time() -> None:
    recorder = Recorder([task("processing")])

    assert isinstance(gave_up(recorder, seconds=20_000), UpstreamTimeout)

    assert max(recorder.waits) == 5.0
    assert len(recorder.waits) > 2_000


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_there_is_no_waiting_without_time(seconds: float) -> None:
    recorder = Recorder([task("processing")])

    assert isinstance(gave_up(recorder, seconds=seconds), UpstreamTimeout)

    assert recorder.requests == []


def test_a_task_that_zep_does_not_know_is_not_waited_for() -> None:
    recorder = Recorder([task("pending"), httpx.Response(404)])

    error = gave_up(recorder)

    assert isinstance(error, UpstreamRejected)
    assert error.status == 404


def test_a_busy_provider_is_asked_again_when_it_says() -> None:
    busy = httpx.Response(429, headers={"retry-after": "7"})
    recorder = Recorder([task("pending"), busy, task("succeeded")])

    assert wait_for_task(recorder).finished

    assert recorder.waits == pytest.approx([0.2, 7.0])


def test_a_busy_provider_ends_the_waiting_when_it_asks_for_more_time_than_there_is() -> None:
    recorder = Recorder([task("pending"), httpx.Response(429, headers={"retry-after": "70"})])

    assert isinstance(gave_up(recorder), UpstreamRateLimited)

    assert len(recorder.requests) == 2


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_an_event_is_asked_for_until_it_has_ended(status: str) -> None:
    states = [{**SUCCEEDED, "status": word} for word in ("PENDING", "RUNNING", status)]
    recorder = Recorder([httpx.Response(200, json=state) for state in states])

    event = mem0_calls.run(recorder, lambda mem0: mem0.wait_for_event(EVENT, timeout_seconds=60))

    assert event.status == status
    assert recorder.waits == pytest.approx([0.2, 0.4])


def test_an_event_that_does_not_end_in_time_is_a_timeout() -> None:
    recorder = Recorder([httpx.Response(200, json={**SUCCEEDED, "status": "RUNNING"})])

    error = mem0_calls.failure(recorder, lambda mem0: mem0.wait_for_event(EVENT, timeout_seconds=1))

    assert isinstance(error, UpstreamTimeout)
    assert (error.provider, error.operation) == ("mem0", "event.wait")
