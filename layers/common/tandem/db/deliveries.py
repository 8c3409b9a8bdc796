"""What is owed to the stores, under leases: the delivery job's view of the ledger."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tandem.db import delivery_statements as statements
from tandem.db.connection import Database, Row
from tandem.ids import AccountId, SessionRowId, TurnId, ZepUuid

StoreName = Literal["zep", "mem0"]
Role = Literal["user", "assistant"]
TurnKind = Literal["turn", "statement"]
_BATCH_TURNS = 50
_LONG_AGO = 7 * 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver one session's words to one store.

    Attributes:
        unclear_seconds: how long ago, at least, a call was made whose outcome is unknown, so that
            one has to look before sending again; None when all is known.
        failures: how often in a row the store has failed for this session.
    """

    session_row: SessionRowId
    store: StoreName
    owner: UUID
    seconds: float
    unclear_seconds: float | None
    failures: int


@dataclass(frozen=True, slots=True)
class Words:
    """What one role said in one turn, and how far it has come on its way to one store.

    Attributes:
        kind: a `statement` was given to be remembered as it stands; a `turn` is talk.
    """

    turn_id: TurnId
    role: Role
    state: Literal["owed", "sent"]
    seq: int
    text: str
    at: datetime
    check_id: str | None
    ingestions: int
    sent_at: datetime | None
    kind: TurnKind = "turn"


@dataclass(frozen=True, slots=True)
class Due:
    """What a session owes a store now, in order, and what the store calls its people and threads.

    Attributes:
        deletion_owed: the session is deleted and its thread still has to go.
    """

    session_row: SessionRowId
    account_id: AccountId
    first_name: str | None
    last_name: str | None
    zep_user_uuid: ZepUuid | None
    zep_graph_uuid: ZepUuid | None
    zep_thread_uuid: ZepUuid | None
    deletion_owed: bool
    words: Sequence[Words]


@dataclass(frozen=True, slots=True)
class ProviderId:
    """A store's own identifier that rests on what a role said."""

    id: str
    role: Role


class LeaseLost(Exception):
    """Somebody else owns the lease by now; whatever was sent, they will find it."""


