"""What a person wants forgotten: remembered by keyed hashes and ids, so that it stays forgotten."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tandem.changes.model import Change, RunId, StartedBy
from tandem.db import tombstone_statements as statements
from tandem.db.change_rows import changes_json
from tandem.db.connection import Database, Row
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid


@dataclass(frozen=True, slots=True)
class NewTombstone:
    """One statement that is to stay forgotten.

    Attributes:
        statement_hash: keyed, of the normalised text.
        turn_ids: the turns it rests on: what is derived from these alone goes too.
        spared: what rests on them as well and was to stay: ids of Mem0's memories and Zep's facts.
    """

    id: UUID
    statement_hash: bytes
    turn_ids: tuple[TurnId, ...]
    spared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One of a person's tombstones, and since when (aware UTC)."""

    statement_hash: bytes
    turn_ids: frozenset[TurnId]
    spared: frozenset[str]
    forgotten_at: datetime


@dataclass(frozen=True, slots=True)
class Burial:
    """A run that forgets, before its first change."""

    run_id: RunId
    started_by: StartedBy
    turn_id: TurnId | None
    changes: Sequence[Change]
    tombstones: Sequence[NewTombstone]


class Linked(NamedTuple):
    """A memory and a fact that were found to say the same, and the hashes of their words then."""

    mem0_id: Mem0Id
    edge_uuid: ZepUuid
    memory_hash: bytes
    fact_hash: bytes


@dataclass(frozen=True, slots=True)
class Around:
    """What the ledger holds for the same as some memories and facts.

    Attributes:
        hidden: memories that were hidden because they said the same.
    """

    links: Sequence[Linked]
    hidden: frozenset[Mem0Id]


@dataclass(frozen=True, slots=True)
class TurnEvidence:
    """A turn, and all that is known to rest on what the person said in it.

    Attributes:
        message: None when the ledger has not its words any more.
        deleted: its session is.
        under_way: Zep has not ingested it yet.
        provider_ids: Zep's messages and episodes, Mem0's memories.
        message_parts: those of them that are its message in Zep's thread, in order.
    """

    turn_id: TurnId
    said_at: datetime
    message: str | None
    deleted: bool
    under_way: bool
    provider_ids: frozenset[str]
    message_parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Erased:
    """How a run that forgets stands. `counts` are memories, facts and episodes; `left` changes
    have still to be made, and until then nothing is erased. `known`: there is such a run."""

    known: bool
    left: int
    counts: Mapping[str, int]


class Tombstones:
    """Reads and writes tombstones. Every method is one round trip, may be repeated and raises
    `Unavailable` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def around(
        self,
        account_id: AccountId,
        *,
        mem0_ids: Collection[Mem0Id],
        edge_uuids: Collection[ZepUuid],
        hashes: Collection[bytes],
    ) -> Around:
        """What is linked to these, and what was hidden as the same in their favour.

        Args:
            hashes: `statement_hash` of their texts.
        """
        row = await self._database.row(
            statements.AROUND,
            repeatable=True,
            account_id=account_id,
            mem0_ids=list(mem0_ids),
            edge_uuids=[str(uuid) for uuid in edge_uuids],
            item_ids=[f"mem_{name}" for name in mem0_ids] + [f"fact_{uuid}" for uuid in edge_uuids],
            hashes=list(hashes),
        )
        links = [
            Linked(Mem0Id(memory), ZepUuid(UUID(edge)), bytes.fromhex(said), bytes.fromhex(fact))
            for memory, edge, said, fact in row["links"]
        ]
        return Around(links, frozenset(Mem0Id(name) for name in row["hidden"]))

    async def evidence(
        self,
        account_id: AccountId,
        *,
        provider_ids: Collection[str],
        turn_ids: Collection[TurnId] = (),
    ) -> list[TurnEvidence]:
        """The turns that these rest on, and these turns themselves."""
        rows = await self._database.rows(
            statements.EVIDENCE,
            repeatable=True,
            account_id=account_id,
            provider_ids=sorted(provider_ids),
            turn_ids=[str(turn) for turn in turn_ids],
        )
        return [
            TurnEvidence(
                turn_id=TurnId(row["turn_id"]),
                said_at=row["said_at"],
                message=row["message"],
                deleted=bool(row["deleted"]),
                under_way=bool(row["under_way"]),
                provider_ids=frozenset(row["provider_ids"] or ()),
                message_parts=tuple(row["message_parts"] or ()),
            )
            for row in rows
        ]

    async def bury(self, account_id: AccountId, burial: Burial) -> bool:
        """Records the run, its changes and the tombstones in one moment; changes of other runs
        that were planned for the same things are skipped.

        Returns:
            False when the run was there already; then it is as it was.
        """
        row = await self._database.row(
            statements.BURY,
            repeatable=True,
            account_id=account_id,
            run_id=burial.run_id,
            started_by=burial.started_by,
            turn_id=burial.turn_id,
            changes=changes_json(burial.changes),
            tombstones=json.dumps([_tombstone_json(one) for one in burial.tombstones]),
        )
        return bool(row["buried"])

    async def erase(self, account_id: AccountId, run_id: RunId) -> Erased:
        """Erases every row that names what this run has deleted, and ends the run; as long as
        changes are left, only says so. What was refused stays named, and the run has failed."""
        row = await self._database.row(
            statements.ERASE, repeatable=True, account_id=account_id, run_id=run_id
        )
        return Erased(bool(row["known"]), row["left"], row["counts"] or {})

    async def to_clean(self, account_id: AccountId) -> tuple[list[Tombstone], list[RunId]]:
        """A person's tombstones, oldest first, and their unfinished runs that forget."""
        row = await self._database.row(statements.TO_CLEAN, repeatable=True, account_id=account_id)
        runs = [RunId(UUID(run)) for run in row["unfinished"]]
        return [_tombstone(one) for one in row["tombstones"]], runs

    async def put_back(self, account_id: AccountId, turn_id: TurnId, message: str) -> None:
        """Gives the ledger the words of a turn back, unless its session is deleted."""
        await self._database.rows(
            statements.PUT_BACK,
            repeatable=True,
            account_id=account_id,
            turn_id=turn_id,
            message=message,
        )


def _tombstone_json(one: NewTombstone) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "statement_hash": one.statement_hash.hex(),
        "turn_ids": [str(turn) for turn in one.turn_ids],
        "spared": list(one.spared),
    }


def _tombstone(row: Row) -> Tombstone:
    return Tombstone(
        statement_hash=bytes.fromhex(row["statement_hash"]),
        turn_ids=frozenset(TurnId(UUID(turn)) for turn in row["turn_ids"]),
        spared=frozenset(row["spared"]),
        forgotten_at=datetime.fromisoformat(row["forgotten_at"]),
    )
