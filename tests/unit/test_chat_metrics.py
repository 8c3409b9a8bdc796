"""What a turn of chat adds to the metrics."""

from collections.abc import Callable
from typing import Any

from tests.unit.chat_world import World


def test_whole_and_degraded_answers_are_counted_so_that_one_can_be_divided_by_the_other(
    metrics_written: Callable[[], list[dict[str, Any]]],
) -> None:
    world = World()
    world.chat(key="whole")
    world.stores.status["zep"] = 503
    world.chat(key="degraded")

    [metrics] = metrics_written()
    assert metrics["TurnsAnswered"] == [1.0, 1.0]
    assert metrics["TurnsDegraded"] == [0.0, 1.0]
