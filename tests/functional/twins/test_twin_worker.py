"""The worker of a twin: everything in time, nobody kept waiting, and no failure is its end."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from local.twins import worker as module
from local.twins.worker import Worker


async def _until(done: asyncio.Event, worker: Worker) -> None:
    task = asyncio.ensure_future(worker.run())
    async with asyncio.timeout(5):
        await done.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_others_have_their_turn_between_two_steps_that_are_due() -> None:
    async def scenario() -> None:
        left, turns, done = 50, 0, asyncio.Event()

        def step() -> float | None:
            nonlocal left
            left -= 1
            if left == 0:
                done.set()
            return 0.0 if left > 0 else None

        async def neighbour() -> None:
            nonlocal turns
            while not done.is_set():
                turns += 1
                await asyncio.sleep(0)

        await asyncio.gather(_until(done, Worker(step)), neighbour())
        assert turns >= 50

    asyncio.run(scenario())


def test_it_sleeps_until_something_is_due_or_wakes_it() -> None:
    async def scenario() -> None:
        steps, done = 0, asyncio.Event()

        def step() -> float | None:
            nonlocal steps
            steps += 1
            if steps == 3:
                done.set()
            return 0.01 if steps == 1 else None

        worker = Worker(step)
        asyncio.get_running_loop().call_later(0.05, worker.wake)
        await _until(done, worker)
        assert steps == 3

    asyncio.run(scenario())


def test_a_step_that_fails_is_logged_without_its_words_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)

    async def scenario() -> None:
        steps, done = 0, asyncio.Event()

        def step() -> float | None:
            nonlocal steps
            steps += 1
            if steps == 1:
                raise sqlite3.OperationalError("canary")
            done.set()
            return None

        await _until(done, Worker(step))

    asyncio.run(scenario())
    assert "OperationalError" in caplog.text
    assert "canary" not in caplog.text
