"""What a call asks before it goes out, and whom it tells how it went: a breaker and a budget."""

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest

from tandem.clients.breaker import Breaker
from tandem.clients.budget import Budget
from tandem.clients.http import ApiCall
from tandem.clients.models import ZepThread
from tandem.errors import (
    Unavailable,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from tests.contract.wire import Recorder

THREAD = {"uuid": "33333333-3333-4333-8333-333333333333"}
CALL = ApiCall("thread.get", "GET", "/threads/1", retry_safe=True)
DOWN = httpx.ConnectError("refused")


@dataclass
class Purse:
    """A budget of `left` attempts, which notes what it is asked and told."""

    left: int = 100
    allowed: list[float] = field(default_factory=list)
    refusals: list[int | None] = field(default_factory=list)
    fails_to_hear: bool = False

    async def take(self, operation: str, *, seconds: float) -> None:
        self.allowed.append(seconds)
        self.left -= 1
        if self.left < 0:
            raise UpstreamRateLimited(
                "zep", operation=operation, retry_after_seconds=7, reason="budget", sent=False
            )

    async def refused(self, retry_after_seconds: int | None) -> None:
        self.refusals.append(retry_after_seconds)
        if self.fails_to_hear:
            raise Unavailable


@dataclass
class Wire:
    """A recorder behind a breaker whose clock the test turns."""

    recorder: Recorder
    now: float = 0.0
    budget: Budget | None = None
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker("zep", clock=lambda: self.now, jitter=lambda: 0.0)

    def send(self, call: ApiCall = CALL, *, timeout_seconds: float = 5.0) -> ZepThread:
        http = self.recorder.http("zep", breaker=self.breaker, budget=self.budget)
        return asyncio.run(http.send(call, ZepThread, timeout_seconds=timeout_seconds))

    def failure(self, call: ApiCall = CALL, *, timeout_seconds: float = 5.0) -> UpstreamError:
        with pytest.raises(UpstreamError) as caught:
            self.send(call, timeout_seconds=timeout_seconds)
        return caught.value


def ok() -> httpx.Response:
    return httpx.Response(200, json=THREAD)


@pytest.mark.parametrize("reply", [DOWN, *map(httpx.Response, (401, 403, 500, 503, 504, 302))])
def test_a_provider_that_keeps_failing_is_not_asked_for_a_while(
    reply: Exception | httpx.Response,
) -> None:
    wire = Wire(Recorder([reply]))
    for _ in range(5):
        wire.failure()
    asked = len(wire.recorder.requests)

    error = wire.failure()

    assert isinstance(error, UpstreamUnavailable)
    assert error.context["reason"] == "breaker_open"
    assert error.context["sent"] is False
    assert error.retry_after_seconds == 10
    assert len(wire.recorder.requests) == asked


def test_a_call_is_one_failure_however_often_it_was_repeated() -> None:
    wire = Wire(Recorder([httpx.Response(503)]))

    for _ in range(4):
        wire.failure()

    assert len(wire.recorder.requests) == 12
    assert wire.breaker.state == "closed"


def test_an_answer_after_a_while_closes_it() -> None:
    wire = Wire(Recorder([*[httpx.Response(500)] * 5, ok()]))
    for _ in range(5):
        wire.failure()
    wire.now = 10.0

    wire.send()

    assert wire.breaker.state == "closed"


@pytest.mark.parametrize("status", [400, 404, 409, 429])
def test_a_refusal_of_one_request_is_a_sign_of_life(status: int) -> None:
    reply = httpx.Response(status, headers={"retry-after": "0"})
    wire = Wire(Recorder([httpx.Response(500)] * 4 + [reply] * 3 + [httpx.Response(500)]))
    for _ in range(4):
        wire.failure()

    wire.failure()
    for _ in range(4):
        wire.failure()

    assert wire.breaker.state == "closed"


def test_what_never_left_the_house_says_nothing_about_the_provider() -> None:
    wire = Wire(Recorder([httpx.Response(500)]), budget=Purse(left=4))
    for _ in range(4):
        wire.failure()
    bad_id = ApiCall("thread.get", "GET", "/threads/{}", ids=("..",))

    assert wire.failure().context["reason"] == "budget"
    wire.budget = None
    assert isinstance(wire.failure(bad_id), UpstreamRejected)
    assert wire.failure(timeout_seconds=0).context["reason"] == "deadline"
    assert wire.breaker.state == "closed"
    assert [call.outcome for call in wire.recorder.calls[4:]] == ["not_sent"] * 3

    wire.failure()
    assert wire.breaker.state == "open"


def test_a_call_that_was_not_made_is_still_one_line() -> None:
    wire = Wire(Recorder([httpx.Response(500)]))
    for _ in range(6):
        wire.failure()

    refused = wire.recorder.calls[-1]
    assert (refused.outcome, refused.status, refused.reason) == ("not_sent", None, "breaker_open")
    assert [call.reason for call in wire.recorder.calls[:5]] == ["status"] * 5


def test_a_provider_that_asks_for_time_is_left_alone_by_the_whole_process() -> None:
    wire = Wire(Recorder([httpx.Response(429, headers={"retry-after": "30"}), ok()]))

    wire.failure()
    error = wire.failure()

    assert isinstance(error, UpstreamRateLimited)
    assert (error.context["reason"], error.retry_after_seconds) == ("held", 30)
    assert len(wire.recorder.requests) == 1
    wire.now = 30.0
    wire.send()


def test_a_call_that_was_refused_for_now_still_waits_as_it_was_asked_and_goes_on() -> None:
    wire = Wire(Recorder([httpx.Response(429, headers={"retry-after": "2"}), ok()]))

    wire.send()

    assert wire.recorder.waits == [2.0]


def test_every_attempt_is_taken_from_the_budget_and_leaves_time_to_be_made() -> None:
    purse = Purse()
    wire = Wire(Recorder([httpx.Response(503), ok()]), budget=purse)

    wire.send(timeout_seconds=4.0)

    assert purse.allowed == pytest.approx([2.0, 1.9])


def test_a_repetition_that_the_budget_refuses_is_not_made() -> None:
    wire = Wire(Recorder([httpx.Response(503), ok()]), budget=Purse(left=1))

    error = wire.failure()

    assert (error.context["reason"], error.retry_after_seconds) == ("budget", 7)
    assert [call.outcome for call in wire.recorder.calls] == ["unavailable", "not_sent"]


@pytest.mark.parametrize("fails_to_hear", [False, True])
@pytest.mark.parametrize(("header", "heard"), [({"retry-after": "30"}, 30), ({}, None)])
def test_those_who_share_the_key_hear_of_a_refusal(
    header: dict[str, str], heard: int | None, fails_to_hear: bool
) -> None:
    purse = Purse(fails_to_hear=fails_to_hear)
    unsafe = ApiCall("thread.make", "POST", "/threads")
    wire = Wire(Recorder([httpx.Response(429, headers=header)]), budget=purse)

    error = wire.failure(unsafe)

    assert error.status == 429
    assert purse.refusals == [heard]


def test_a_budget_that_hears_of_a_refusal_says_itself_who_may_call() -> None:
    purse = Purse()
    wire = Wire(Recorder([httpx.Response(429, headers={"retry-after": "30"}), ok()]), budget=purse)

    wire.failure()
    wire.send()
