"""When a provider is not asked, when it is tried again, and what decides that."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.clients.breaker import Breaker, Passage
from tandem.errors import (
    Provider,
    Unavailable,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)


def down() -> UpstreamError:
    return UpstreamUnavailable("zep", operation="x", status=503, reason="status", sent=True)


def slow() -> UpstreamError:
    return UpstreamTimeout("zep", operation="x", reason="deadline", sent=True)


class World:
    """A breaker, the clock that it looks at, and how long it opened each time."""

    def __init__(
        self, provider: Provider = "zep", *, jitter: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.now = 1_000.0
        self.opened: list[float] = []
        self.breaker = Breaker(
            provider,
            clock=lambda: self.now,
            jitter=jitter,
            on_open=lambda _, seconds: self.opened.append(seconds),
        )

    @property
    def state(self) -> str:
        return self.breaker.state

    def call(self, error: BaseException | None = None, *, seconds: float = 0.0) -> None:
        passage = self.enter()
        self.now += seconds
        passage.leave(error)

    def enter(self) -> Passage:
        passage = self.breaker.enter("x")
        passage.asked()
        return passage

    def refusal(self) -> UpstreamError:
        with pytest.raises(UpstreamError) as caught:
            self.breaker.enter("x")
        return caught.value

    def opens(self) -> None:
        for _ in range(5):
            self.call(down())
        assert self.state == "open"

    def half_opens(self) -> None:
        self.opens()
        self.now += 10
        assert self.state == "half_open"


def test_five_failures_in_a_row_open_it() -> None:
    world = World()
    for _ in range(4):
        world.call(down())
    assert world.state == "closed"

    world.call(down())

    assert world.state == "open"
    assert world.opened == [10.0]
    error = world.refusal()
    assert (error.code, error.retry_after_seconds) == ("upstream_unavailable", 10)
    assert error.context["reason"] == "breaker_open"
    assert error.context["sent"] is False


def test_an_answer_between_failures_starts_the_count_again() -> None:
    world = World()

    for _ in range(20):
        for _ in range(4):
            world.call(down())
        world.call()

    assert world.state == "closed"


def test_failures_more_than_a_minute_apart_are_no_row() -> None:
    world = World()

    for _ in range(20):
        world.call(down(), seconds=15.1)

    assert world.state == "closed"


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRejected("zep", operation="x", status=400, reason="status"),
        UpstreamRateLimited("zep", operation="x", status=429, reason="status"),
    ],
)
def test_a_refusal_of_one_request_is_a_sign_of_life(error: UpstreamError) -> None:
    world = World()
    world.half_opens()

    world.call(error)

    assert world.state == "closed"


@pytest.mark.parametrize(
    "error",
    [
        UpstreamRejected("zep", operation="x", reason="unsendable", sent=False),
        UpstreamRateLimited("zep", operation="x", reason="budget", sent=False),
        UpstreamTimeout("zep", operation="x", reason="deadline", sent=False),
        UpstreamTimeout("zep", operation="x", reason="pool", sent=False),
        Unavailable(),
        ValueError(),
    ],
)
def test_what_never_reached_the_provider_decides_nothing(error: Exception) -> None:
    world = World()
    world.half_opens()

    world.call(error, seconds=5)

    assert world.state == "half_open"
    assert world.enter()


@pytest.mark.parametrize("error", [slow(), asyncio.CancelledError()])
def test_a_call_that_nobody_waited_for_long_enough_decides_nothing(error: BaseException) -> None:
    world = World()
    for _ in range(10):
        world.call(error, seconds=0.9)
    assert world.state == "closed"

    for _ in range(5):
        world.call(error, seconds=1.0)

    assert world.state == "open"


@pytest.mark.parametrize(
    "error",
    [
        UpstreamTimeout("zep", operation="x", status=504, reason="status", sent=True),
        UpstreamTimeout("zep", operation="x", reason="connect", sent=False),
        UpstreamTimeout("zep", operation="x", reason="phase", sent=True),
    ],
)
def test_a_timeout_that_is_not_our_impatience_is_a_failure_however_soon(
    error: UpstreamTimeout,
) -> None:
    world = World()
    for _ in range(5):
        world.call(error)

    assert world.state == "open"


def test_three_calls_of_twenty_seconds_are_enough_of_a_model_that_hangs() -> None:
    world = World("gemini")
    for _ in range(10):
        world.call(slow(), seconds=9)
    assert world.state == "closed"

    for _ in range(3):
        world.call(slow(), seconds=20)

    assert world.state == "open"


def test_waiting_before_the_provider_is_asked_is_not_waiting_for_it() -> None:
    world = World()
    for _ in range(5):
        passage = world.breaker.enter("x")
        world.now += 5
        passage.leave(asyncio.CancelledError())

    assert world.state == "closed"


def test_half_open_lets_one_probe_out_and_nobody_else() -> None:
    world = World()
    world.half_opens()

    probe = world.enter()

    assert world.refusal().retry_after_seconds == 1
    probe.leave(None)
    assert world.state == "closed"
    world.call()


def test_each_failed_probe_doubles_the_time_up_to_a_minute() -> None:
    world = World()
    world.opens()

    for _ in range(2_000):
        world.now += world.opened[-1]
        world.call(down())

    assert world.opened[:5] == [10.0, 20.0, 40.0, 60.0, 60.0]
    assert world.opened[-1] == 60.0
    world.now += 60
    world.call()
    world.opens()
    assert world.opened[-1] == 10.0


def test_containers_that_fail_together_come_back_apart() -> None:
    world = World(jitter=lambda: 0.999)

    world.opens()

    assert 7.5 <= world.opened[0] < 7.6


def test_a_cancelled_probe_makes_room_for_the_next() -> None:
    world = World()
    world.half_opens()

    world.call(asyncio.CancelledError(), seconds=0.5)

    assert world.state == "half_open"
    world.call()
    assert world.state == "closed"


def test_a_probe_that_hung_for_long_and_was_dropped_has_failed() -> None:
    world = World()
    world.half_opens()

    world.call(asyncio.CancelledError(), seconds=1.2)

    assert world.state == "open"
    assert world.opened == [10.0, 20.0]


def test_short_probes_without_an_answer_add_up_to_a_failure() -> None:
    world = World()
    for _ in range(2):
        world.opened.clear()
        world.half_opens()
        for _ in range(3):
            world.call(asyncio.CancelledError(), seconds=0.3)
            assert world.state == "half_open"
        world.call(asyncio.CancelledError(), seconds=0.3)
        assert world.opened == [10.0, 20.0]
        world.now += 20
        world.call()


@pytest.mark.parametrize("late", [None, down()])
def test_a_call_from_before_it_opened_has_no_say_afterwards(late: UpstreamError | None) -> None:
    world = World()
    early = world.enter()
    world.half_opens()
    probe = world.enter()

    early.leave(late)

    assert world.state == "half_open"
    assert world.refusal()
    probe.leave(None)
    assert world.state == "closed"


def test_leaving_twice_counts_once() -> None:
    world = World()
    passage = world.enter()

    for _ in range(5):
        passage.leave(down())

    assert world.state == "closed"


def test_a_passage_used_as_a_context_leaves_with_what_is_raised() -> None:
    world = World()
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable), world.breaker.enter("x"):
            raise down()

    assert world.state == "open"


def test_who_only_looks_takes_no_probe() -> None:
    world = World()
    world.half_opens()

    for _ in range(3):
        world.breaker.check("x")

    world.call()


def test_a_hold_costs_no_probe() -> None:
    world = World()
    world.half_opens()
    world.breaker.hold(5)

    assert world.refusal().context["reason"] == "held"
    world.now += 5
    world.call()

    assert world.state == "closed"


def test_a_clock_that_is_set_back_shuts_nobody_out_for_long() -> None:
    world = World()
    world.breaker.hold(60)
    world.now -= 86_400

    world.call()


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["enter", "answer", "fail", "cancel", "wait"]), st.integers(0, 70)
        ),
        max_size=60,
    )
)
def test_there_is_never_a_second_probe_and_it_never_stays_shut(
    steps: list[tuple[str, int]],
) -> None:
    world = World()
    under_way: list[Passage] = []
    probes: list[Passage] = []
    for step, number in steps:
        if step == "wait":
            world.now += number
        elif step == "enter":
            probing = world.state == "half_open"
            try:
                passage = world.enter()
            except UpstreamError as error:
                assert world.state != "closed"
                assert 1 <= (error.retry_after_seconds or 0) <= 60
                continue
            under_way.append(passage)
            if probing:
                assert not probes
                probes.append(passage)
        elif under_way:
            passage = under_way.pop(number % len(under_way))
            outcome = {"answer": None, "fail": down(), "cancel": asyncio.CancelledError()}
            passage.leave(outcome[step])
            probes = [probe for probe in probes if probe is not passage]

    for passage in under_way:
        passage.leave(asyncio.CancelledError())
    world.now += 60
    world.call()
    assert world.state == "closed"
