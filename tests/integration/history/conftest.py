"""People, sessions and turns in a real database."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip, connect
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal
from tandem.settings import DatabaseSettings


@dataclass(frozen=True)
class Person:
    """An account with a live login."""

    principal: Principal
    user_id: str

    @property
    def account_id(self) -> UUID:
        return self.principal.account_id


class Ledger:
    """Writes rows as the chat and delivery functions would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = self.connect()

    def connect(self) -> OneRoundTrip:
        return connect(self.url, DatabaseSettings(database_statement_seconds=30))

    def run(self, sql: str, **parameters: Any) -> list[Any]:
        return list(self.connection.run(sql, **parameters) or [])

    def person(self) -> Person:
        account, login, label = uuid4(), uuid4(), f"u-{uuid4().hex}"
        self.run(
            "insert into accounts (id, user_id, email, password_hash)"
            " values (:id, :label, :email, 'x')",
            id=account,
            label=label,
            email=f"{label}@example.org",
        )
        self.run(
            "insert into logins (id, account_id, expires_at)"
            " values (:id, :account, now() + interval '1 day')",
            id=login,
            account=account,
        )
        return Person(Principal(AccountId(account), LoginId(login)), label)

    def session(self, person: Person, label: str, *, thread: UUID | None = None) -> UUID:
        row = uuid4()
        self.run(
            "insert into sessions (id, account_id, session_id, title, zep_thread_uuid)"
            " values (:id, :account, :label, 'a title', :thread)",
            id=row,
            account=person.account_id,
            label=label,
            thread=thread,
        )
        return row

    def turn(
        self, person: Person, session: UUID, *, message: str = "hello", reply: str | None = "hi"
    ) -> UUID:
        """The next turn of a session: answered, or open when there is no reply."""
        turn = uuid4()
        self.run(
            "with s as (update sessions set next_seq = next_seq + 1 where id = :session"
            "           returning next_seq - 1 as seq)"
            "insert into turns (id, session_row, account_id, seq, state, lease_until,"
            " request_hash, user_message_id, assistant_message_id, message, reply, said_at,"
            " replied_at, answer)"
            " select :id, :session, :account, s.seq, :state, now() + interval '35 s', :hash,"
            " gen_random_uuid(), gen_random_uuid(), :message, :reply, now(), now(),"
            " cast('{}' as jsonb) from s",
            id=turn,
            session=session,
            account=person.account_id,
            state="open" if reply is None else "answered",
            hash=b"hash",
            message=message,
            reply=reply,
        )
        return turn

    def delivery(
        self,
        turn: UUID,
        *,
        store: str = "zep",
        role: str = "user",
        state: str = "owed",
        parts: list[str] | None = None,
    ) -> None:
        self.run(
            "insert into deliveries (turn_id, store, role, session_row, account_id, seq, state,"
            " provider_ids) select t.id, :store, :role, t.session_row, t.account_id, t.seq,"
            " :state, cast(:parts as text[]) from turns t where t.id = :turn",
            turn=turn,
            store=store,
            role=role,
            state=state,
            parts=parts,
        )


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    writer = Ledger(database)
    yield writer
    writer.connection.close()


@pytest.fixture
def open_database(database: str) -> Iterator[Database]:
    client = Database(lambda: database, DatabaseSettings(database_statement_seconds=30))
    yield client
    client.close()
