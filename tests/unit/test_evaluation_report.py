from math import isclose

import pytest

from evaluation.bounds import interval
from evaluation.report import Figure, Share, table


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Closed forms: 1 - 0.025 ** (1 / n) for none, 0.025 ** (1 / n) for all.
        (0, 100, 0.0, 1 - 0.025 ** (1 / 100)),
        (0, 60, 0.0, 1 - 0.025 ** (1 / 60)),
        (80, 80, 0.025 ** (1 / 80), 1.0),
        # R's binom.test(5, 10) and binom.test(1, 20).
        (5, 10, 0.1870860, 0.8129140),
        (1, 20, 0.0012651, 0.2487328),
    ],
)
def test_the_interval_is_the_exact_one(hits: int, of: int, low: float, high: float) -> None:
    found = interval(hits, of)

    assert isclose(found[0], low, abs_tol=1e-6)
    assert isclose(found[1], high, abs_tol=1e-6)


def test_nothing_seen_says_nothing() -> None:
    assert interval(0, 0) == (0.0, 1.0)


def test_a_share_is_judged_by_its_bar_and_by_its_direction() -> None:
    assert Share("merged", 95, 100, 0.95).passes is True
    assert Share("merged", 94, 100, 0.95).passes is False
    assert Share("lost", 0, 80, 0, "most").passes is True
    assert Share("lost", 1, 80, 0, "most").passes is False
    assert Share("only told", 1, 80).passes is None


def test_where_nothing_was_seen_no_bar_is_reached() -> None:
    assert Share("lost", 0, 0, 0, "most").passes is False


def test_a_figure_is_judged_by_its_bar_and_by_its_direction() -> None:
    assert Figure("pairs a memory", 5, 5).passes is True
    assert Figure("pairs a memory", 5.1, 5).passes is False
    assert Figure("pairs a call", 9.9, 10, "least").passes is False
    assert Figure("only told", 9).passes is None


def test_the_table_marks_what_is_below_its_bar() -> None:
    shown = table("title", [Share("merged", 1, 2, 0.95), Figure("pairs", 3, 5)])

    title, merged, pairs = shown.splitlines()
    assert title == "title"
    assert "1 of 2" in merged
    assert "BELOW" in merged
    assert pairs.endswith("ok")
