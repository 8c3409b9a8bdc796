"""What is done to PostgreSQL's connections."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pg8000.native

from faults.world import World

_TOO_MANY: Final = "53300"
_ROUNDS: Final = 20
_FOREIGN: Final = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
    " where datname = current_database() and pid <> all(cast(:ours as int[]))"
)


def terminate_all(world: World) -> int:
    """Ends every connection to the database but the one that does it; how many there were."""
    with world.database() as connection:
        [[pid]] = connection.run("select pg_backend_pid()")
        [[ended]] = connection.run(_FOREIGN, ours=[pid])
    return int(ended)


@contextmanager
def full_house(world: World) -> Iterator[None]:
    """Inside, the database has no connection left for anybody, and the functions have none."""
    ours: list[pg8000.native.Connection] = []
    try:
        _fill(world, ours)
        yield
    finally:
        for connection in ours:
            with suppress(pg8000.native.Error, OSError):
                connection.close()


def _fill(world: World, ours: list[pg8000.native.Connection]) -> None:
    # What is ended may come back before its place is taken, so it is done again.
    for _ in range(_ROUNDS):
        _take_what_is_left(world, ours)
        pids = [connection.run("select pg_backend_pid()")[0][0] for connection in ours]
        [[others]] = ours[0].run(_FOREIGN, ours=pids)
        if not others:
            return
    raise TimeoutError("others have connections to the database and keep coming back")


def _take_what_is_left(world: World, ours: list[pg8000.native.Connection]) -> None:
    while True:
        try:
            ours.append(world.connect())
        except pg8000.native.DatabaseError as error:
            if error.args[0].get("C") != _TOO_MANY:
                raise
            return
