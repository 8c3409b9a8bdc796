"""One plan of many people: of 10,000 accounts and then of 100,000, 60 in 100 have something new.

The plan function runs as a process of its own, as everywhere else; PostgreSQL is 2 ms away, and the
queue is one that counts and takes 10 ms a call. In one invocation everybody who is due has to get a
message, and nobody two.
"""

import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import pg8000.native

from bench.counting_queue import CountingQueue
from bench.results import BenchError, Result
from bench.shipped import database_behind
from bench.wire import Wire
from local.stack import Stack

SIZES: Final = (10_000, 100_000)
PAGE_ROWS: Final = 2_000
PLAN_SECONDS: Final = 240.0
"""Of the function's 300: a minute before its end it hands on what is left."""
GROWTH: Final = 2.0
"""How much longer a person may take among 100,000 than among 10,000."""

_DATABASE_SECONDS: Final = 0.002
_QUEUE_SECONDS: Final = 0.01

# Everybody has a session with three old turns, which have been read; 60 in 100 one more since.
_FILL: Final = (
    "set statement_timeout = 0",
    """
    insert into accounts (id, user_id, email, password_hash)
    select gen_random_uuid(), 'u' || g, 'u' || g || '@example.com', 'x'
      from generate_series({first}, {last}) g
    """,
    """
    insert into sessions (id, account_id, session_id)
    select gen_random_uuid(), a.id, 's' from accounts a
     where not exists (select from sessions s where s.account_id = a.id)
    """,
    """
    insert into turns (id, session_row, account_id, seq, state, lease_until, user_message_id,
                       assistant_message_id, said_at, wiped_at)
    select gen_random_uuid(), s.id, s.account_id, n, 'answered', now(), gen_random_uuid(),
           gen_random_uuid(), now() - make_interval(days => case n when 4 then 0 else 40 end), now()
      from sessions s
      join accounts a on a.id = s.account_id
     cross join generate_series(1, 4) n
     where (n < 4 or substr(a.user_id, 2)::int % 10 < 6)
       and not exists (select from turns t where t.session_row = s.id)
    """,
    """
    insert into tidying (account_id, read_at)
    select id, now() - interval '1 day' from accounts on conflict do nothing
    """,
    "analyze",
)


@dataclass(frozen=True)
class Measured:
    """One plan.

    Attributes:
        calls: of the queue.
        astray: people who are due and have no message, and messages that are too many.
    """

    people: int
    seconds: float
    calls: int
    round_trips: int
    astray: int


def run() -> list[Result]:
    """Makes a plan at each size, with everything warm."""
    with (
        CountingQueue(takes_seconds=_QUEUE_SECONDS) as queue,
        Stack(
            twins=(), event_sources=False, extra_environment={"AWS_ENDPOINT_URL_SQS": queue.url}
        ) as stack,
        Wire(
            lambda: int(urlsplit(stack.database_url).port or 0), takes_seconds=_DATABASE_SECONDS
        ) as wire,
    ):
        database_behind(stack, wire)
        connection = _connection(stack)
        stack.invoke("PlanFunction", {})
        plans: dict[int, Measured] = {}
        filled = 0
        for size in SIZES:
            for statement in _FILL:
                connection.run(statement.format(first=filled + 1, last=size))
            filled = size
            plans[size] = _planned(stack, queue, wire, connection)
        connection.close()
    return results(plans)


def results(plans: dict[int, Measured]) -> list[Result]:
    """The figures that are judged."""
    small, large = (plans[size] for size in SIZES)
    detail = ", ".join(
        f"{size:,}: {plan.people:,} due, {plan.seconds:.1f} s, {plan.calls:,} calls"
        for size, plan in plans.items()
    )
    a_person = large.seconds / large.people / (small.seconds / small.people)
    return [
        Result("planning 100,000 people", large.seconds, PLAN_SECONDS, unit="s", detail=detail),
        Result("planning 100,000 people against 10,000, a person", a_person, GROWTH),
        Result("people without a message, messages too many", large.astray, limit=0, unit=""),
        Result(
            "calls of the queue for 100,000 people",
            large.calls,
            limit=large.people // 10 + SIZES[-1] // PAGE_ROWS,
            unit="",
        ),
        Result(
            "round trips of a plan of 100,000 people",
            large.round_trips,
            limit=SIZES[-1] // PAGE_ROWS + 1,
            unit="",
        ),
    ]


def _connection(stack: Stack) -> pg8000.native.Connection:
    parts = urlsplit(stack.database_url)
    return pg8000.native.Connection(
        user=parts.username or "",
        password=parts.password,
        host=parts.hostname or "",
        port=parts.port or 5432,
        database=parts.path[1:],
        ssl_context=False,
    )


def _planned(
    stack: Stack, queue: CountingQueue, wire: Wire, connection: pg8000.native.Connection
) -> Measured:
    queue.reset()
    round_trips, connections = wire.round_trips, wire.connections
    started = time.perf_counter()
    answer: dict[str, Any] = stack.invoke("PlanFunction", {})
    seconds = time.perf_counter() - started
    if answer["goes_on"] or wire.connections != connections:
        raise BenchError("a plan was not made in one go, over a connection that was there")
    due = {
        str(account_id)
        for [account_id] in connection.run(
            "select distinct account_id from turns where said_at > now() - interval '1 hour'"
        )
    }
    told = queue.accounts()
    missing, too_many = due - set(told), sum(told.values()) - len(due & set(told))
    if not due:
        raise BenchError("nobody is due")
    return Measured(
        people=len(due),
        seconds=seconds,
        calls=queue.calls,
        round_trips=wire.round_trips - round_trips,
        astray=len(missing) + too_many,
    )
