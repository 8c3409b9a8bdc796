"""Who is due to have their memory tidied, asked of real PostgreSQL page by page."""

import asyncio
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.planning import Page, Planning
from tandem.db.turns import Turns
from tandem.ids import AccountId
from tests.integration.conftest import CountingProxy
from tests.integration.turn_ledger import Someone, database_at

pytestmark = pytest.mark.integration

HIDDEN_DAYS = 30


@pytest.fixture
def connection(connection: OneRoundTrip) -> OneRoundTrip:
    """To a database in which nobody is but the people of the test."""
    connection.run("truncate accounts cascade")
    return connection


@pytest.fixture
def planning(container: Database) -> Planning:
    return Planning(container)


def pages(planning: Planning, rows: int) -> Iterator[Page]:
    after: AccountId | None = None
    while True:
        page = asyncio.run(planning.page(after, rows=rows, hidden_days=HIDDEN_DAYS))
        yield page
        after = page.last
        if after is None:
            return


def due(planning: Planning, rows: int = 100) -> list[AccountId]:
    return [account_id for page in pages(planning, rows) for account_id in page.due]


def is_due(planning: Planning, person: Someone) -> bool:
    return asyncio.run(planning.is_due(person.account_id, hidden_days=HIDDEN_DAYS))


def chat(container: Database, person: Someone) -> None:
    asyncio.run(person.say(Turns(container), "I like chess."))


def was_read(person: Someone, when: str = "clock_timestamp()") -> None:
    person.run(
        f"insert into tidying (account_id, read_at) values (:account, {when})"  # noqa: S608
        " on conflict (account_id) do update"
        " set read_at = excluded.read_at, owner = null, lease_until = '-infinity'"
    )


def run_of(person: Someone, state: str) -> UUID:
    run_id = uuid4()
    person.run(
        "insert into runs (id, account_id, kind, started_by, state)"
        " values (:id, :account, 'consolidate', 'schedule', :state)",
        id=run_id,
        state=state,
    )
    return run_id


def hidden_since(person: Someone, days: int, *, purged: bool = False) -> None:
    run_id, change_id = run_of(person, "done"), uuid4()
    person.run(
        "insert into changes (id, run_id, account_id, seq, kind, reason)"
        " values (:change, :run, :account, 1, 'hide', 'same')",
        change=change_id,
        run=run_id,
    )
    person.run(
        "insert into hidden_memories (account_id, mem0_id, run_id, change_id, reason, text_hash,"
        " listed, hidden_at, purged_at) values (:account, 'm1', :run, :change, 'same', '', false,"
        " now() - make_interval(days => :days), case when :purged then now() end)",
        run=run_id,
        change=change_id,
        days=days,
        purged=purged,
    )


def test_who_chatted_is_due_until_their_memory_has_been_read_after_it(
    planning: Planning, container: Database, connection: OneRoundTrip, ada: Someone
) -> None:
    Someone.sign_up(connection)  # who never said anything
    assert due(planning) == []

    chat(container, ada)
    assert due(planning) == [ada.account_id]
    assert is_due(planning, ada)

    was_read(ada)
    assert due(planning) == []
    assert not is_due(planning, ada)

    chat(container, ada)
    assert due(planning) == [ada.account_id]


def test_what_a_store_learns_late_makes_a_person_due_again(
    planning: Planning, container: Database, ada: Someone
) -> None:
    chat(container, ada)
    was_read(ada)

    ada.run(
        "update deliveries set state = 'ingested', finished_at = clock_timestamp()"
        " where account_id = :account and store = 'mem0'"
    )

    assert due(planning) == [ada.account_id]


def test_a_run_that_was_left_unfinished_makes_a_person_due(
    planning: Planning, ada: Someone
) -> None:
    run_of(ada, "done")
    assert due(planning) == []
    run_of(ada, "running")
    assert due(planning) == [ada.account_id]


@pytest.mark.parametrize(
    ("days", "purged", "expected"), [(29, False, False), (31, False, True), (31, True, False)]
)
def test_memories_hidden_for_too_long_make_a_person_due_who_says_nothing_any_more(
    planning: Planning, ada: Someone, days: int, purged: bool, expected: bool
) -> None:
    hidden_since(ada, days, purged=purged)
    assert (due(planning) == [ada.account_id]) is expected
    assert is_due(planning, ada) is expected


@pytest.mark.parametrize(
    ("owner", "until", "expected"),
    [
        ("gen_random_uuid()", "now() + interval '1 minute'", False),
        ("gen_random_uuid()", "now() - interval '1 second'", True),
        ("null", "now() + interval '1 minute'", True),
    ],
)
def test_whose_memory_somebody_tidies_now_is_not_due(
    planning: Planning, container: Database, ada: Someone, owner: str, until: str, expected: bool
) -> None:
    chat(container, ada)
    lease = f"values (:account, {owner}, {until})"
    ada.run(f"insert into tidying (account_id, owner, lease_until) {lease}")
    assert (due(planning) == [ada.account_id]) is expected
    assert is_due(planning, ada) is expected


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 10, 11])
def test_pages_of_any_size_find_everybody_who_is_due_once_and_in_order(
    planning: Planning, container: Database, connection: OneRoundTrip, rows: int
) -> None:
    people = [Someone.sign_up(connection) for _ in range(10)]
    talkers = people[::3]
    for person in talkers:
        chat(container, person)

    found = list(pages(planning, rows))

    assert [a for page in found for a in page.due] == sorted(p.account_id for p in talkers)
    # Ten accounts; a last page that is full is followed by one that is empty.
    assert len(found) == 10 // rows + 1


def test_who_signs_up_and_is_read_while_pages_are_walked_disturbs_nobody_else(
    planning: Planning, container: Database, connection: OneRoundTrip
) -> None:
    people = sorted((Someone.sign_up(connection) for _ in range(6)), key=lambda p: p.account_id)
    for person in people:
        chat(container, person)

    walk = pages(planning, 2)
    first = next(walk)
    was_read(people[0])  # behind us
    was_read(people[4])  # before us
    newcomers = [Someone.sign_up(connection) for _ in range(5)]
    for person in newcomers:
        chat(container, person)
    found = [*first.due, *(account_id for page in walk for account_id in page.due)]

    assert len(found) == len(set(found))
    assert set(found) >= {people[n].account_id for n in (0, 1, 2, 3, 5)}
    assert people[4].account_id not in found


def test_a_page_does_not_wait_for_a_run_that_is_being_written(
    planning: Planning, container: Database, database: str, ada: Someone
) -> None:
    chat(container, ada)
    was_read(ada, "now() - interval '1 day'")
    writer = database_at(database)
    try:
        for statement in ("begin", "update tidying set read_at = now()", "select 1 from runs"):
            asyncio.run(writer.rows(statement))
        assert due(planning) == [ada.account_id]  # as it was committed
        asyncio.run(writer.rows("rollback"))
    finally:
        writer.close()


def test_a_page_and_a_look_at_one_person_are_one_round_trip_each(
    counting_proxy: CountingProxy, ada: Someone
) -> None:
    container = database_at(counting_proxy.url)
    planning = Planning(container)
    is_due(planning, ada)
    counting_proxy.reset()
    is_due(planning, ada)
    due(planning)
    assert (counting_proxy.round_trips, counting_proxy.connections) == (2, 0)
    container.close()
