"""People with a login, and what their ledger holds."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tandem.db.connection import OneRoundTrip
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal


class Person:
    """An account with a live login, and what is put into its ledger."""

    def __init__(self, connection: OneRoundTrip, *, graph: UUID | None = None) -> None:
        self._connection = connection
        self.account_id = AccountId(uuid4())
        self.user_id = f"u-{self.account_id.hex}"
        self.login_id = LoginId(uuid4())
        self._run(
            "insert into accounts (id, user_id, email, password_hash, zep_graph_uuid)"
            " values (:account, :label, :label, 'x', :graph)",
            label=self.user_id,
            graph=graph,
        )
        self._run(
            "insert into logins (id, account_id, expires_at)"
            " values (:login, :account, now() + interval '1 hour')",
            login=self.login_id,
        )

    @property
    def principal(self) -> Principal:
        return Principal(self.account_id, self.login_id)

    def session(self, label: str) -> UUID:
        row = uuid4()
        self._run(
            "insert into sessions (id, account_id, session_id) values (:row, :account, :label)",
            row=row,
            label=label,
        )
        return row

    def turn(
        self,
        session: UUID,
        seq: int,
        message: str | None,
        *,
        ago: timedelta = timedelta(0),
        states: tuple[str, str] = ("owed", "owed"),
    ) -> UUID:
        """A turn that was answered; `states` are those of its words at Zep and at Mem0."""
        turn = uuid4()
        self._run(
            "insert into turns (id, session_row, account_id, seq, state, lease_until,"
            " user_message_id, assistant_message_id, message, reply, said_at)"
            " values (:turn, :session, :account, :seq, 'answered', now(), gen_random_uuid(),"
            " gen_random_uuid(), :message, 'ok', now() - cast(:ago as interval))",
            turn=turn,
            session=session,
            seq=seq,
            message=message,
            ago=f"{ago.total_seconds()} seconds",
        )
        for store, state in zip(("zep", "mem0"), states, strict=True):
            self._run(
                "insert into deliveries (turn_id, store, role, session_row, account_id, seq, state)"
                " values (:turn, :store, 'user', :session, :account, :seq, :state)",
                turn=turn,
                store=store,
                session=session,
                seq=seq,
                state=state,
            )
        return turn

    def ingested(self, turn: UUID) -> None:
        """Both stores have taken in what was said."""
        self._run("update deliveries set state = 'ingested' where turn_id = :turn", turn=turn)

    def source(self, provider_id: str, turn: UUID) -> None:
        self._run(
            "insert into sources (provider_id, account_id, turn_id, role)"
            " values (:provider_id, :account, :turn, 'user')",
            provider_id=provider_id,
            turn=turn,
        )

    def links(self) -> list[tuple[str, UUID, bytes, datetime]]:
        found = self._run(
            "select mem0_id, edge_uuid, statement_hash, linked_at from links"
            " where account_id = :account order by mem0_id, edge_uuid"
        )
        return [tuple(row) for row in found]

    def _run(self, sql: str, **parameters: Any) -> Any:
        if ":account" in sql:
            parameters["account"] = self.account_id
        return self._connection.run(sql, **parameters)
