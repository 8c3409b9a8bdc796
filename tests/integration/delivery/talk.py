"""One session of a person's, as the delivery jobs see it in a real ledger."""

import asyncio
from typing import Any
from uuid import uuid4

from tandem.db.connection import Database
from tandem.db.deliveries import Deliveries, Due, Lease, ProviderId, StoreName
from tandem.db.sessions import Sessions
from tandem.db.sweeping import Sweeping
from tandem.db.turns import Turn, Turns
from tandem.ids import SessionRowId
from tests.integration.turn_ledger import Someone, new_turn

PATIENCE_SECONDS = 60.0
ABANDONED_SECONDS = 600.0


class Talk:
    """One session of a person's and its deliveries, as the jobs see them."""

    def __init__(self, container: Database, person: Someone) -> None:
        self.person = person
        self.turns, self.deliveries = Turns(container), Deliveries(container)
        self.sweeping = Sweeping(container)
        self.row = SessionRowId(uuid4())

    def open(self, message: str = "m", key: str | None = None) -> Turn:
        turn = asyncio.run(self.person.open(self.turns, new_turn(message, key=key, session="talk")))
        assert turn.session_row is not None
        self.row = turn.session_row
        return turn

    def say(self, message: str = "m") -> Turn:
        turn = self.open(message)
        self.answer(turn)
        return turn

    def answer(self, turn: Turn) -> None:
        assert asyncio.run(self.person.commit(self.turns, turn, "a reply")) is not None

    def settle(self) -> bool:
        return asyncio.run(self.deliveries.settle(self.row))

    def lease(self, store: StoreName = "zep", seconds: float = 45) -> Lease | None:
        return asyncio.run(self.deliveries.lease(self.row, store, owner=uuid4(), seconds=seconds))

    def held(self, store: StoreName = "zep", seconds: float = 45) -> Lease:
        lease = self.lease(store, seconds)
        assert lease is not None
        return lease

    def release(
        self,
        lease: Lease,
        *,
        unclear: float | None = None,
        failures: int = 0,
        again: float | None = None,
        rest: float | None = None,
    ) -> bool:
        return asyncio.run(
            self.deliveries.release(
                lease,
                unclear_seconds=unclear,
                failures=failures,
                again_seconds=again if rest is None else rest,
                is_rest=rest is not None,
            )
        )

    def due(self, store: StoreName = "zep") -> Due:
        return asyncio.run(self.deliveries.due(self.row, store))

    def sent(self, lease: Lease, turn: Turn, *ids: ProviderId, check: str | None = "job") -> None:
        roles: Any = ["user", "assistant"] if lease.store == "zep" else ["user"]
        asyncio.run(
            self.deliveries.sent(lease, turn.turn_id, roles, check_id=check, provider_ids=ids)
        )

    def finished(self, lease: Lease, turn: Turn, *ids: ProviderId, state: Any = "ingested") -> None:
        roles: Any = ["user", "assistant"] if lease.store == "zep" else ["user"]
        asyncio.run(
            self.deliveries.finished(lease, turn.turn_id, roles, state=state, provider_ids=ids)
        )

    def delivered(self, turn: Turn) -> None:
        stores: tuple[StoreName, ...] = ("zep", "mem0")
        for store in stores:
            lease = self.held(store)
            self.sent(lease, turn)
            self.finished(lease, turn)
            self.release(lease)

    def delete(self) -> None:
        asyncio.run(Sessions(self.turns._database).delete(self.person.principal, "talk"))

    def age(self, table: str, change: str, **values: Any) -> None:
        column = "id" if table == "sessions" else "session_row"
        self.person.run(
            f"update {table} set {change} where {column} = :row",  # noqa: S608
            row=self.row,
            **values,
        )

    def lease_out(self, turn: Turn, minutes: int = 0) -> None:
        self.person.run(
            "update turns set lease_until = now() - interval '1 s',"
            " said_at = said_at - make_interval(mins => :minutes) where id = :turn",
            turn=turn.turn_id,
            minutes=minutes,
        )

    def is_late(self) -> bool:
        found = asyncio.run(
            self.sweeping.sessions_with_work(
                patience_seconds=PATIENCE_SECONDS, abandoned_seconds=ABANDONED_SECONDS
            )
        )
        return self.row in found

    def states(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.person.owed()]
