"""Sessions against real PostgreSQL: started once, listed in order."""

import asyncio
from typing import Any

import pytest

from tandem.db.connection import Database
from tandem.db.sessions import Sessions
from tandem.errors import Forbidden, Unauthenticated
from tandem.settings import DatabaseSettings
from tests.integration.history.session_ledger import Ledger, new_session
from tests.integration.lock_waits import commit_once_waited_for

pytestmark = pytest.mark.integration


def test_starting_twice_gives_the_same_session(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    sessions = Sessions(container)

    async def story() -> None:
        first = await sessions.start(person.principal, person.user_id, new_session(title="one"))
        again = await sessions.start(person.principal, None, new_session(title="two"))
        assert first.created
        assert not again.created
        assert (again.session_id, again.user_id, again.created_at) == (
            "s1",
            person.user_id,
            first.created_at,
        )
        kept = await sessions.get(person.principal, "s1")
        assert kept.title == "one"

    asyncio.run(story())


def test_a_start_that_is_sent_again_still_counts_as_created(
    ledger: Ledger, container: Database
) -> None:
    person = ledger.person()
    new = new_session()

    async def story() -> list[bool]:
        sessions = Sessions(container)
        return [(await sessions.start(person.principal, None, new)).created for _ in range(2)]

    assert asyncio.run(story()) == [True, True]


def test_a_second_start_waits_for_the_first_and_finds_its_session(
    ledger: Ledger, database: str
) -> None:
    person = ledger.person()
    holder, other = ledger.connect(), Database(lambda: database, DatabaseSettings())
    first = new_session("raced")
    holder.run("begin")
    holder.run(
        "insert into sessions (id, account_id, session_id) values (:id, :account, 'raced')",
        id=first.id,
        account=person.account_id,
    )

    def start() -> Any:
        return asyncio.run(Sessions(other).start(person.principal, None, new_session("raced")))

    started = commit_once_waited_for(holder, start)
    other.close()
    holder.close()

    assert started.created is False
    rows = ledger.run(
        "select id from sessions where account_id = :account", account=person.account_id
    )
    assert [row[0] for row in rows] == [first.id]


def test_two_people_may_use_the_same_label(ledger: Ledger, container: Database) -> None:
    people = [ledger.person(), ledger.person()]
    sessions = Sessions(container)

    async def story() -> None:
        for person in people:
            assert (await sessions.start(person.principal, None, new_session("same"))).created
        await sessions.delete(people[0].principal, "same")
        assert (await sessions.get(people[1].principal, "same")).session_id == "same"

    asyncio.run(story())


def test_somebody_elses_name_starts_nothing(ledger: Ledger, container: Database) -> None:
    person, other = ledger.person(), ledger.person()
    with pytest.raises(Forbidden):
        asyncio.run(
            Sessions(container).start(person.principal, other.user_id, new_session("theirs"))
        )
    assert ledger.run("select 1 from sessions where session_id = 'theirs'") == []


def test_an_ended_login_reads_and_changes_nothing(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    person.session("kept")
    ledger.run("update logins set revoked_at = now() where id = :id", id=person.principal.login_id)
    sessions = Sessions(container)

    async def story() -> None:
        with pytest.raises(Unauthenticated):
            await sessions.start(person.principal, None, new_session("fresh"))
        with pytest.raises(Unauthenticated):
            await sessions.list(person.principal, before=None, limit=5)
        with pytest.raises(Unauthenticated):
            await sessions.get(person.principal, "kept")
        with pytest.raises(Unauthenticated):
            await sessions.delete(person.principal, "kept")

    asyncio.run(story())
    rows = ledger.run(
        "select session_id, deleted_at from sessions where account_id = :account",
        account=person.account_id,
    )
    assert rows == [["kept", None]]


def test_sessions_are_listed_newest_first_page_by_page(ledger: Ledger, container: Database) -> None:
    person, other = ledger.person(), ledger.person()
    other.session("not-mine")
    sessions = Sessions(container)
    labels = [f"s{number}" for number in range(7)]
    for label in labels:
        person.session(label)
    # The same moment for all: the id has to decide, and no session may be lost between pages.
    ledger.run("update sessions set created_at = '2026-11-20T09:00:00Z'")
    person.session("newest")

    async def story() -> list[str]:
        seen: list[str] = []
        before = None
        while True:
            page = await sessions.list(person.principal, before=before, limit=3)
            seen += [item.session_id for item in page.items]
            if not page.more:
                return seen
            last = page.items[-1]
            before = (last.created_at, last.id)

    seen = asyncio.run(story())
    assert seen[0] == "newest"
    assert sorted(seen) == sorted([*labels, "newest"])


def test_a_person_without_sessions_has_an_empty_list(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    page = asyncio.run(Sessions(container).list(person.principal, before=None, limit=5))
    assert (list(page.items), page.more) == ([], False)


def test_turns_are_counted(ledger: Ledger, container: Database) -> None:
    person = ledger.person()
    row = person.session("counted")
    for _ in range(3):
        ledger.turn(person, row)
    session = asyncio.run(Sessions(container).get(person.principal, "counted"))
    assert session.turns == 3


def test_every_session_call_is_one_round_trip(ledger: Ledger, counting_proxy: Any) -> None:
    person = ledger.person()
    client = Database(lambda: counting_proxy.url, DatabaseSettings())
    sessions = Sessions(client)

    async def story() -> list[int]:
        counts = []
        await sessions.list(person.principal, before=None, limit=5)  # opens the connection
        for call in (
            lambda: sessions.start(person.principal, None, new_session("counted")),
            lambda: sessions.list(person.principal, before=None, limit=5),
            lambda: sessions.get(person.principal, "counted"),
            lambda: sessions.delete(person.principal, "counted"),
        ):
            counting_proxy.reset()
            await call()
            counts.append(counting_proxy.round_trips)
        return counts

    counts = asyncio.run(story())
    client.close()
    assert counts == [1, 1, 1, 1]