class Deliveries:
    """Reads and writes deliveries and their leases.

    Args:
        abandoned_seconds: how long ago a turn's message was said that nobody will answer any more.
    """

    def __init__(self, database: Database, *, abandoned_seconds: float = 600.0) -> None:
        self._database = database
        self._abandoned_seconds = abandoned_seconds

    async def settle(self, session_row: SessionRowId) -> bool:
        """False when there is no such session. Abandons turns that nobody will answer and owes
        their message; cancels what a deleted session owes."""
        row = await self._database.row(
            statements.SETTLE,
            repeatable=True,
            session_row=session_row,
            abandoned_seconds=self._abandoned_seconds,
        )
        return bool(row["known"])

    async def lease(
        self, session_row: SessionRowId, store: StoreName, *, owner: UUID, seconds: float
    ) -> Lease | None:
        """The lease, or None while somebody holds it or the store is given a rest."""
        rows = await self._database.rows(
            statements.LEASE,
            repeatable=True,
            session_row=session_row,
            store=store,
            owner=owner,
            seconds=seconds,
        )
        if not rows:
            return None
        unclear_seconds = None
        if rows[0]["unclear"]:
            since = rows[0]["unclear_seconds"]
            unclear_seconds = math.inf if since is None else since
        return Lease(session_row, store, owner, seconds, unclear_seconds, rows[0]["failures"])

    async def nobody_comes(
        self, session_row: SessionRowId, store: StoreName, *, within_seconds: float
    ) -> bool:
        """Whether a wake-up has to be sent for a store whose lease somebody else has: it isn't
        given a rest, and no other wake-up is on its way that comes by then."""
        rows = await self._database.rows(
            statements.TAKEN,
            repeatable=True,
            session_row=session_row,
            store=store,
            again_seconds=within_seconds,
        )
        return bool(rows and rows[0]["nobody_comes"])

    async def prolong(self, lease: Lease) -> None:
        """The lease lasts its whole time again, from now.

        Raises:
            LeaseLost: it is somebody else's by now.
        """
        row = await self._database.row(
            statements.PROLONG,
            repeatable=True,
            session_row=lease.session_row,
            store=lease.store,
            owner=lease.owner,
            seconds=lease.seconds,
        )
        if not row["held"]:
            raise LeaseLost

    async def release(
        self,
        lease: Lease,
        *,
        unclear_seconds: float | None,
        failures: int,
        again_seconds: float | None,
        is_rest: bool,
    ) -> bool:
        """Gives the lease back.

        Args:
            lease: ours; nothing happens when it no longer is.
            unclear_seconds: how long ago a call was made whose outcome is unknown; None when all
                is known.
            failures: how often in a row the store has failed by now.
            again_seconds: after how long somebody has to come again; None when nobody has to.
            is_rest: until then nobody may come.

        Returns:
            Whether a wake-up has to be sent for that: none is on its way that comes in time.
        """
        rows = await self._database.rows(
            statements.RELEASE,
            repeatable=True,
            session_row=lease.session_row,
            store=lease.store,
            owner=lease.owner,
            unclear_seconds=None if unclear_seconds is None else min(unclear_seconds, _LONG_AGO),
            failures=failures,
            again_seconds=again_seconds,
            rest_seconds=(again_seconds or 0.0) if is_rest else 0.0,
        )
        return again_seconds is not None and (not rows or bool(rows[0]["nobody_comes"]))

    async def due(self, session_row: SessionRowId, store: StoreName) -> Due:
        """What is owed and what was sent and not yet ingested, up to the lowest open turn; the
        oldest turns of each kind, so that ingestion that is slow doesn't keep words from being
        sent."""
        row = await self._database.row(
            statements.DUE,
            repeatable=True,
            session_row=session_row,
            store=store,
            turns=_BATCH_TURNS,
        )
        return Due(
            session_row=session_row,
            account_id=AccountId(row["account_id"]),
            first_name=row["first_name"],
            last_name=row["last_name"],
            zep_user_uuid=row["zep_user_uuid"],
            zep_graph_uuid=row["zep_graph_uuid"],
            zep_thread_uuid=row["zep_thread_uuid"],
            deletion_owed=row["thread_deletion"] == "owed",
            words=[_words(words) for words in row["rows"] if words["text"] is not None],
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
        """Records that the store has these words, and what it calls them.

        Returns:
            False when they are owed no more: their session has been deleted meanwhile.

        Raises:
            LeaseLost: the lease is somebody else's by now; nothing was recorded.
        """
        row = await self._change(
            statements.SENT, lease, turn_id, roles, provider_ids, check_id=check_id
        )
        return bool(row["changed"])

    async def finished(
        self,
        lease: Lease,
        turn_id: TurnId,
        roles: Sequence[Role],
        *,
        state: Literal["ingested", "refused", "cancelled"],
        provider_ids: Sequence[ProviderId] = (),
    ) -> AccountId | None:
        """Records that these words need nothing more. Raises as `sent` does.

        Returns:
            Whose memory has to be cleaned now, because something of this turn was forgotten and
            the store may just have learned it again; None when nothing was.
        """
        row = await self._change(
            statements.FINISHED, lease, turn_id, roles, provider_ids, state=state
        )
        return AccountId(row["forgotten"]) if row["forgotten"] else None

    async def set_zep_user(
        self, account_id: AccountId, user_uuid: ZepUuid, graph_uuid: ZepUuid
    ) -> None:
        """Remembers what Zep calls this person and their graph."""
        await self._database.rows(
            statements.SET_ZEP_USER,
            repeatable=True,
            account_id=account_id,
            user_uuid=user_uuid,
            graph_uuid=graph_uuid,
        )

    async def set_thread(
        self, session_row: SessionRowId, thread_uuid: ZepUuid, *, instead_of: ZepUuid | None
    ) -> None:
        """Remembers what Zep calls this session, in the place of what it was called before.

        Raises:
            LeaseLost: it is called otherwise by now, so that somebody else has been at work.
        """
        rows = await self._database.rows(
            statements.SET_THREAD,
            repeatable=True,
            session_row=session_row,
            thread_uuid=thread_uuid,
            instead_of=instead_of,
        )
        if not rows:
            raise LeaseLost

    async def thread_deleted(self, session_row: SessionRowId) -> None:
        """Records that the deleted session's thread is gone."""
        await self._database.rows(
            statements.THREAD_DELETED, repeatable=True, session_row=session_row
        )

    async def _change(
        self,
        statement: str,
        lease: Lease,
        turn_id: TurnId,
        roles: Sequence[Role],
        provider_ids: Sequence[ProviderId],
        **values: Any,
    ) -> Row:
        row = await self._database.row(
            statement,
            repeatable=True,
            session_row=lease.session_row,
            store=lease.store,
            owner=lease.owner,
            seconds=lease.seconds,
            turn_id=turn_id,
            roles=list(roles),
            provider_ids=json.dumps([{"id": p.id, "role": p.role} for p in provider_ids]),
            **values,
        )
        if not row["held"]:
            raise LeaseLost
        return row


def _words(row: dict[str, Any]) -> Words:
    return Words(
        turn_id=TurnId(UUID(row["turn_id"])),
        role=row["role"],
        state=row["state"],
        seq=row["seq"],
        text=row["text"],
        at=datetime.fromisoformat(row["at"]),
        check_id=row["check_id"],
        ingestions=row["ingestions"],
        sent_at=datetime.fromisoformat(row["sent_at"]) if row["sent_at"] else None,
        kind=row["kind"],
    )
