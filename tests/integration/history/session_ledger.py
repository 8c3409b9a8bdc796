"""What the tests of sessions and history put into a real ledger."""

from typing import Any
from uuid import UUID, uuid4

from tandem.db.connection import OneRoundTrip
from tandem.db.sessions import NewSession
from tandem.ids import SessionRowId
from tests.integration.conftest import open_connection
from tests.integration.people import Person


class Ledger:
    """Writes rows as the chat and delivery functions would."""

    def __init__(self, url: str, connection: OneRoundTrip) -> None:
        self.url = url
        self.connection = connection

    def connect(self) -> OneRoundTrip:
        return open_connection(self.url)

    def run(self, sql: str, **parameters: Any) -> list[Any]:
        return list(self.connection.run(sql, **parameters) or [])

    def person(self) -> Person:
        return Person.sign_up(self.connection)

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


def new_session(label: str = "s1", title: str | None = None) -> NewSession:
    return NewSession(id=SessionRowId(uuid4()), session_id=label, title=title)
