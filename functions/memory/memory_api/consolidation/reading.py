"""The whole picture of one person's memory, read from both stores and from the ledger."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from memory_api.consolidation.picture import (
    Stored,
    build,
    fingerprint_of,
    provider_ids,
    turns_named,
)
from memory_api.consolidation.statement import ConflictKey, Decision, Picture
from tandem.clients.models import Mem0Memory, Page, ZepEdge, ZepNode
from tandem.db.conflicts import ConflictPair, ConflictState
from tandem.db.decisions import Decision as DecisionRow
from tandem.db.evidence import Evidence, Standing
from tandem.db.hidden import HiddenMemory
from tandem.db.people import Subject
from tandem.deadline import Deadline
from tandem.delivery.stores import name_at_stores
from tandem.ids import AccountId, TurnId, ZepUuid

MOST_MEMORIES: Final = 5_000
MOST_FACTS: Final = 5_000
_FACTS_A_CALL: Final = 100


class Graphs(Protocol):
    """What is needed of Zep."""

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = ...,
        cursor: str | None = ...,
        timeout_seconds: float,
    ) -> Page[ZepEdge]: ...

    async def user_node(self, user_uuid: ZepUuid, *, timeout_seconds: float) -> ZepNode | None: ...


class Memories(Protocol):
    """What is needed of Mem0."""

    async def list_all(
        self, *, user_id: str, max_items: int = ..., timeout_seconds: float
    ) -> list[Mem0Memory]: ...


class EvidenceLedger(Protocol):
    """What is linked and forgotten, and when things were said."""

    async def standing(self, account_id: AccountId) -> Standing: ...

    async def gather(
        self,
        account_id: AccountId,
        provider_ids: Collection[str],
        turn_ids: Collection[TurnId] = ...,
    ) -> Evidence: ...


class DecisionLedger(Protocol):
    """What was decided before."""

    async def known(self, account_id: AccountId) -> list[DecisionRow]: ...


class HiddenLedger(Protocol):
    """What was hidden before."""

    async def hidden(self, account_id: AccountId) -> list[HiddenMemory]: ...


class ConflictLedger(Protocol):
    """What was reported before."""

    async def known(self, account_id: AccountId) -> Mapping[ConflictPair, ConflictState]: ...


class SeenLedger(Protocol):
    """What a run saw when there was nothing left to do."""

    async def seen(self, account_id: AccountId) -> bytes | None: ...

    async def remember(self, account_id: AccountId, seen: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The tables that a picture is made of."""

    evidence: EvidenceLedger
    decisions: DecisionLedger
    hidden: HiddenLedger
    conflicts: ConflictLedger
    seen: SeenLedger


@dataclass(frozen=True, slots=True)
class Read:
    """A picture, as it was read.

    Attributes:
        texts: of the statements, by their ids.
        fingerprint: tells whether anything in it is different from another time.
        is_known: an earlier run saw exactly this and found nothing to do.
    """

    picture: Picture
    fingerprint: bytes
    is_known: bool = False

    @property
    def texts(self) -> dict[str, str]:
        """Of the statements, by their ids."""
        return {statement.id: statement.text for statement in self.picture.statements}


class PictureReader:
    """Reads one person's memory whole. Half a picture is none: what can't be read can't be acted
    on.

    Args:
        stage: the part of a person's name at the stores that tells deployments apart.
        call_seconds: one call's limit.
    """

    def __init__(
        self, zep: Graphs, mem0: Memories, ledgers: Ledgers, *, stage: str, call_seconds: float
    ) -> None:
        self._zep = zep
        self._mem0 = mem0
        self._ledgers = ledgers
        self._stage = stage
        self._call_seconds = call_seconds

    async def read(self, subject: Subject, deadline: Deadline) -> Read:
        """The picture of this person.

        Raises:
            UpstreamError: a store does not answer, or not in time.
            Unavailable: the database is away.
        """
        stored = await self._stored(subject, deadline)
        account_id = subject.account_id
        hidden = await self._ledgers.hidden.hidden(account_id)
        standing = await self._ledgers.evidence.standing(account_id)
        evidence = await self._ledgers.evidence.gather(
            account_id, provider_ids(stored, hidden), turns_named(stored)
        )
        conflicts = await self._ledgers.conflicts.known(account_id)
        decisions = await self._ledgers.decisions.known(account_id)
        picture = replace(
            build(stored, hidden, standing, evidence),
            decisions=[_decision(one) for one in decisions],
            conflicts=frozenset(
                ConflictKey(*pair) for pair, state in conflicts.items() if state != "gone"
            ),
        )
        fingerprint = fingerprint_of(picture)
        seen = await self._ledgers.seen.seen(account_id)
        return Read(picture, fingerprint, is_known=seen == fingerprint)

    async def remember(self, account_id: AccountId, read: Read) -> None:
        """There is nothing to do about this picture; the next run may know that."""
        await self._ledgers.seen.remember(account_id, read.fingerprint)

    async def _stored(self, subject: Subject, deadline: Deadline) -> Stored:
        try:
            async with asyncio.TaskGroup() as group:
                memories = group.create_task(self._memories(subject, deadline))
                edges = group.create_task(self._edges(subject, deadline))
                own_node = group.create_task(self._own_node(subject, deadline))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        found, has_more = memories.result()
        return Stored(found, edges.result(), own_node.result(), has_more)

    async def _memories(
        self, subject: Subject, deadline: Deadline
    ) -> tuple[Sequence[Mem0Memory], bool]:
        """As many as may be read, and whether there are more."""
        found = await self._mem0.list_all(
            user_id=name_at_stores(self._stage, subject.account_id),
            max_items=MOST_MEMORIES + 1,
            timeout_seconds=deadline.step(deadline.left()),
        )
        read = found[:MOST_MEMORIES]
        return [memory for memory in read if memory.text.strip()], len(found) > len(read)

    async def _edges(self, subject: Subject, deadline: Deadline) -> Sequence[ZepEdge]:
        if subject.zep_graph_uuid is None:
            return []
        found: dict[ZepUuid, ZepEdge] = {}
        cursor: str | None = None
        while len(found) < MOST_FACTS:
            page = await self._zep.list_edges(
                subject.zep_graph_uuid,
                page_size=_FACTS_A_CALL,
                cursor=cursor,
                timeout_seconds=deadline.step(self._call_seconds),
            )
            found.update((edge.uuid, edge) for edge in page.items if edge.fact.strip())
            cursor = page.next_cursor
            if cursor is None:
                break
        return list(found.values())

    async def _own_node(self, subject: Subject, deadline: Deadline) -> ZepUuid | None:
        if subject.zep_user_uuid is None:
            return None
        node = await self._zep.user_node(
            subject.zep_user_uuid, timeout_seconds=deadline.step(self._call_seconds)
        )
        return None if node is None else node.uuid


def _decision(one: DecisionRow) -> Decision:
    return Decision(
        one.left_id,
        one.right_id,
        one.left_hash,
        one.right_hash,
        one.relation,
        one.decided_by,
        one.decided_at,
    )
