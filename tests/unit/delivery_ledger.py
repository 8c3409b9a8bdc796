"""One session's deliveries and leases, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from tandem.db.deliveries import (
    Deliveries,
    Due,
    Lease,
    LeaseLost,
    ProviderId,
    Role,
    StoreName,
    Words,
)
from tandem.ids import AccountId, SessionRowId, TurnId, ZepUuid
from tests.unit.delivery_wires import Time

SAID_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SESSION = SessionRowId(uuid4())
ACCOUNT = AccountId(uuid4())


@dataclass
class Row:
    """One delivery."""

    store: StoreName
    words: Words
    state: str = "owed"
    provider_ids: list[str] = field(default_factory=list)


@dataclass
class Held:
    """A row of `delivery_leases`."""

    owner: UUID | None = None
    until: float = float("-inf")
    not_before: float = float("-inf")
    unclear_since: float | None = None
    failures: int = 0
    wake_at: float = float("-inf")

    @property
    def unclear(self) -> bool:
        return self.unclear_since is not None


class LedgerInMemory(Deliveries):
    """One session's deliveries and leases, by the rules of the real ones."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.rows: list[Row] = []
        self.leases: dict[StoreName, Held] = {"zep": Held(), "mem0": Held()}
        self.user: ZepUuid | None = None
        self.thread: ZepUuid | None = None
        self.deletion: Literal["owed", "done"] | None = None
        self.before_mark: Callable[[], None] = lambda: None
        self.prolonged = 0
        self.forgotten: set[TurnId] = set()

    def owe(self, message: str, reply: str | None = None) -> TurnId:
        """The next turn's words, owed to both stores; the reply to Zep alone."""
        seq = 1 + len({row.words.turn_id for row in self.rows})
        turn = TurnId(UUID(int=seq))
        said = SAID_AT + timedelta(minutes=seq)
        told: list[tuple[StoreName, Role, str]] = [("zep", "user", message)]
        told += [("zep", "assistant", reply)] if reply is not None else []
        for store, role, text in [*told, ("mem0", "user", message)]:
            at = said if role == "user" else said + timedelta(seconds=2)
            words = Words(turn, role, "owed", seq, text, at, None, 0, None)
            self.rows.append(Row(store, words))
        return turn

    def owe_reply(self, reply: str) -> None:
        """The reply to the last turn, which has been resumed, owed to Zep."""
        asked = [row.words for row in self.rows if row.store == "zep"][-1]
        words = replace(asked, role="assistant", state="owed", text=reply)
        self.rows.append(Row("zep", words))

    def delete(self) -> None:
        """The session is deleted: what it owes is cancelled."""
        self.deletion = "owed"
        for row in self.rows:
            row.state = "cancelled" if row.state in {"owed", "sent"} else row.state

    def states(self, store: StoreName) -> list[str]:
        return [row.state for row in self.rows if row.store == store]

    async def settle(self, session_row: SessionRowId) -> bool:
        return session_row == SESSION

    async def lease(
        self, session_row: SessionRowId, store: StoreName, *, owner: UUID, seconds: float
    ) -> Lease | None:
        held = self.leases[store]
        if max(held.until, held.not_before) > self.time.now:
            return None
        if held.owner is not None:
            held.unclear_since = held.until
        held.owner, held.until = owner, self.time.now + seconds
        since = held.unclear_since
        unclear_seconds = None if since is None else self.time.now - since
        return Lease(session_row, store, owner, seconds, unclear_seconds, held.failures)

    async def nobody_comes(
        self, session_row: SessionRowId, store: StoreName, *, within_seconds: float
    ) -> bool:
        assert session_row == SESSION
        if self.leases[store].not_before > self.time.now:
            return False
        return self._order(store, within_seconds)

    def _order(self, store: StoreName, seconds: float) -> bool:
        """Orders a wake-up, unless one comes by then; whether it has to be sent."""
        coming = min(
            (h.wake_at for h in self.leases.values() if h.wake_at > self.time.now),
            default=float("inf"),
        )
        self.leases[store].wake_at = min(coming, self.time.now + seconds)
        return coming > self.time.now + seconds

    async def prolong(self, lease: Lease) -> None:
        self._mark(lease)
        self.prolonged += 1

    async def release(
        self,
        lease: Lease,
        *,
        unclear_seconds: float | None,
        failures: int,
        again_seconds: float | None,
        is_rest: bool,
    ) -> bool:
        held = self.leases[lease.store]
        if held.owner == lease.owner:
            self.leases[lease.store] = held = Held(wake_at=held.wake_at, failures=failures)
            if unclear_seconds is not None:
                held.unclear_since = self.time.now - unclear_seconds
            if is_rest:
                held.not_before = held.wake_at = self.time.now + (again_seconds or 0.0)
                return True
        return again_seconds is not None and self._order(lease.store, again_seconds)

    async def due(self, session_row: SessionRowId, store: StoreName) -> Due:
        return Due(
            session_row=session_row,
            account_id=ACCOUNT,
            first_name="Asha",
            last_name=None,
            zep_user_uuid=self.user,
            zep_graph_uuid=self.user,
            zep_thread_uuid=self.thread,
            deletion_owed=self.deletion == "owed",
            words=[
                row.words
                for row in self.rows
                if row.store == store and row.state in {"owed", "sent"}
            ],
        )

    async def sent(
        self,
        lease: Lease,
        turn_id: TurnId,
        roles: Sequence[Role],
        *,
        check_id: str | None,
        provider_ids: Sequence[ProviderId],
    ) -> bool:
        rows = self._rows(lease, turn_id, roles)
        for row in rows:
            row.state = "sent"
            row.words = replace(
                row.words,
                state="sent",
                check_id=check_id,
                ingestions=row.words.ingestions + 1,
                sent_at=datetime.now(UTC),
            )
            row.provider_ids += [p.id for p in provider_ids if p.role == row.words.role]
        return bool(rows)

    async def finished(
        self,
        lease: Lease,
        turn_id: TurnId,
        roles: Sequence[Role],
        *,
        state: Literal["ingested", "refused", "cancelled"],
        provider_ids: Sequence[ProviderId] = (),
    ) -> AccountId | None:
        for row in self._rows(lease, turn_id, roles):
            row.state = state
            row.provider_ids += [p.id for p in provider_ids if p.role == row.words.role]
        return ACCOUNT if state == "ingested" and turn_id in self.forgotten else None

    async def set_zep_user(
        self, account_id: AccountId, user_uuid: ZepUuid, graph_uuid: ZepUuid
    ) -> None:
        assert (account_id, graph_uuid) == (ACCOUNT, user_uuid)
        self.user = user_uuid

    async def set_thread(
        self, session_row: SessionRowId, thread_uuid: ZepUuid, *, instead_of: ZepUuid | None
    ) -> None:
        assert session_row == SESSION
        if self.thread not in {instead_of, thread_uuid}:
            raise LeaseLost
        self.thread = thread_uuid

    async def thread_deleted(self, session_row: SessionRowId) -> None:
        assert session_row == SESSION
        self.deletion = "done"

    def _mark(self, lease: Lease) -> None:
        self.before_mark()
        held = self.leases[lease.store]
        if held.owner != lease.owner:
            raise LeaseLost
        held.until = self.time.now + lease.seconds

    def _rows(self, lease: Lease, turn_id: TurnId, roles: Sequence[Role]) -> list[Row]:
        self._mark(lease)
        return [
            row
            for row in self.rows
            if (row.store, row.words.turn_id) == (lease.store, turn_id)
            and row.words.role in roles
            and row.state in {"owed", "sent"}
        ]
