"""What every call of the model asks before it goes out, and what becomes of the turn if it may not:
a breaker and a budget, as for the stores."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from chat_api.answering import Answering, silence_agno
from chat_api.turn import ModelReply
from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.errors import (
    AppError,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.functional.chat_wires import (
    Gemini,
    Step,
    Stores,
    answering,
    calls,
    fails,
    never,
    prompt,
    says,
)

DOWN = fails(500, {"error": {"code": 500, "message": "down", "status": "INTERNAL"}})
BUSY = {"error": {"code": 429, "message": "busy", "status": "RESOURCE_EXHAUSTED"}}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "33s"}
WAIT = {"error": BUSY["error"] | {"details": [RETRY]}}
WRONG = fails(400, {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}})
NO_KEY = {
    "error": {
        "code": 400,
        "message": "no",
        "status": "INVALID_ARGUMENT",
        "details": [{"reason": "API_KEY_INVALID"}],
    }
}


@pytest.fixture(autouse=True)
def silence() -> None:
    silence_agno()


@dataclass
class Purse:
    """A budget that notes what it is asked and told."""

    left: int = 100
    refusals: list[int | None] = field(default_factory=list)

    async def take(self, operation: str, *, seconds: float) -> None:
        assert (operation, seconds) == ("generate_content", 0)  # nobody waits for it
        self.left -= 1
        if self.left < 0:
            raise UpstreamRateLimited(
                "gemini", operation=operation, retry_after_seconds=7, reason="budget", sent=False
            )

    async def refused(self, retry_after_seconds: int | None) -> None:
        self.refusals.append(retry_after_seconds)


@dataclass
class Model:
    """A scripted Gemini behind a breaker whose clock the test turns."""

    gemini: Gemini
    purse: Purse | None = field(default_factory=Purse)
    now: float = 0.0
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker("gemini", clock=lambda: self.now, jitter=lambda: 0.0)

    def answering(self) -> Answering:
        return answering(self.gemini, bounds=Bounds(self.breaker, self.purse))

    def ask(self, *, seconds: float = 20.0) -> ModelReply:
        async def story() -> ModelReply:
            return await self.answering().answer(prompt(), Stores().toolbox(), seconds=seconds)

        return asyncio.run(story())

    def failure(self, *, seconds: float = 20.0) -> UpstreamError:
        with pytest.raises(UpstreamError) as failed:
            self.ask(seconds=seconds)
        return failed.value


def test_a_model_that_keeps_failing_is_not_asked_for_a_while() -> None:
    model = Model(Gemini(*[DOWN] * 6, says("Delhi.")))
    for _ in range(3):
        model.failure()

    error = model.failure()

    assert len(model.gemini.sent) == 6  # each call was repeated once
    assert isinstance(error, UpstreamUnavailable)
    assert (error.context["reason"], error.retry_after_seconds) == ("breaker_open", 10)
    with pytest.raises(UpstreamUnavailable):
        model.answering().check()

    model.now = 10.0
    model.answering().check()
    assert model.ask().text == "Delhi."
    assert model.breaker.state == "closed"


def test_a_key_that_google_refuses_is_about_us_and_opens_it() -> None:
    model = Model(Gemini(fails(400, NO_KEY)))

    for _ in range(3):
        assert isinstance(model.failure(), UpstreamUnavailable)

    assert model.breaker.state == "open"


@pytest.mark.parametrize(
    "step", [WRONG, says(None), says("No.", "SAFETY"), says("No.", "MALFORMED_FUNCTION_CALL")]
)
def test_a_reply_that_is_of_no_use_is_still_a_sign_of_life(step: Step) -> None:
    model = Model(Gemini(step))

    for _ in range(5):
        model.failure()

    assert model.breaker.state == "closed"


def test_what_the_turn_had_no_patience_for_does_not_count() -> None:
    model = Model(Gemini(never))

    for _ in range(4):
        assert isinstance(model.failure(seconds=0.2), UpstreamTimeout)

    assert model.breaker.state == "closed"


def test_a_model_that_lets_a_turn_wait_for_nothing_counts() -> None:
    model = Model(Gemini())

    async def hang(_: Any = None) -> Any:
        model.now += 15
        return await never()

    model.gemini = Gemini(hang)
    for _ in range(3):
        model.failure(seconds=0.2)

    assert model.breaker.state == "open"


def test_a_wait_that_google_asks_for_is_handed_on_and_told_to_all() -> None:
    model = Model(Gemini(fails(429, WAIT)))

    error = model.failure()

    assert isinstance(error, UpstreamRateLimited)
    assert (error.retry_after_seconds, len(model.gemini.sent)) == (33, 1)
    assert model.purse is not None
    assert model.purse.refusals == [33]


def test_without_a_budget_the_breaker_keeps_the_wait() -> None:
    model = Model(Gemini(fails(429, WAIT)), None)
    model.failure()

    held = model.failure()

    assert (held.context["reason"], held.retry_after_seconds) == ("held", 33)
    assert len(model.gemini.sent) == 1


def test_a_wait_that_fits_is_waited_and_the_turn_goes_on() -> None:
    model = Model(Gemini(fails(429, BUSY, **{"retry-after": "0"}), says("Delhi.")))

    assert model.ask().text == "Delhi."

    assert len(model.gemini.sent) == 2


def test_nothing_is_repeated_without_time_for_a_whole_answer() -> None:
    model = Model(Gemini(DOWN, says("Delhi.")))

    model.failure(seconds=1.9)

    assert len(model.gemini.sent) == 1


def test_every_attempt_is_taken_from_the_budget() -> None:
    looking = calls(("search_facts", {"query": "home"}))
    model = Model(Gemini(looking, DOWN, says("Delhi.")), Purse(left=3))

    assert model.ask().text == "Delhi."
    error = model.failure()

    assert (error.context["reason"], error.retry_after_seconds) == ("budget", 7)
    assert len(model.gemini.sent) == 3
    assert model.breaker.state == "closed"


def test_a_call_that_was_not_made_is_one_line_all_the_same(log_lines: Any) -> None:
    model = Model(Gemini(DOWN))
    for _ in range(4):
        with pytest.raises(AppError):
            model.ask()

    lines = [line for line in log_lines() if line.get("message") == "upstream_call"]
    assert [(line["outcome"], line["attempt"]) for line in lines] == [
        ("unavailable", 1),
        ("unavailable", 2),
    ] * 3 + [("not_sent", 1)]
    assert lines[-1]["reason"] == "breaker_open"


def test_a_rejected_request_is_no_wait_for_anybody() -> None:
    model = Model(Gemini(WRONG))

    assert isinstance(model.failure(), UpstreamRejected)
    assert model.purse is not None
    assert model.purse.refusals == []
