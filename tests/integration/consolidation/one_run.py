"""One attempt at somebody's memory, in a process of its own that can be killed at any moment.

Wired as the function wires it. It may be held where a phase begins, or between the mark in the
journal and the write that follows.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any, Literal
from uuid import UUID, uuid4

from memory_api.consolidation.run import RunResult
from memory_api.consolidation.undo import Undoing
from memory_api.consolidation.wiring import build_consolidation
from tandem import settings as s
from tandem.changes.model import Phase, RunId
from tandem.changes.ready import Parts
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.changes import Changes
from tandem.db.connection import Database
from tandem.db.people import People
from tandem.db.runs import LEASE_SECONDS, Runs
from tandem.deadline import Deadline
from tandem.principal import Principal
from tandem.secrets import Secrets, secrets_from_environment

_PATIENCE_SECONDS = 60.0
_SECONDS = 60.0

Where = Phase | Literal["start", "write"]


@dataclass(frozen=True)
class Attempt:
    """What is attempted, for whom, and with which addresses.

    Attributes:
        undoes: the run to take back; None to consolidate.
    """

    environment: Mapping[str, str]
    principal: Principal
    undoes: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Gate:
    """Holds an attempt the first time that it comes there."""

    where: Where
    reached: Event
    opened: Event

    async def pass_by(self, where: Where) -> None:
        """Returns at once anywhere else, and once it was opened."""
        if where != self.where or self.reached.is_set():
            return
        self.reached.set()
        await asyncio.to_thread(self.opened.wait, _PATIENCE_SECONDS)


class _Late(Mem0Client):
    """Mem0, to which changes get late."""

    def __init__(self, http: ProviderHttp, *, api_key: Callable[[], str], gate: Gate) -> None:
        super().__init__(http, api_key=api_key)
        self._gate = gate

    async def update(self, *call: Any, **rest: Any) -> Any:
        await self._gate.pass_by("write")
        return await super().update(*call, **rest)


def make(attempt: Attempt, gate: Gate | None, told: Connection) -> None:
    """Makes the attempt and tells what it has come to. Runs as the target of a process."""
    os.environ.update(attempt.environment)
    if gate is not None:
        asyncio.run(gate.pass_by("start"))
    told.send(_shown(asyncio.run(_made(attempt, gate))))


async def _made(attempt: Attempt, gate: Gate | None) -> RunResult:
    parts = _parts()
    if gate is not None:
        http = ProviderHttp("mem0", build_http_client(base_url=s.load(s.Mem0Settings).mem0_api_url))
        parts = replace(parts, mem0=_Late(http, api_key=lambda: "test-key", gate=gate))
    deadline = Deadline(_SECONDS)
    try:
        if attempt.undoes is not None:
            return await _undo(parts, attempt.principal, RunId(UUID(attempt.undoes)), deadline)
        on_phase = {} if gate is None else {"on_phase": gate.pass_by}
        return await build_consolidation(parts, **on_phase).run(
            attempt.principal.account_id,
            started_by="request",
            owner=uuid4(),
            deadline=deadline,
            dry_run=attempt.dry_run,
        )
    finally:
        parts.database.close()


async def _undo(parts: Parts, principal: Principal, run_id: RunId, deadline: Deadline) -> RunResult:
    database = parts.database
    runs = Runs(database)
    undoing = Undoing(runs, Changes(database), parts.path(), LEASE_SECONDS)
    subject = await People(database).admitted(principal)
    return await undoing.undo(subject, await runs.read(principal, run_id), deadline=deadline)


def _parts() -> Parts:
    secrets: Secrets = secrets_from_environment()
    return Parts(
        Database(lambda: secrets.value("DATABASE_URL"), s.load(s.DatabaseSettings)),
        zep_client(s.load(s.ZepSettings), secrets),
        mem0_client(s.load(s.Mem0Settings), secrets),
        secrets,
        s.load(s.StageSettings).stage,
    )


def _shown(result: RunResult) -> dict[str, Any]:
    return {
        "run_id": None if result.run_id is None else str(result.run_id),
        "status": result.status,
        "held": result.held,
        "changes": [(one.kind, one.reason, one.state) for one in result.changes],
        "counts": dict(result.counts),
        "undecided": result.undecided,
    }
