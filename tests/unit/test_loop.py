import asyncio

from tandem import loop


async def current() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_everything_in_a_container_runs_on_one_loop() -> None:
    assert loop.run(current()) is loop.run(current()) is loop.container_loop()


def test_a_stray_asyncio_run_does_not_take_the_loop_away() -> None:
    asyncio.run(current())

    assert loop.run(current()) is loop.container_loop()
