"""Forgetting: what a person wants gone leaves both stores, and stays away.

What goes with an item: what says the same (linked, equal, or hidden in its favour as the same),
entities that no fact is about any more, and the episodes that nothing else rests on. A tombstone
remembers by a keyed hash and by turns what is forgotten, so that what a store derives later from
these turns goes as well; said again in another turn, it counts again.

The person's own words stay in the history, which reads them from the ledger, until their session
is deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import uuid4

from tandem import observability
from tandem.changes import forget_plan as plans
from tandem.changes.forget_reading import ForgetReader, Memories, Reading, Wish
from tandem.changes.graph_reading import Graph, GraphReader
from tandem.changes.model import Change, RunId
from tandem.changes.ports import Path
from tandem.clients.zep_edges import MAX_FILTER_IDS
from tandem.db.tombstones import Burial, Erased, Tombstones, TurnEvidence
from tandem.deadline import RESERVE_SECONDS, Deadline
from tandem.errors import Unavailable
from tandem.ids import AccountId, ZepUuid
from tandem.recall.gather import Person

__all__ = ["Forgetting", "Forgotten", "Wish"]

_PAUSES_SECONDS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.0)


class Journal(Protocol):
    """What is needed of the recorded changes."""

    async def all(self, account_id: AccountId, run_id: RunId) -> list[Change]: ...


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is gone. `known` is False when there was nothing to forget."""

    memories: int = 0
    facts: int = 0
    episodes: int = 0
    known: bool = True


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Forgets for the routes, the chat and the job alike.

    Args:
        keys: of the hashes of what is forgotten, first the one for new hashes. What was hashed
            with none of them is not unforgotten, but what comes back in the same words is then
            told by its turns alone.
        stage: the part of a person's name at the stores that tells deployments apart.
        call_seconds: one call's limit.
    """

    tombstones: Tombstones
    journal: Journal
    path: Path
    mem0: Memories
    zep: Graph
    keys: Callable[[], Sequence[bytes]]
    stage: str
    call_seconds: float
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def _reader(self) -> ForgetReader:
        return ForgetReader(self.tombstones, self.mem0, self.zep, self.stage, self.call_seconds)

    async def forget(self, person: Person, wish: Wish, deadline: Deadline) -> Forgotten:
        """Deletes what is wished gone, with all that goes with it.

        Repeating it goes on where it stopped, and gives the same answer once it is done.

        Raises:
            Unavailable: `unfinished`, the time is over with changes left; the job makes them, or
                the same wish does.
            UpstreamError: a store doesn't answer. What is recorded is carried out later.
        """
        run_id = wish.run_id(person.account_id)
        erased = await self.tombstones.erase(person.account_id, run_id)
        changes: Sequence[Change] | None = None
        if not erased.known:
            reading = await self._reader.wished(person, wish, deadline)
            if not reading.doomed:
                return Forgotten(known=False)
            changes = await self._bury(person, run_id, wish, reading, deadline)
        elif not erased.left:
            return _forgotten(erased)
        return await self._carry_out(person, run_id, deadline, changes)

    async def clean(self, person: Person, deadline: Deadline) -> Forgotten:
        """Deletes what has come back though it was forgotten, and finishes what was begun.

        Without tombstones it costs one round trip and no call.

        Raises:
            Unavailable, UpstreamError: as `forget`.
        """
        tombstones, unfinished = await self.tombstones.to_clean(person.account_id)
        for run_id in unfinished:
            await self._carry_out(person, run_id, deadline)
        if not tombstones:
            return Forgotten(known=False)
        reading = await self._reader.come_back(person, tombstones, self.keys(), deadline)
        run_id = RunId(uuid4())
        changes = await self._planned(person, run_id, reading, deadline)
        if not changes:
            return Forgotten(known=False)
        observability.info("forgotten_came_back", changes=len(changes))
        burial = Burial(run_id, "schedule", None, changes, ())
        await self.tombstones.bury(person.account_id, burial)
        return await self._carry_out(person, run_id, deadline)

    async def _carry_out(
        self,
        person: Person,
        run_id: RunId,
        deadline: Deadline,
        changes: Sequence[Change] | None = None,
    ) -> Forgotten:
        """Makes what is left of changes: of those just recorded, else of all in the journal."""
        if changes is None:
            changes = await self.journal.all(person.account_id, run_id)
        left = [change for change in changes if change.state in {"planned", "sent"}]
        made = not any(change.state == "refused" for change in changes)
        if left:
            carried = await self.path.carry_out(
                person, run_id, left, owner=None, read_at=None, deadline=deadline, texts={}
            )
            made = made and not (carried.left or carried.refused)
        if made:
            await self._until_gone(person, run_id, changes, deadline)
        erased = await self.tombstones.erase(person.account_id, run_id)
        if erased.left:
            raise Unavailable(code="unfinished", run=str(run_id))
        return _forgotten(erased)

    async def _until_gone(
        self, person: Person, run_id: RunId, changes: Sequence[Change], deadline: Deadline
    ) -> None:
        """Zep deletes after it has answered. As long as a fact can be read, the journal has to know
        that it is to go, or whoever tidies would copy it into Mem0 as something that is lacking."""
        facts = [change.edge_uuid for change in changes if change.kind == "delete_fact"]
        wanted = [uuid for uuid in facts if uuid is not None][:MAX_FILTER_IDS]
        graph = person.zep_graph_uuid
        if graph is None or not wanted:
            return
        for seconds in (*_PAUSES_SECONDS, None):
            page = await self.zep.list_edges(
                graph, edge_uuids=wanted, timeout_seconds=deadline.step(self.call_seconds)
            )
            if not page.items:
                return
            if seconds is None or deadline.left() - RESERVE_SECONDS < seconds:
                raise Unavailable(code="unfinished", run=str(run_id))
            await self.pause(seconds)

    async def _bury(
        self, person: Person, run_id: RunId, wish: Wish, reading: Reading, deadline: Deadline
    ) -> Sequence[Change] | None:
        """The changes that are recorded; None when the same wish has recorded its own meanwhile."""
        changes = await self._planned(person, run_id, reading, deadline)
        tombstones = plans.buried(
            run_id,
            reading.doomed,
            reading.turns,
            reading.edges,
            episodes=[one.episode_uuid for one in changes if one.episode_uuid is not None],
            key=self.keys()[0],
        )
        burial = Burial(run_id, wish.started_by, wish.turn_id, changes, tombstones)
        return changes if await self.tombstones.bury(person.account_id, burial) else None

    async def _planned(
        self, person: Person, run_id: RunId, reading: Reading, deadline: Deadline
    ) -> list[Change]:
        graph = GraphReader(self.zep, person, self.call_seconds, deadline)
        said: set[ZepUuid] = set()
        for turn in reading.turns:
            # What Zep is about to learn from is left to the cleaning that follows on it.
            if not turn.under_way:
                said |= await graph.episodes_of(turn, apart_from=reading.memory_ids)
        episodes = plans.lonely_episodes(reading.doomed, reading.edges, said)
        bare = plans.bare_nodes(reading.doomed, reading.edges)
        nodes, summaries = [], []
        for uuid in plans.touched_nodes(reading.doomed):
            node = await graph.node(uuid)
            if node is None:
                continue
            if uuid in bare and plans.may_go(node, reading.doomed, episodes):
                nodes.append(uuid)
            elif plans.tells_of(node, reading.doomed):
                summaries.append(uuid)
        await self._put_back(person, reading.turns, episodes, graph)
        return plans.planned(
            run_id, reading.doomed, episodes=episodes, nodes=nodes, summaries=summaries
        )

    async def _put_back(
        self,
        person: Person,
        turns: Sequence[TurnEvidence],
        episodes: Collection[ZepUuid],
        graph: GraphReader,
    ) -> None:
        """Words of which Zep has the only copy return to the ledger before they go there."""
        going = {str(uuid) for uuid in episodes}
        for turn in turns:
            if (
                turn.message is None
                and not turn.deleted
                and not going.isdisjoint(turn.message_parts)
            ):
                words = await graph.words_of(turn.message_parts)
                if words is not None:
                    await self.tombstones.put_back(person.account_id, turn.turn_id, words)


def _forgotten(erased: Erased) -> Forgotten:
    counts = erased.counts
    return Forgotten(
        counts.get("memories", 0), counts.get("facts", 0), counts.get("episodes", 0), known=True
    )
