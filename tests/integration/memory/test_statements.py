"""Statements in a real ledger: what is owed, what a repeat gets, what readers of turns see."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.deliveries import Deliveries
from tandem.db.history import START, MessageIndex
from tandem.db.memory import MemoryLedger
from tandem.db.statements import NewStatement, Stated, Statements
from tandem.db.turns import Turns
from tandem.errors import Conflict, Forbidden, RateLimited, Unauthenticated
from tandem.ids import MessageId, SessionRowId, TurnId
from tests.integration.conftest import CountingProxy
from tests.integration.turn_ledger import Someone, database_at, new_turn

pytestmark = pytest.mark.integration


def run[T](work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def new_statement(message: str = "Has a dog", **changes: Any) -> NewStatement:
    turn_id = TurnId(uuid4())
    statement = NewStatement(
        turn_id=turn_id,
        session_row=SessionRowId(uuid4()),
        session_id="memory",
        key=str(turn_id),
        request_hash=message.encode(),
        user_message_id=MessageId(uuid4()),
        assistant_message_id=MessageId(uuid4()),
        message=message,
    )
    return replace(statement, **changes)


def state(database: Database, person: Someone, new: NewStatement, **limits: Any) -> Stated:
    limit = limits.get("turns_per_minute", 1_000)
    return run(Statements(database).state(person.principal, None, new, turns_per_minute=limit))


def test_a_statement_is_owed_to_both_stores_and_is_pending_at_once(
    container: Database, ada: Someone
) -> None:
    stated = state(container, ada, new_statement())
    assert sorted(row[1:4] for row in map(tuple, ada.owed())) == [
        ("mem0", "user", "owed"),
        ("zep", "user", "owed"),
    ]
    looked = run(MemoryLedger(container).look(ada.principal))
    assert [said.turn_id for said in looked.pending] == [stated.turn_id]
    assert (stated.session_id, stated.repeated) == ("memory", False)


def test_a_statement_about_a_time_long_past_is_pending_too(
    container: Database, ada: Someone
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=400)
    stated = state(container, ada, new_statement(said_at=long_ago))
    assert stated.said_at == long_ago
    looked = run(MemoryLedger(container).look(ada.principal))
    assert [said.said_at for said in looked.pending] == [long_ago]


def test_the_job_is_given_the_words_as_a_statement(container: Database, ada: Someone) -> None:
    stated = state(container, ada, new_statement())
    deliveries = Deliveries(container)
    assert run(deliveries.settle(stated.session_row))
    [words] = run(deliveries.due(stated.session_row, "mem0")).words
    assert (words.kind, words.text, words.role) == ("statement", "Has a dog", "user")
    turn = run(ada.open(Turns(container), new_turn("hello", session="talk")))
    assert turn.session_row is not None
    run(ada.commit(Turns(container), turn, "hi"))
    [talk] = run(deliveries.due(turn.session_row, "mem0")).words
    assert talk.kind == "turn"


def test_history_and_the_next_turn_see_a_statement_as_the_persons_message(
    container: Database, ada: Someone
) -> None:
    stated = state(container, ada, new_statement(session_id="talk"))
    page = run(
        MessageIndex(container).page(
            ada.principal, user_id=None, session_id="talk", after=START, limit=10
        )
    )
    [message] = page.messages
    assert (message.role, message.content, message.turn_id) == ("user", "Has a dog", stated.turn_id)
    turn = run(ada.open(Turns(container), new_turn("hello", session="talk")))
    assert list(turn.recent) == [("Has a dog", None)]


def test_a_repeated_key_gets_the_same_statement_and_another_request_is_refused(
    container: Database, ada: Someone
) -> None:
    first = state(container, ada, new_statement(key="k1"))
    again = state(container, ada, new_statement(key="k1"))
    assert (again.turn_id, again.repeated) == (first.turn_id, True)
    assert len(ada.turns()) == 1
    with pytest.raises(Conflict) as raised:
        state(container, ada, new_statement("Has a cat", key="k1"))
    assert raised.value.code == "idempotency_conflict"


def test_a_chat_that_uses_a_statements_key_does_not_take_it_over(
    container: Database, ada: Someone
) -> None:
    state(container, ada, new_statement(key="k1"))
    with pytest.raises(Conflict):
        run(ada.open(Turns(container), new_turn("Has a dog", key="k1", session="memory")))


def test_a_statement_sent_twice_because_its_answer_was_lost_is_kept_once(
    container: Database, ada: Someone
) -> None:
    new = new_statement()
    assert state(container, ada, new).turn_id == state(container, ada, new).turn_id == new.turn_id
    assert len(ada.owed()) == 2


def test_statements_count_towards_the_turns_of_a_minute(container: Database, ada: Someone) -> None:
    state(container, ada, new_statement(), turns_per_minute=1)
    with pytest.raises(RateLimited) as raised:
        state(container, ada, new_statement(), turns_per_minute=1)
    assert raised.value.code == "too_many_turns"
    assert len(ada.turns()) == 1


def test_nothing_is_kept_for_somebody_else_or_after_the_login_has_ended(
    container: Database, ada: Someone
) -> None:
    statements = Statements(container)
    with pytest.raises(Forbidden):
        run(statements.state(ada.principal, "somebody", new_statement(), turns_per_minute=9))
    ada.run("update logins set revoked_at = now() where account_id = :account")
    with pytest.raises(Unauthenticated):
        run(statements.state(ada.principal, None, new_statement(), turns_per_minute=9))
    assert ada.turns() == []


def test_a_statement_is_one_round_trip(
    connection: OneRoundTrip, counting_proxy: CountingProxy
) -> None:
    person, database = Someone.sign_up(connection), database_at(counting_proxy.url)
    state(database, person, new_statement())
    counting_proxy.reset()
    state(database, person, new_statement("Has a cat"))
    assert counting_proxy.round_trips == 1
    database.close()
