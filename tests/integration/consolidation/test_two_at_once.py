"""Two processes for one person: one works, the other leaves, and nothing is done twice."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.integration.consolidation.attempts import Running, have_attempts_ready, side_by_side
from tests.integration.consolidation.killed import writes_of
from tests.integration.consolidation.life import Life
from tests.integration.consolidation.one_run import Where

pytestmark = pytest.mark.integration

Live = Callable[[], Life]
ROUNDS = 4


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return {}


@pytest.fixture
def alone(live: Live, kept: dict[str, Any]) -> dict[str, Any]:
    """What one process makes of it when nobody else is there; the same for all cases."""
    have_attempts_ready()
    if not kept:
        life = live()
        kept["writes"] = sorted(map(str, writes_of(life, lambda: Running(life.attempt()).result())))
        kept["portrait"] = life.portrait()
    return kept


@pytest.mark.parametrize("where", ["reading", "judging", "applying", "write"])
def test_who_comes_while_another_works_leaves(
    alone: dict[str, Any], live: Live, where: Where
) -> None:
    life = live()
    results: list[dict[str, Any]] = []

    def both() -> None:
        first = Running(life.attempt(), where)
        first.reached()
        results.append(Running(life.attempt()).result())
        first.go_on()
        results.append(first.result())

    written = sorted(map(str, writes_of(life, both)))

    second, first = results
    assert (second["status"], second["held"], second["changes"]) == ("running", True, [])
    assert second["run_id"] == first["run_id"]
    assert (first["status"], first["held"]) == ("done", False)
    assert written == alone["writes"]
    assert life.portrait() == alone["portrait"]


def test_of_two_that_start_at_the_same_moment_one_works(alone: dict[str, Any], live: Live) -> None:
    for _ in range(ROUNDS):
        life = live()
        results: list[dict[str, Any]] = []

        written = writes_of(life, partial(beginning_together, life, results))

        # Who comes when the other is done already finds nothing left to do.
        assert sorted(map(str, written)) == alone["writes"]
        assert len([one for one in results if not one["held"] and one["changes"]]) == 1
        assert life.portrait() == alone["portrait"]


def beginning_together(life: Life, results: list[dict[str, Any]]) -> None:
    results.extend(side_by_side(life.attempt(), life.attempt()))


def test_whoever_finds_a_killed_run_waits_until_its_lease_is_over(
    alone: dict[str, Any], live: Live
) -> None:
    life = live()
    running = Running(life.attempt(), "applying")
    running.reached()
    running.kill()

    assert Running(life.attempt()).result()["held"] is True
    life.lease_runs_out()
    assert Running(life.attempt()).result()["status"] == "done"

    assert life.portrait() == alone["portrait"]
