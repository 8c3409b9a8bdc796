"""People with a login in a real database, and what the tests put there and ask about them."""

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

from tandem.db.connection import OneRoundTrip
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal


@dataclass(frozen=True)
class Person:
    """An account with a live login, and a connection beside the functions' own."""

    principal: Principal
    user_id: str
    connection: OneRoundTrip

    @classmethod
    def sign_up(cls, connection: OneRoundTrip, *, graph: UUID | None = None) -> Self:
        """Somebody new; `graph` is the person's graph at Zep, if Zep has heard of them."""
        principal = Principal(AccountId(uuid4()), LoginId(uuid4()))
        person = cls(principal, f"u-{principal.account_id.hex}", connection)
        person.run(
            "insert into accounts (id, user_id, email, password_hash, zep_graph_uuid)"
            " values (:account, :label, :label || '@example.org', 'x', :graph)",
            label=person.user_id,
            graph=graph,
        )
        person.run(
            "insert into logins (id, account_id, expires_at)"
            " values (:login, :account, now() + interval '1 day')",
            login=principal.login_id,
        )
        return person

    @property
    def account_id(self) -> AccountId:
        return self.principal.account_id

    def session(self, label: str, *, thread: UUID | None = None) -> UUID:
        """The row of a new session; `thread` is its thread at Zep."""
        row = uuid4()
        self.run(
            "insert into sessions (id, account_id, session_id, title, zep_thread_uuid)"
            " values (:row, :account, :label, 'a title', :thread)",
            row=row,
            label=label,
            thread=thread,
        )
        return row

    def run(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Rows, if there are any; `:account` is this person's."""
        if ":account" in sql:
            parameters["account"] = self.account_id
        return list(self.connection.run(sql, **parameters) or [])

    def rows(self, table: str, columns: str, order: str) -> list[list[Any]]:
        """This person's rows of a table."""
        return self.run(
            f"select {columns} from {table} where account_id = :account order by {order}"  # noqa: S608
        )
