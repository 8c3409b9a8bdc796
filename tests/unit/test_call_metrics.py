"""What a call to a provider adds to the metrics."""

from collections.abc import Callable
from typing import Any

from tandem import observability
from tandem.clients.call_log import log_call, log_opened
from tandem.clients.http import Outcome, UpstreamCall

Written = Callable[[], list[dict[str, Any]]]


def call(outcome: Outcome, status: int | None = None) -> UpstreamCall:
    return UpstreamCall("mem0", "memories.search", status, outcome, 0.1, 1)


def test_an_alarm_that_divides_failures_by_calls_has_a_value_of_each(
    metrics_written: Written,
) -> None:
    with observability.log_context(request_id="r-1"):
        log_call(call("ok", 200))

    metric = metrics_written()[0]
    assert metric["Mem0Calls"] == [1.0]
    assert metric["Mem0Failures"] == metric["Mem0NotSent"] == [0.0]
    assert metric["Mem0Milliseconds"] == [100.0]


def test_what_the_provider_can_t_help_is_no_failure_of_its_own(
    metrics_written: Written,
) -> None:
    with observability.log_context(request_id="r-1"):
        for outcome, status in (("rejected", 404), ("rejected", 400), ("cancelled", None)):
            log_call(call(outcome, status))  # type: ignore[arg-type]
        for outcome, status in (("timeout", 504), ("unavailable", 401), ("rate_limited", 429)):
            log_call(call(outcome, status))  # type: ignore[arg-type]

    assert metrics_written()[0]["Mem0Failures"] == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_call_that_is_broken_off_is_a_failure_when_it_was_waited_for_long_enough(
    metrics_written: Written,
) -> None:
    with observability.log_context(request_id="r-1"):
        for seconds in (0.9, 1.1):
            log_call(UpstreamCall("zep", "graph.search", None, "cancelled", seconds, 1))
        log_call(UpstreamCall("gemini", "generate_content", None, "cancelled", 9.0, 1))

    [metric] = metrics_written()
    assert metric["ZepFailures"] == [0.0, 1.0]
    assert metric["GeminiFailures"] == [0.0]


def test_a_call_that_was_not_made_is_neither_a_call_nor_a_failure(
    metrics_written: Written,
) -> None:
    with observability.log_context(request_id="r-1"):
        for reason in ("breaker_open", "held", "budget", "bad_id", "deadline"):
            log_call(UpstreamCall("zep", "graph.search", None, "not_sent", 0.0, 1, reason))

    metric = metrics_written()[0]
    assert metric["ZepNotSent"] == [1.0, 1.0, 1.0]
    assert metric["ZepCalls"] == metric["ZepFailures"] == [0.0, 0.0, 0.0]
    assert "ZepMilliseconds" not in metric


def test_a_breaker_that_opens_is_counted(metrics_written: Written) -> None:
    with observability.log_context(request_id="r-1"):
        log_opened("zep", 9.87)

    assert metrics_written()[0]["BreakerOpened"] == [1.0]
