"""What is marked as repeatable may run twice: each statement here does, as if its first answer had
been lost, and only the second one is seen."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tandem.changes.model import RunId
from tandem.db.connection import Database, OneRoundTrip, Row
from tandem.db.runs import Runs
from tandem.db.sessions import NewSession, Sessions
from tandem.db.turns import Turns
from tandem.errors import AppError
from tandem.ids import SessionRowId
from tandem.settings import DatabaseSettings
from tests.integration.accounts.instances import Container, Hashing, logged_in, outcome, someone
from tests.integration.delivery.talk import Talk
from tests.integration.turn_ledger import Someone, new_turn

pytestmark = pytest.mark.integration


class LosesAnswers(Database):
    """Asks everything that may be repeated twice."""

    async def rows(self, sql: str, *, repeatable: bool = False, **parameters: Any) -> list[Row]:
        if repeatable:
            await super().rows(sql, repeatable=repeatable, **parameters)
        return await super().rows(sql, repeatable=repeatable, **parameters)


@pytest.fixture
def losing(database: str) -> Iterator[Database]:
    opened = LosesAnswers(lambda: database, DatabaseSettings(database_statement_seconds=30))
    yield opened
    opened.close()


@pytest.fixture
def talk(losing: Database, ada: Someone) -> Talk:
    return Talk(losing, ada)


def test_a_turn_is_opened_counted_and_answered_once(losing: Database, ada: Someone) -> None:
    async def story() -> str:
        turns = Turns(losing)
        turn = await ada.open(turns, new_turn("hello", session="once"))
        assert turn.outcome == "opened"
        assert await ada.commit(turns, turn) is not None
        again = await ada.open(turns, new_turn("hello", key=str(turn.turn_id), session="once"))
        return again.outcome

    assert asyncio.run(story()) == "answered"
    assert ada.run("select count(*) from turns where account_id = :account") == [[1]]
    assert ada.run("select turns_counted from accounts where id = :account") == [[1]]
    assert ada.run("select next_seq from sessions where account_id = :account") == [[2]]
    assert len(ada.owed()) == 3


def test_a_session_is_started_by_who_started_it(losing: Database, ada: Someone) -> None:
    async def story() -> bool:
        new = NewSession(SessionRowId(uuid4()), "started-once")
        return (await Sessions(losing).start(ada.principal, None, new)).created

    assert asyncio.run(story())


def test_people_sign_up_log_in_refresh_and_change_their_password(
    database: str, connection: OneRoundTrip
) -> None:
    connection.run("truncate login_failures")
    container = Container(database, Hashing())
    container.database.__class__ = LosesAnswers
    person = someone()

    async def story() -> object:
        await container.service.sign_up(person)
        tokens = await logged_in(container, person)
        for _ in range(2):
            renewed = await container.service.refresh(tokens.refresh_token)
            tokens = renewed
        return await outcome(container.service.refresh(tokens.refresh_token))

    last = asyncio.run(story())
    container.database.close()
    assert not isinstance(last, AppError)
    counted = connection.run(
        "select count(*) from logins where revoked_at is null and account_id ="
        " (select id from accounts where email = :email)",
        email=person.email,
    )
    assert counted == [[1]]


def test_words_that_were_sent_count_as_given_once_for_each_time(talk: Talk) -> None:
    turn = talk.say()
    lease = talk.held("zep")
    for number, check in enumerate(("job-1", "job-2"), start=1):
        talk.sent(lease, turn, check=check)
        assert [words.ingestions for words in talk.due("zep").words] == [number, number]


def test_who_has_forgotten_something_is_told_though_the_first_answer_was_lost(talk: Talk) -> None:
    turn = talk.say("I live in Delhi.")
    talk.person.run(
        "insert into tombstones (id, account_id, statement_hash, turn_ids)"
        " values (:id, :account, 'x', array[cast(:turn as uuid)])",
        id=uuid4(),
        turn=turn.turn_id,
    )
    lease = talk.held("mem0")
    talk.sent(lease, turn)
    forgotten_by = asyncio.run(
        talk.deliveries.finished(lease, turn.turn_id, ["user"], state="ingested")
    )
    assert forgotten_by == talk.person.account_id


def test_a_lease_that_is_given_back_asks_for_its_wake_up(talk: Talk) -> None:
    talk.say()
    assert talk.release(talk.held("zep"), again=10)


def test_a_run_is_begun_by_who_began_it(losing: Database, ada: Someone) -> None:
    async def story() -> bool:
        started = await Runs(losing).start(
            ada.account_id,
            run_id=RunId(uuid4()),
            kind="consolidate",
            started_by="schedule",
            owner=uuid4(),
        )
        assert started is not None
        return started.resumed

    assert not asyncio.run(story())
