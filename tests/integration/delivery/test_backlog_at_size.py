"""What is waiting is told as fast after a hundred thousand turns as after the first."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tandem.db.backlog import BACKLOG, read_backlog
from tandem.db.connection import Database, OneRoundTrip, connect
from tandem.settings import DatabaseSettings
from tests.integration.delivery.talk import ABANDONED_SECONDS

pytestmark = pytest.mark.integration

TURNS = 100_000
UNFINISHED = 11_000
HISTORY = """
with person as (
    insert into accounts (id, user_id, email, password_hash)
    values (cast(:account as uuid), 'many', 'many@example.com', 'x') returning id
), session as (
    insert into sessions (id, account_id, session_id)
    select cast(:account as uuid), id, 'long' from person returning id, account_id
), said as (
    insert into turns (id, session_row, account_id, seq, state, lease_until, user_message_id,
                       assistant_message_id, said_at)
    select gen_random_uuid(), s.id, s.account_id, n, 'answered', now(), gen_random_uuid(),
           gen_random_uuid(), now() - n * interval '1 minute'
      from session s cross join generate_series(1, cast(:turns as int)) n
 returning id, session_row, account_id, seq, said_at
)
insert into deliveries (turn_id, store, role, session_row, account_id, seq, state, owed_at,
                        finished_at)
select id, 'zep', 'user', session_row, account_id, seq, case when seq <= :unfinished then 'owed'
       when seq % 1000 = 0 then 'refused' else 'ingested' end, said_at, said_at
  from said
"""


@pytest.fixture(scope="module")
def long_history(database: str) -> Iterator[OneRoundTrip]:
    connection = connect(database, DatabaseSettings(database_statement_seconds=60))
    try:
        connection.run("set statement_timeout = 0")
        connection.run(HISTORY, account=uuid4(), turns=TURNS, unfinished=UNFINISHED)
        connection.run("analyze")
        yield connection
    finally:
        connection.close()


def test_no_table_is_read_from_end_to_end(long_history: OneRoundTrip) -> None:
    [[[plan]]] = long_history.run(
        "explain (format json) " + BACKLOG, most=10_000, abandoned_seconds=ABANDONED_SECONDS
    )
    scans = {
        (node["Node Type"], node["Relation Name"])
        for node in _nodes(plan["Plan"])
        if "Relation Name" in node
    }
    assert {table for kind, table in scans if kind == "Seq Scan"} <= {"sessions"}  # it has one row
    assert {table for _, table in scans} == {"deliveries", "sessions", "turns"}


@pytest.mark.usefixtures("long_history")
def test_a_long_queue_is_counted_up_to_a_bound_and_its_oldest_is_the_oldest(
    container: Database,
) -> None:
    backlog = asyncio.run(read_backlog(container, abandoned_seconds=ABANDONED_SECONDS))

    assert backlog.owed == 10_000
    assert UNFINISHED * 60 <= backlog.oldest_seconds < UNFINISHED * 60 + 600


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)
