"""Reading what somebody's graph holds, for changes that have to know all of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tandem.clients.models import Page, ZepEdge, ZepEpisode, ZepNode
from tandem.db.tombstones import TurnEvidence
from tandem.deadline import Deadline
from tandem.ids import ZepUuid
from tandem.recall.gather import Person
from tandem.together import all_of


class Graph(Protocol):
    """What is needed of Zep."""

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = ...,
        cursor: str | None = ...,
        edge_uuids: Sequence[ZepUuid] | None = ...,
        timeout_seconds: float,
    ) -> Page[ZepEdge]: ...
    async def get_episode(
        self, graph_uuid: ZepUuid, episode_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEpisode | None: ...
    async def get_node(
        self, graph_uuid: ZepUuid, node_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepNode | None: ...


@dataclass(frozen=True, slots=True)
class GraphReader:
    """Reads one person's graph. Who has none yet has an empty one.

    Every method raises `UpstreamError` when Zep doesn't answer within the call's limit or what is
    left until the deadline.
    """

    zep: Graph
    person: Person
    call_seconds: float
    deadline: Deadline

    async def edges(self) -> list[ZepEdge]:
        """All facts, superseded ones among them: who has to know what rests on an episode can't
        do with a part of them."""
        graph = self.person.zep_graph_uuid
        if graph is None:
            return []
        edges: dict[ZepUuid, ZepEdge] = {}
        cursor: str | None = None
        while True:
            page = await self.zep.list_edges(
                graph, page_size=100, cursor=cursor, timeout_seconds=self._seconds()
            )
            edges |= {edge.uuid: edge for edge in page.items}
            cursor = page.next_cursor
            if cursor is None:
                return list(edges.values())

    async def node(self, uuid: ZepUuid) -> ZepNode | None:
        """An entity, None when it is gone."""
        graph = self.person.zep_graph_uuid
        if graph is None:
            return None
        return await self.zep.get_node(graph, uuid, timeout_seconds=self._seconds())

    async def episodes_of(self, turn: TurnEvidence, *, apart_from: Collection[str]) -> set[ZepUuid]:
        """The episodes that a turn's words are in the graph.

        Its message's parts are known as such. The ledger doesn't tell a further episode from a
        memory of Mem0's, so Zep is asked.

        Args:
            apart_from: ids that are known to be Mem0's.
        """
        if self.person.zep_graph_uuid is None:
            return set()
        parts = {ZepUuid(UUID(part)) for part in turn.message_parts}
        names = turn.provider_ids - set(turn.message_parts) - set(apart_from)
        others = [ZepUuid(UUID(name)) for name in sorted(names) if _is_uuid(name)]
        found = await all_of(self._episode(uuid) for uuid in others)
        return parts | {episode.uuid for episode in found if episode is not None}

    async def words_of(self, parts: Sequence[str]) -> str | None:
        """What these parts of a message say together, None when one is gone."""
        found = await all_of(self._episode(ZepUuid(UUID(part))) for part in parts)
        texts = [episode.content for episode in found if episode is not None]
        return "".join(texts) if texts and len(texts) == len(parts) else None

    async def _episode(self, uuid: ZepUuid) -> ZepEpisode | None:
        graph = self.person.zep_graph_uuid
        if graph is None:
            return None
        return await self.zep.get_episode(graph, uuid, timeout_seconds=self._seconds())

    def _seconds(self) -> float:
        return self.deadline.step(self.call_seconds)


def _is_uuid(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
