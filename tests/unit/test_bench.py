"""The benches' own logic: which there are, what they add to the template, how they judge."""

from collections.abc import Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from bench import cold_start, latency, round_trips
from bench.__main__ import main, measurements
from bench.memory_requests import Call, Request
from bench.results import BenchError, Result, table
from bench.wire import Wire
from local.template import load_template

ROOT = Path(__file__).parents[2]


def test_every_measurement_is_found_by_its_name_and_programs_are_none() -> None:
    assert set(measurements()) >= {
        "cold_start",
        "consolidation_growth",
        "critical_path",
        "hybrid_search",
        "latency",
        "planning",
        "round_trips",
        "size",
        "twin_growth",
    }
    programs = {"baseline_bare", "baseline_chat", "first_request", "grown_twins", "wire"}
    programs |= {"counting_queue", "memory_requests"}
    assert not set(measurements()) & programs


def test_an_unknown_name_is_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["critical_paht"]) == 2
    assert "critical_path" in capsys.readouterr().out


@pytest.mark.parametrize(("measured", "code"), [(1.0, 0), (1.01, 1), (float("nan"), 1)])
def test_a_budget_that_is_missed_ends_with_1_and_names_it(
    measured: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench import size  # noqa: PLC0415 - the module that is replaced

    monkeypatch.setattr(size, "run", lambda: [Result("something", measured, limit=1.0)])
    assert main(["size"]) == code
    assert ("over budget: something" in capsys.readouterr().out) == bool(code)


def test_counts_are_printed_as_counts_and_ratios_as_ratios() -> None:
    lines = table([Result("a", 2, limit=2, unit=""), Result("b", 1.5, limit=2.0)]).splitlines()
    assert lines[1].split() == ["a", "2", "2", "ok"]
    assert lines[2].split() == ["b", "1.50", "x", "2", "x", "ok"]


def test_the_bare_route_is_added_to_the_template_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "BUILT_TEMPLATE", ROOT / "template.yaml")
    plain = load_template(ROOT / "template.yaml")
    template = load_template(latency.template_with_bare_route(tmp_path))

    bare = template.functions["BareFunction"]
    assert (bare.code_dir / "baseline_bare.py").is_file()
    assert bare.python_path[1:] == plain.functions["ChatFunction"].python_path[1:]
    assert template.api is not None
    assert plain.api is not None
    assert {route.key for route in template.api.routes} == {
        "GET /",
        *(route.key for route in plain.api.routes),
    }
    [route] = [route for route in template.api.routes if route.key == "GET /"]
    assert route.authorizer is None
    assert template.functions["ChatFunction"] == plain.functions["ChatFunction"]


class _Counter:
    """Stands for a wire on which every call costs two round trips; the first also connects."""

    def __init__(self, connects: int) -> None:
        self.round_trips = self.connections = 0
        self._connects = connects

    def call(self) -> Any:
        self.round_trips += 2
        if self._connects:
            self._connects -= 1
            self.connections += 1
            self.round_trips += 5


def test_a_request_that_had_to_connect_is_counted_again() -> None:
    counter = _Counter(connects=2)
    wire: Wire = counter  # type: ignore[assignment]  # only its two counts are read
    assert round_trips.count(wire, repeat(counter.call), lambda: 0) == (2, 0)


def test_a_function_that_always_connects_is_no_result() -> None:
    counter = _Counter(connects=100)
    wire: Wire = counter  # type: ignore[assignment]  # only its two counts are read
    with pytest.raises(BenchError, match="connects"):
        round_trips.count(wire, repeat(counter.call), lambda: 0)


def test_what_a_request_changes_is_counted_with_it_and_not_what_was_prepared_for_it() -> None:
    counter, planned = _Counter(connects=1), [0]
    wire: Wire = counter  # type: ignore[assignment]  # only its two counts are read

    def change(some: int) -> None:
        planned[0] += some
        counter.call()

    def attempts() -> Iterator[Request]:
        while True:
            change(100)
            yield partial(change, 3)

    assert round_trips.count(wire, attempts(), lambda: planned[0]) == (2, 3)


@pytest.mark.parametrize(("asked", "within"), [(12, True), (13, False)])
def test_each_change_may_ask_twice_more(asked: int, within: bool) -> None:
    call = Call("DELETE /things", repeat(dict), limit=6)
    judged = round_trips.result(call, round_trips.Counted(asked, changes=3))
    assert (judged.limit, judged.is_within) == (12, within)
    assert isinstance(judged.measured, int)


def test_of_several_cases_of_a_route_each_is_named() -> None:
    call = Call("POST /things", repeat(dict), case="dry run")
    judged = round_trips.result(call, round_trips.Counted(1, changes=0))
    assert judged.name == "round trips POST /things (dry run)"


def test_a_baseline_is_measured_right_before_what_is_judged_by_it() -> None:
    names = [cold_start.BARE, cold_start.CHAT_BASELINE, *cold_start.BUDGETS]
    starts = [cold_start.Start(name, {}, {}) for name in names]
    ordered = [start.name for start in cold_start.side_by_side(starts)]
    assert sorted(ordered) == sorted(names)
    assert ordered[0] == cold_start.BARE
    assert ordered[-2:] == [cold_start.CHAT_BASELINE, "ChatFunction"]
