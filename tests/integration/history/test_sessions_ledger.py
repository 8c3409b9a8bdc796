"""Sessions against real PostgreSQL: started once, listed in order, deleted whole."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.db import turn_statements
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.sessions import NewSession, Sessions
from tandem.errors import Forbidden, NotFound, Unauthenticated
from tandem.ids import SessionRowId
from tandem.settings import DatabaseSettings

pytestmark = pytest.mark.integration


def new_session(label: str = "s1", title: str | None = None) -> NewSession:
    return NewSession(id=SessionRowId(uuid4()), session_id=label, title=title)


def wait_until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        threading.Event().wait(0.01)


def waits_for_a_lock(connection: OneRoundTrip, pid: int) -> bool:
    rows = connection.run(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = :pid", pid=pid
    )
    return bool(rows and rows[0][0])


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


def test_starting_twice_gives_the_same_session(ledger: Any, open_database: Database) -> None:
    person = ledger.person()
    sessions = Sessions(open_database)

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
    ledger: Any, open_database: Database
) -> None:
    person = ledger.person()
    new = new_session()

    async def story() -> list[bool]:
        sessions = Sessions(open_database)
        return [(await sessions.start(person.principal, None, new)).created for _ in range(2)]

    assert asyncio.run(story()) == [True, True]


def test_a_second_start_waits_for_the_first_and_finds_its_session(
    ledger: Any, database: str
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

    thread, results = in_thread(start)
    wait_until(
        lambda: bool(ledger.run("select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
    )
    holder.run("commit")
    thread.join()
    other.close()
    holder.close()

    assert [result.created for result in results] == [False]
    rows = ledger.run(
        "select id from sessions where account_id = :account", account=person.account_id
    )
    assert [row[0] for row in rows] == [first.id]


def test_two_people_may_use_the_same_label(ledger: Any, open_database: Database) -> None:
    people = [ledger.person(), ledger.person()]
    sessions = Sessions(open_database)

    async def story() -> None:
        for person in people:
            assert (await sessions.start(person.principal, None, new_session("same"))).created
        await sessions.delete(people[0].principal, "same")
        assert (await sessions.get(people[1].principal, "same")).session_id == "same"

    asyncio.run(story())


def test_somebody_elses_name_starts_nothing(ledger: Any, open_database: Database) -> None:
    person, other = ledger.person(), ledger.person()
    with pytest.raises(Forbidden):
        asyncio.run(
            Sessions(open_database).start(person.principal, other.user_id, new_session("theirs"))
        )
    assert ledger.run("select 1 from sessions where session_id = 'theirs'") == []


def test_an_ended_login_reads_and_changes_nothing(ledger: Any, open_database: Database) -> None:
    person = ledger.person()
    ledger.session(person, "kept")
    ledger.run("update logins set revoked_at = now() where id = :id", id=person.principal.login_id)
    sessions = Sessions(open_database)

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


def test_sessions_are_listed_newest_first_page_by_page(
    ledger: Any, open_database: Database
) -> None:
    person, other = ledger.person(), ledger.person()
    ledger.session(other, "not-mine")
    sessions = Sessions(open_database)
    labels = [f"s{number}" for number in range(7)]
    for label in labels:
        ledger.session(person, label)
    # The same moment for all: the id has to decide, and no session may be lost between pages.
    ledger.run("update sessions set created_at = '2026-11-20T09:00:00Z'")
    ledger.session(person, "newest")

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


def test_a_person_without_sessions_has_an_empty_list(ledger: Any, open_database: Database) -> None:
    person = ledger.person()
    page = asyncio.run(Sessions(open_database).list(person.principal, before=None, limit=5))
    assert (list(page.items), page.more) == ([], False)


def test_turns_are_counted(ledger: Any, open_database: Database) -> None:
    person = ledger.person()
    row = ledger.session(person, "counted")
    for _ in range(3):
        ledger.turn(person, row)
    session = asyncio.run(Sessions(open_database).get(person.principal, "counted"))
    assert session.turns == 3


def deleted_row(ledger: Any, row: UUID) -> list[Any]:
    [found] = ledger.run(
        "select deleted_at is not null, title, thread_deletion from sessions where id = :id",
        id=row,
    )
    return list(found)


def test_deleting_wipes_text_abandons_turns_and_cancels_deliveries(
    ledger: Any, open_database: Database
) -> None:
    person = ledger.person()
    row, other_row = ledger.session(person, "gone"), ledger.session(person, "stays")
    answered, still_open = ledger.turn(person, row), ledger.turn(person, row, reply=None)
    elsewhere = ledger.turn(person, other_row)
    for role, state in (("user", "sent"), ("assistant", "ingested")):
        ledger.delivery(answered, role=role, state=state)
    ledger.delivery(answered, store="mem0", state="owed")
    ledger.delivery(elsewhere, state="owed")
    for turn in (answered, elsewhere):
        ledger.run(
            "insert into idempotency_keys (account_id, key, turn_id) values (:a, :k, :t)",
            a=person.account_id,
            k=f"key-{turn}",
            t=turn,
        )

    gone = asyncio.run(Sessions(open_database).delete(person.principal, "gone"))

    assert (gone.id, gone.thread_owed) == (row, True)
    assert deleted_row(ledger, row) == [True, None, "owed"]
    turns = ledger.run(
        "select state, message, reply, answer, request_hash, wiped_at is not null from turns"
        " where session_row = :row order by seq",
        row=row,
    )
    assert turns == [
        ["answered", None, None, None, None, True],
        ["abandoned", None, None, None, None, True],
    ]
    states = ledger.run(
        "select store, role, state, finished_at is not null from deliveries"
        " where turn_id = :turn order by store, role",
        turn=answered,
    )
    assert states == [
        ["mem0", "user", "cancelled", True],
        ["zep", "assistant", "ingested", False],
        ["zep", "user", "cancelled", True],
    ]
    keys = ledger.run(
        "select turn_id from idempotency_keys where account_id = :a", a=person.account_id
    )
    assert [key[0] for key in keys] == [elsewhere]
    assert ledger.run(
        "select t.message, d.state from turns t join deliveries d on d.turn_id = t.id"
        " where t.id = :turn",
        turn=elsewhere,
    ) == [["hello", "owed"]]
    assert still_open != answered


@pytest.mark.parametrize(
    ("prepare", "owed"),
    [
        ("nothing", False),
        ("thread", True),
        ("zep delivery", True),
        ("mem0 delivery", False),
        ("lease", True),
    ],
)
def test_a_threads_deletion_is_owed_wherever_there_may_be_one(
    ledger: Any, open_database: Database, prepare: str, owed: bool
) -> None:
    person = ledger.person()
    row = ledger.session(person, "maybe", thread=uuid4() if prepare == "thread" else None)
    if prepare.endswith("delivery"):
        store = prepare.split(maxsplit=1)[0]
        state = "cancelled" if store == "zep" else "owed"
        ledger.delivery(ledger.turn(person, row), store=store, state=state)
    if prepare == "lease":
        ledger.run("insert into delivery_leases (session_row, store) values (:r, 'zep')", r=row)

    gone = asyncio.run(Sessions(open_database).delete(person.principal, "maybe"))

    assert gone.thread_owed is owed
    assert deleted_row(ledger, row) == [True, None, "owed" if owed else None]


def test_a_deleted_session_is_not_found_and_its_label_is_free(
    ledger: Any, open_database: Database
) -> None:
    person, other = ledger.person(), ledger.person()
    row = ledger.session(person, "again")
    sessions = Sessions(open_database)

    async def story() -> None:
        with pytest.raises(NotFound):
            await sessions.delete(other.principal, "again")
        await sessions.delete(person.principal, "again")
        with pytest.raises(NotFound):
            await sessions.delete(person.principal, "again")
        with pytest.raises(NotFound):
            await sessions.get(person.principal, "again")
        page = await sessions.list(person.principal, before=None, limit=5)
        assert list(page.items) == []
        assert (await sessions.start(person.principal, None, new_session("again"))).created
        assert (await sessions.get(person.principal, "again")).id != row

    asyncio.run(story())


def commit_parameters(person: Any, session: UUID, turn: UUID) -> dict[str, Any]:
    return {
        "account_id": person.account_id,
        "session_row": session,
        "turn_id": turn,
        "attempt": 1,
        "reply": "said too late",
        "answer": "{}",
        "provider_ids": [],
        "turn_ids": [],
    }


def test_deleting_waits_for_a_commit_in_flight_and_takes_what_it_stored(
    ledger: Any, database: str
) -> None:
    person = ledger.person()
    row = ledger.session(person, "race")
    turn = ledger.turn(person, row, reply=None)
    committer, deleter = ledger.connect(), Database(lambda: database, DatabaseSettings())
    committer.run("begin")
    [[_, done, *_]] = committer.run(turn_statements.COMMIT, **commit_parameters(person, row, turn))
    assert done

    thread, results = in_thread(
        lambda: asyncio.run(Sessions(deleter).delete(person.principal, "race"))
    )
    wait_until(
        lambda: bool(ledger.run("select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
    )
    committer.run("commit")
    thread.join()
    deleter.close()
    committer.close()

    assert [result.thread_owed for result in results] == [True]
    assert ledger.run(
        "select state, message, reply, answer from turns where id = :turn", turn=turn
    ) == [["answered", None, None, None]]
    states = ledger.run("select state from deliveries where turn_id = :turn", turn=turn)
    assert states == [["cancelled"]] * 3


def test_deleting_waits_for_a_turn_being_opened_and_wipes_it(ledger: Any, database: str) -> None:
    person = ledger.person()
    row = ledger.session(person, "opening")
    opener, deleter = ledger.connect(), Database(lambda: database, DatabaseSettings())
    opener.run("begin")
    opener.run("update sessions set next_seq = next_seq + 1 where id = :row", row=row)
    opener.run(
        "insert into turns (id, session_row, account_id, seq, state, lease_until,"
        " user_message_id, assistant_message_id, message, said_at) values (gen_random_uuid(),"
        " :row, :account, 1, 'open', now(), gen_random_uuid(), gen_random_uuid(), 'mine', now())",
        row=row,
        account=person.account_id,
    )
    thread, results = in_thread(
        lambda: asyncio.run(Sessions(deleter).delete(person.principal, "opening"))
    )
    wait_until(
        lambda: bool(ledger.run("select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
    )
    opener.run("commit")
    thread.join()
    deleter.close()
    opener.close()

    assert len(results) == 1
    assert ledger.run("select state, message from turns where session_row = :row", row=row) == [
        ["abandoned", None]
    ]


def test_a_commit_waits_for_a_deletion_in_flight_and_stores_nothing(ledger: Any) -> None:
    person = ledger.person()
    row = ledger.session(person, "late")
    turn = ledger.turn(person, row, reply=None)
    deleter, committer = ledger.connect(), ledger.connect()
    deleter.run("begin")
    deleter.run("select * from delete_session(:owner, 'late')", owner=person.account_id)
    [[pid]] = committer.run("select pg_backend_pid()")
    thread, results = in_thread(
        lambda: committer.run(turn_statements.COMMIT, **commit_parameters(person, row, turn))
    )
    wait_until(lambda: waits_for_a_lock(ledger.connection, pid))
    deleter.run("commit")
    thread.join()
    for connection in (deleter, committer):
        connection.close()

    [[[alive, done, owed, _]]] = results
    assert (alive, done, owed) == (False, False, 0)
    assert ledger.run("select state, reply from turns where id = :turn", turn=turn) == [
        ["abandoned", None]
    ]
    assert ledger.run("select 1 from deliveries where turn_id = :turn", turn=turn) == []


def test_every_session_call_is_one_round_trip(ledger: Any, counting_proxy: Any) -> None:
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
