"""How often each provider may be called, by all containers together.

The arithmetic stands in `migrations/0007_rate_budgets.sql`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tandem.clients.budget import HOLD_SECONDS, Asked, Granted
from tandem.db.connection import Database, DatabaseError
from tandem.errors import Provider, Unavailable

LONGEST_PAUSE_SECONDS: Final = 300
"""A provider that wants to be left alone for longer is asked once in between."""


def rates_after(done: str) -> str:
    """A CTE `rates`, always one row: `rows` is for `parse_rates`. Parameters: those of
    `rate_parameters`.

    Args:
        done: an SQL expression that names whatever locks or writes in this statement, and says
            whether calls follow. It is worked out first: the buckets' rows are locked last, so
            that nobody waits for anything else while others wait for them.
    """
    return f"""
rates as (
    select coalesce(jsonb_agg(jsonb_build_array(r.name, r.granted, r.wait_seconds)), '[]'::jsonb)
               as rows
      from take_calls(cast(:rate_names as text[]), cast(:rate_limits as int[]),
                      cast(:rate_told as int[]), cast(:rate_asked as int[]),
                      cast(:rate_keep as double precision), {done}) r
)
"""


class Rates(Protocol):
    """What statements that people wait for tell and learn; see `tandem.clients.budget.Tallies`."""

    def told(self, asks: Sequence[Provider] = ()) -> Sequence[Asked]: ...
    def put_back(self, asked: Sequence[Asked]) -> None: ...
    def learned(self, granted: Sequence[Granted]) -> None: ...


@contextmanager
def telling(rates: Rates, asks: Sequence[Provider] = ()) -> Iterator[dict[str, Any]]:
    """The parameters of `rates_after` for the statement inside; what it was to tell is kept if it
    fails.

    Args:
        asks: providers that are to be called right after it.
    """
    asked = rates.told(asks)
    try:
        yield rate_parameters(asked)
    except BaseException:
        rates.put_back(asked)
        raise


def rate_parameters(asked: Sequence[Asked], *, keep: float = 0.0) -> dict[str, Any]:
    """The parameters of `rates_after`.

    Args:
        keep: which share of each bucket is left to others.
    """
    return {
        "rate_names": [one.provider for one in asked],
        "rate_limits": [one.per_minute for one in asked],
        "rate_told": [one.told for one in asked],
        "rate_asked": [one.asked for one in asked],
        "rate_keep": keep,
    }


def parse_rates(rows: Sequence[Sequence[Any]]) -> list[Granted]:
    """`rates.rows` as typed values."""
    return [Granted(name, calls, float(wait)) for name, calls, wait in rows]


_TAKE = f"with {rates_after('true')} select rows from rates"

_PAUSE = """
insert into rate_budgets as b (provider, paused_until)
values (:provider, clock_timestamp() + make_interval(secs => :seconds))
on conflict (provider) do update
   set paused_until = excluded.paused_until
 where b.paused_until < excluded.paused_until
"""


@dataclass(frozen=True, slots=True)
class RateBudgets:
    """The buckets of calls, for who has a round trip to spare. Each method is one, and raises
    `Unavailable` when the database is away."""

    database: Database

    async def take(self, asked: Asked, *, keep: float) -> Granted:
        """What may go out now.

        Args:
            keep: which share of the bucket is left to others.
        """
        # Sent again when its answer is lost: some calls are then counted that never go out.
        row = await self.database.row(_TAKE, repeatable=True, **rate_parameters([asked], keep=keep))
        [granted] = parse_rates(row["rows"])
        return granted

    async def pause(self, provider: Provider, retry_after_seconds: int | None) -> None:
        """Nobody calls this provider for so long; a longer pause that holds already stays."""
        asked = HOLD_SECONDS if retry_after_seconds is None else retry_after_seconds
        seconds = float(min(asked, LONGEST_PAUSE_SECONDS))
        try:
            await self.database.rows(_PAUSE, repeatable=True, provider=provider, seconds=seconds)
        except DatabaseError as error:  # nothing hangs on it but the others' pace
            raise Unavailable(code="database_unavailable", reason="pause refused") from error
