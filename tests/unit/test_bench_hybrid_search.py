"""How the figure of `bench/hybrid_search.py` is taken from a function's log."""

import json

import pytest

from bench.hybrid_search import SEARCHES, Timed, percentile, result, timed_searches
from bench.results import BenchError


def line(message: str, request: str, milliseconds: float, provider: str = "") -> str:
    fields = {"message": message, "request_id": request, "duration_ms": milliseconds}
    return json.dumps(fields | ({"provider": provider} if provider else {}))


def test_a_search_is_held_against_the_slower_of_its_own_two_calls() -> None:
    log = "\n".join(
        [
            "START",
            line("upstream_call", "a", 150.5, "mem0"),
            line("upstream_call", "b", 150.5, "mem0"),
            line("request", "b", 159.0),
            line("upstream_call", "a", 161.0, "zep"),
            line("request", "a", 170.0),
        ]
    )
    [search] = timed_searches(log)
    assert search == Timed(170.0, {"mem0": 150.5, "zep": 161.0})
    assert search.ours == 9.0


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 0.95) == 95.0
    assert percentile(values, 0.5) == 50.0
    assert percentile([7.0], 0.95) == 7.0


def test_five_slow_searches_in_a_hundred_are_forgiven_and_six_are_not() -> None:
    quick = Timed(170.0, {"zep": 161.0, "mem0": 151.0})
    slow = quick._replace(whole=185.0)
    for count, within in ((5, True), (6, False)):
        searches = [slow] * count + [quick] * (SEARCHES - count)
        assert result(searches, [200.0] * SEARCHES).is_within is within


def test_searches_that_did_not_wait_for_slow_stores_are_no_measurement() -> None:
    quick = Timed(20.0, {"zep": 9.0, "mem0": 8.0})
    with pytest.raises(BenchError):
        result([quick] * SEARCHES, [1.0] * SEARCHES)
    with pytest.raises(BenchError):
        result([], [])
