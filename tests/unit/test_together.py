"""Several things at the same time: all results, or one error and nothing left under way."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tandem.errors import UpstreamUnavailable
from tandem.recall.beside import Beside
from tandem.together import all_of, both

AWAY = UpstreamUnavailable("zep", operation="x")


async def give[T](value: T) -> T:
    await asyncio.sleep(0)
    return value


async def fail() -> None:
    await asyncio.sleep(0)
    raise AWAY


class Endless:
    """Work that doesn't end by itself, and takes a moment to be broken off."""

    def __init__(self) -> None:
        self.broken_off = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.broken_off = True


def run[T](work: Coroutine[Any, Any, T]) -> T:
    async def story() -> T:
        try:
            return await work
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return asyncio.run(story())


def test_results_come_in_order() -> None:
    assert run(all_of(give(number) for number in range(3))) == [0, 1, 2]
    assert run(both(give(1), give("two"))) == (1, "two")


def test_when_one_fails_the_others_have_ended_before_anybody_hears_of_it() -> None:
    endless = Endless()

    with pytest.raises(UpstreamUnavailable) as failed:
        run(both(fail(), endless.run()))

    assert failed.value is AWAY
    assert endless.broken_off


def test_who_is_broken_off_takes_all_along() -> None:
    endless = Endless()

    async def story() -> None:
        async with asyncio.timeout(0):
            await all_of([endless.run(), give(None)])

    with pytest.raises(TimeoutError):
        run(story())


@pytest.mark.parametrize("fails", [False, True])
def test_what_runs_beside_is_dropped_when_the_work_ends(fails: bool) -> None:
    endless, heard = Endless(), list[int]()

    async def note() -> None:
        heard.append(await give(7))

    async def story() -> None:
        async with Beside(least_seconds=0) as beside:
            beside.start(endless.run)
            beside.start(note)
            beside.start(fail)
            for _ in range(5):
                await asyncio.sleep(0)
            if fails:
                raise RuntimeError("the work")

    if fails:
        with pytest.raises(RuntimeError, match="the work"):
            run(story())
    else:
        run(story())

    assert heard == [7]
    assert endless.broken_off


def test_what_had_no_time_to_begin_is_dropped_as_well() -> None:
    endless = Endless()

    async def story() -> None:
        async with Beside(least_seconds=0) as beside:
            beside.start(endless.run)

    run(story())

    assert not endless.broken_off


def test_what_runs_beside_quick_work_is_given_a_moment_and_no_more_than_it_needs() -> None:
    heard = list[int]()

    async def note() -> None:
        await asyncio.sleep(0.01)
        heard.append(1)

    async def story() -> None:
        async with Beside(least_seconds=60) as beside:
            beside.start(note)

    run(asyncio.wait_for(story(), 30))

    assert heard == [1]


def test_a_mistake_in_what_runs_beside_is_logged_and_costs_nobody_anything(log_lines: Any) -> None:
    async def mistaken() -> None:
        raise ValueError("said by somebody")

    async def story() -> None:
        async with Beside() as beside:
            beside.start(mistaken)

    run(story())

    [line] = log_lines()
    assert (line["message"], line["level"]) == ("beside_failed", "WARNING")
    assert "said by somebody" not in str(line)
