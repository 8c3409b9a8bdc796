"""People who have said things, and what their ledger holds."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from tests.integration.people import Person


class Speaker(Person):
    """Somebody who has said things, and what has become of them."""

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
        self.run(
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
            self.run(
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
        self.run("update deliveries set state = 'ingested' where turn_id = :turn", turn=turn)

    def source(self, provider_id: str, turn: UUID) -> None:
        self.run(
            "insert into sources (provider_id, account_id, turn_id, role)"
            " values (:provider_id, :account, :turn, 'user')",
            provider_id=provider_id,
            turn=turn,
        )

    def hide(self, mem0_id: str, *, listed: bool = True) -> UUID:
        """A memory is hidden by a run, in PostgreSQL alone when Mem0 goes on listing it; returns
        the change that did it."""
        run, change = uuid4(), uuid4()
        self.run(
            "insert into runs (id, account_id, kind, started_by, state, phase)"
            " values (:run, :account, 'consolidate', 'request', 'done', 'over')",
            run=run,
        )
        self.run(
            "insert into changes (id, run_id, account_id, seq, kind, reason, mem0_id, state)"
            " values (:change, :run, :account, 1, 'hide', 'same', :mem0_id, 'confirmed')",
            change=change,
            run=run,
            mem0_id=mem0_id,
        )
        self.run(
            "insert into hidden_memories (account_id, mem0_id, run_id, change_id, reason,"
            " text_hash, listed) values (:account, :mem0_id, :run, :change, 'same', '', :listed)",
            mem0_id=mem0_id,
            run=run,
            change=change,
            listed=listed,
        )
        return change

    def conflict(self, left: tuple[str, bytes], right: tuple[str, bytes]) -> UUID:
        """Two statements, by id and hash, wait for the person's word."""
        conflict = uuid4()
        self.run(
            "insert into conflicts (id, account_id, left_id, right_id, left_hash, right_hash)"
            " values (:conflict, :account, :left, :right, :left_hash, :right_hash)",
            conflict=conflict,
            left=left[0],
            right=right[0],
            left_hash=left[1],
            right_hash=right[1],
        )
        return conflict

    def takes_over(self, kept: str, hidden: str, turn: UUID) -> None:
        """What was said in a turn counts for the memory that stays in place of a hidden one."""
        self.run(
            "insert into sources (provider_id, account_id, turn_id, role, change_id)"
            " values (:kept, :account, :turn, 'user', :change)",
            kept=kept,
            turn=turn,
            change=self.hide(hidden, listed=False),
        )

    def links(self) -> list[tuple[str, UUID, bytes, datetime]]:
        found = self.run(
            "select mem0_id, edge_uuid, statement_hash, linked_at from links"
            " where account_id = :account order by mem0_id, edge_uuid"
        )
        return [tuple(row) for row in found]
