"""What a call does while its provider has asked to be left alone for a moment."""

import asyncio

import pytest

from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.errors import UpstreamError, UpstreamRateLimited, UpstreamUnavailable


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_short_hold_is_waited_for_and_the_call_goes_out() -> None:
    clock = Clock()
    breaker = Breaker("zep", clock=clock)
    breaker.hold(1.0)
    asyncio.run(Bounds(breaker).enter("graph.search", seconds=1.25, sleep=clock.sleep))
    assert 1_001.0 < clock.now < 1_001.1


def test_a_hold_that_is_longer_than_the_call_can_wait_refuses_at_once() -> None:
    clock = Clock()
    breaker = Breaker("zep", clock=clock)
    breaker.hold(2.0)
    with pytest.raises(UpstreamRateLimited) as refused:
        asyncio.run(Bounds(breaker).enter("graph.search", seconds=1.25, sleep=clock.sleep))
    assert refused.value.context["reason"] == "held"
    assert refused.value.retry_after_seconds == 2
    assert clock.now == 1_000.0


def test_nobody_waits_for_a_hold_before_a_breaker_that_is_open() -> None:
    clock = Clock()
    breaker = Breaker("zep", clock=clock)
    for _ in range(5):
        breaker.enter("graph.search").leave(
            UpstreamUnavailable("zep", operation="graph.search", reason="cut")
        )
    breaker.hold(1.0)
    with pytest.raises(UpstreamError) as refused:
        asyncio.run(Bounds(breaker).enter("graph.search", seconds=1.25, sleep=clock.sleep))
    assert refused.value.context["reason"] == "breaker_open"
    assert clock.now == 1_000.0


def test_a_hold_that_was_renewed_meanwhile_is_not_waited_for_twice() -> None:
    clock = Clock()
    breaker = Breaker("zep", clock=clock)
    breaker.hold(1.0)

    async def refused_again(seconds: float) -> None:
        await clock.sleep(seconds)
        breaker.hold(1.0)

    with pytest.raises(UpstreamRateLimited):
        asyncio.run(Bounds(breaker).enter("graph.search", seconds=1.25, sleep=refused_again))
