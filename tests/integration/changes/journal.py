"""A person with a journal in a real database, for the tests of changes of memory."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

from tandem.changes.model import Change, ChangeId, ChangeKind, Reason, RunId, RunKind
from tandem.db.changes import Begun, Changes, Confirmed, Outcome
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.runs import Runs, Started
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.recall.normalise import statement_hash
from tests.integration.memory.speakers import Speaker

LEASE_SECONDS = 30.0


def run[T](work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def new_run() -> RunId:
    return RunId(uuid4())


def mem0_id() -> Mem0Id:
    return Mem0Id(str(uuid4()))


def change(kind: ChangeKind, reason: Reason = "same", *, seq: int = 1, **rest: Any) -> Change:
    return Change(ChangeId(uuid4()), seq, kind, reason, **rest)


def hiding(
    memory: Mem0Id, kept: str | None = None, *, reason: Reason = "same", **rest: Any
) -> Change:
    """A memory goes out of sight in favour of another item."""
    given = {"text_hash": statement_hash("hidden"), **rest}
    return change("hide", reason, mem0_id=memory, kept_id=kept, **given)


@dataclass
class Tidier:
    """Who works on a person's memory, with a connection of their own."""

    container: Database
    person: Speaker
    owner: UUID = field(default_factory=uuid4)

    @classmethod
    def of_somebody(cls, container: Database, connection: OneRoundTrip) -> Self:
        return cls(container, Speaker.sign_up(connection))

    def beside(self, container: Database) -> "Tidier":
        """Somebody else at work for the same person."""
        return Tidier(container, self.person)

    @property
    def account_id(self) -> AccountId:
        return self.person.account_id

    @property
    def runs(self) -> Runs:
        return Runs(self.container)

    @property
    def changes(self) -> Changes:
        return Changes(self.container, lease_seconds=LEASE_SECONDS)

    async def starting(self, kind: RunKind = "consolidate", **rest: Any) -> Started | None:
        given = {"run_id": new_run(), "started_by": "request", "lease_seconds": LEASE_SECONDS}
        return await self.runs.start(
            self.account_id, kind=kind, owner=self.owner, **{**given, **rest}
        )

    def start(self, kind: RunKind = "consolidate", **rest: Any) -> Started:
        started = run(self.starting(kind, **rest))
        assert started is not None
        return started

    def start_unleased(self, kind: RunKind = "forget", **rest: Any) -> Started:
        given = {"run_id": new_run(), "started_by": "request", **rest}
        return run(self.runs.start_unleased(self.account_id, kind=kind, **given))

    def record(self, run_id: RunId, *changes: Change) -> list[Change]:
        """Plans these, one after the other; as they are numbered now."""
        numbered = [replace(each, seq=seq) for seq, each in enumerate(changes, 1)]
        assert run(self.changes.record(self.account_id, run_id, numbered))
        return numbered

    async def beginning(
        self, run_id: RunId, planned: Change, *, read_at: datetime | None = None, **rest: Any
    ) -> Begun:
        given = {"owner": self.owner, **rest}
        return await self.changes.begin(
            self.account_id, run_id, planned.id, read_at=read_at, **given
        )

    def begin(self, run_id: RunId, planned: Change, **rest: Any) -> Begun:
        return run(self.beginning(run_id, planned, **rest))

    def confirm(self, planned: Change, **outcome: Any) -> Confirmed:
        return run(self.changes.confirm(self.account_id, planned, Outcome(**outcome)))

    def carry_out(self, run_id: RunId, planned: Change, **outcome: Any) -> Change:
        """Begins and confirms it, as if a store had done it in between."""
        assert self.begin(run_id, planned).answer == "go"
        assert self.confirm(planned, **outcome).done
        return planned

    def apply(self, *planned: Change, **rest: Any) -> RunId:
        """A whole run that does these things."""
        run_id = self.start().run_id
        for each in self.record(run_id, *planned):
            self.carry_out(run_id, each, **rest)
        self.finish(run_id)
        return run_id

    def finish(self, run_id: RunId, *, owner: UUID | None = None, **rest: Any) -> None:
        given: dict[str, Any] = {"state": "done", "counts": {}, "read_at": None, **rest}
        run(self.runs.finish(self.account_id, run_id, owner=owner or self.owner, **given))

    def states(self, run_id: RunId) -> list[tuple[int, str]]:
        """Place and state of a run's changes."""
        rows = self.person.run(
            "select seq, state from changes where run_id = :id order by seq", id=run_id
        )
        return [(seq, state) for seq, state in rows]

    def turn(self, message: str = "said", **rest: Any) -> TurnId:
        """A turn that this person has said, an hour ago unless told otherwise."""
        row = self.person.session(f"s-{uuid4().hex}")
        return TurnId(self.person.turn(row, 1, message, **rest))

    def sources(self, provider_id: str) -> set[UUID]:
        rows = self.person.run(
            "select turn_id from sources where provider_id = :id", id=provider_id
        )
        return {turn for [turn] in rows}


def fact_uuid() -> ZepUuid:
    return ZepUuid(uuid4())
