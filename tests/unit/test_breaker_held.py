"""A provider that asks to be left alone for a while is."""

import pytest

from tandem.errors import UpstreamRateLimited
from tests.unit.test_breaker import World


def test_nobody_calls_while_it_is_held() -> None:
    world = World()

    world.breaker.hold(7.2)
    world.breaker.hold(3)

    error = world.refusal()
    assert isinstance(error, UpstreamRateLimited)
    assert (error.context["reason"], error.context["sent"]) == ("held", False)
    assert error.retry_after_seconds == 8
    assert world.state == "closed"
    world.now += 7.2
    world.call()


@pytest.mark.parametrize("seconds", [0, -3])
def test_a_hold_of_no_time_is_none(seconds: float) -> None:
    world = World()

    world.breaker.hold(seconds)

    world.call()


def test_no_hold_lasts_for_more_than_five_minutes() -> None:
    world = World()

    world.breaker.hold(86_400)

    assert world.refusal().retry_after_seconds == 300
