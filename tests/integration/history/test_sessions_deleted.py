"""Sessions against real PostgreSQL: deleted whole, whatever else goes on."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.db import turn_statements
from tandem.db.connection import Database
from tandem.db.proposals import Effects, parameters_of_effects
from tandem.db.rate_budgets import rate_parameters
from tandem.db.sessions import Sessions
from tandem.errors import NotFound
from tandem.settings import DatabaseSettings
from tests.integration.history.session_ledger import Ledger, new_session
from tests.integration.lock_waits import commit_once_waited_for
from tests.integration.people import Person

pytestmark = pytest.mark.integration


def deleted_row(ledger: Ledger, row: UUID) -> list[Any]:
    [found] = ledger.run(
        "select deleted_at is not null, title, thread_deletion from sessions where id = :id",
        id=row,
    )
    return list(found)


def test_deleting_wipes_text_abandons_turns_and_cancels_deliveries(
    ledger: Ledger, container: Database
) -> None:
    person = ledger.person()
    row, other_row = person.session("gone"), person.session("stays")
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

    gone = asyncio.run(Sessions(container).delete(person.principal, "gone"))

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
    ledger: Ledger, container: Database, prepare: str, owed: bool
) -> None:
    person = ledger.person()
    row = person.session("maybe", thread=uuid4() if prepare == "thread" else None)
    if prepare.endswith("delivery"):
        store = prepare.split(maxsplit=1)[0]
        state = "cancelled" if store == "zep" else "owed"
        ledger.delivery(ledger.turn(person, row), store=store, state=state)
    if prepare == "lease":
        ledger.run("insert into delivery_leases (session_row, store) values (:r, 'zep')", r=row)

    gone = asyncio.run(Sessions(container).delete(person.principal, "maybe"))

    assert gone.thread_owed is owed
    assert deleted_row(ledger, row) == [True, None, "owed" if owed else None]


def test_a_deleted_session_is_not_found_and_its_label_is_free(
    ledger: Ledger, container: Database
) -> None:
    person, other = ledger.person(), ledger.person()
    row = person.session("again")
    sessions = Sessions(container)

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


def commit_parameters(person: Person, session: UUID, turn: UUID) -> dict[str, Any]:
    return {
        "account_id": person.account_id,
        "session_row": session,
        "turn_id": turn,
        "attempt": 1,
        "reply": "said too late",
        "answer": "{}",
        "provider_ids": [],
        "turn_ids": [],
        **parameters_of_effects(Effects()),
        **rate_parameters([]),
    }


def test_deleting_waits_for_a_commit_in_flight_and_takes_what_it_stored(
    ledger: Ledger, database: str
) -> None:
    person = ledger.person()
    row = person.session("race")
    turn = ledger.turn(person, row, reply=None)
    committer, deleter = ledger.connect(), Database(lambda: database, DatabaseSettings())
    committer.run("begin")
    [[_, done, *_]] = committer.run(turn_statements.COMMIT, **commit_parameters(person, row, turn))
    assert done

    gone = commit_once_waited_for(
        committer, lambda: asyncio.run(Sessions(deleter).delete(person.principal, "race"))
    )
    deleter.close()
    committer.close()

    assert gone.thread_owed is True
    assert ledger.run(
        "select state, message, reply, answer from turns where id = :turn", turn=turn
    ) == [["answered", None, None, None]]
    states = ledger.run("select state from deliveries where turn_id = :turn", turn=turn)
    assert states == [["cancelled"]] * 3


def test_deleting_waits_for_a_turn_being_opened_and_wipes_it(ledger: Ledger, database: str) -> None:
    person = ledger.person()
    row = person.session("opening")
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
    gone = commit_once_waited_for(
        opener, lambda: asyncio.run(Sessions(deleter).delete(person.principal, "opening"))
    )
    deleter.close()
    opener.close()

    assert gone.id == row
    assert ledger.run("select state, message from turns where session_row = :row", row=row) == [
        ["abandoned", None]
    ]


def test_a_commit_waits_for_a_deletion_in_flight_and_stores_nothing(ledger: Ledger) -> None:
    person = ledger.person()
    row = person.session("late")
    turn = ledger.turn(person, row, reply=None)
    deleter, committer = ledger.connect(), ledger.connect()
    deleter.run("begin")
    deleter.run("select * from delete_session(:owner, 'late')", owner=person.account_id)
    found = commit_once_waited_for(
        deleter,
        lambda: committer.run(turn_statements.COMMIT, **commit_parameters(person, row, turn)),
    )
    for connection in (deleter, committer):
        connection.close()

    [[alive, done, owed, *_]] = found or []
    assert (alive, done, owed) == (False, False, 0)
    assert ledger.run("select state, reply from turns where id = :turn", turn=turn) == [
        ["abandoned", None]
    ]
    assert ledger.run("select 1 from deliveries where turn_id = :turn", turn=turn) == []
