"""Zep Cloud over its v4 REST API: entities and episodes of a person's graph.

`graph_uuid` may be that of the graph or that of the user who owns it.
"""

# Unevaluated: each `Page[…]` in an annotation would be another model built at import.
from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from tandem.clients.provider_model import Metadata, rfc3339
from tandem.clients.zep_base import MAX_METADATA_KEYS, ZepBase
from tandem.clients.zep_models import AddedEpisode, Page, ZepEpisode, ZepNode
from tandem.ids import ZepUuid

MAX_EPISODE_CHARACTERS: Final = 10_000

EpisodeKind = Literal["text", "json", "message"]


class ZepGraphCalls(ZepBase):
    """The part of `ZepClient` that is about entities (nodes) and episodes."""

    async def list_nodes(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        timeout_seconds: float,
    ) -> Page[ZepNode]:
        """One page of all entities, in Zep's order (newest id first).

        Args:
            graph_uuid: of the graph or its user.
            page_size: 1 to 100; other values are moved to the nearer bound.
            cursor: `next_cursor` of the page before, None for the first.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.node.list`.

        Wire: POST /api/v4/graphs/{uuid}/nodes/list?page_size&cursor `{}` → items[], next_cursor.
        """
        call = self._list("graph.node.list", "nodes", graph_uuid, page_size, cursor)
        return await self._http.send(call, Page[ZepNode], timeout_seconds=timeout_seconds)

    async def get_node(
        self, graph_uuid: ZepUuid, node_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepNode | None:
        """An entity, or None when the graph has none by this id.

        Args:
            graph_uuid: of the graph or its user.
            node_uuid: Zep's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `graph.node.get`.

        Wire: GET /api/v4/graphs/{uuid}/nodes/{uuid} → uuid, name, summary, labels,
        episode_uuids.
        """
        call = self._one("graph.node.get", "GET", "nodes", (graph_uuid, node_uuid))
        return await self._http.send_or_none(call, ZepNode, timeout_seconds=timeout_seconds)

    async def clear_summary(
        self,
        graph_uuid: ZepUuid,
        node_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepNode:
        """An entity without its summary, which Zep writes anew when it next learns of the entity.

        That Zep takes an empty summary and that it doesn't put back what it had is inferred.

        Args:
            graph_uuid: of the graph or its user.
            node_uuid: Zep's id.
            idempotency_key: the same for every attempt.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the entity is gone.
            UpstreamError: its other kinds. Repeating the same change is harmless.

        Source: capture zep v4.0.1 `graph.node.update`.

        Wire: PATCH /api/v4/graphs/{uuid}/nodes/{uuid} `{"summary":""}` → as `get_node`.
        """
        call = self._call(
            "graph.node.update",
            "PATCH",
            "/graphs/{}/nodes/{}",
            (graph_uuid, node_uuid),
            body={"summary": ""},
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, ZepNode, timeout_seconds=timeout_seconds)

    async def delete_node(
        self,
        graph_uuid: ZepUuid,
        node_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None:
        """The task that deletes an entity; None if none is named.

        That its facts go with it is inferred.

        Args:
            graph_uuid: of the graph or its user.
            node_uuid: Zep's id.
            idempotency_key: the same for every attempt.
            timeout_seconds: for the call with its retries, not for the deletion itself.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: 4.0.1 surface, `graph.node.delete`; shaped as the captured `graph.edge.delete`.

        Wire: DELETE /api/v4/graphs/{uuid}/nodes/{uuid} → 202 task.uuid.
        """
        ids = (graph_uuid, node_uuid)
        call = self._one("graph.node.delete", "DELETE", "nodes", ids, idempotency_key)
        return await self._delete(call, timeout_seconds)

    async def add_episode(  # noqa: PLR0913 - what an episode is made of
        self,
        graph_uuid: ZepUuid,
        data: str,
        *,
        kind: EpisodeKind = "text",
        reference_time: datetime,
        metadata: Metadata | None = None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> AddedEpisode:
        """The episode that Zep has made of a text, and the task that ingests it.

        Args:
            graph_uuid: of the graph or its user.
            data: at most 10,000 characters.
            kind: how Zep reads `data`.
            reference_time: aware; when it was said.
            metadata: at most 10 keys with plain values; can be filtered on in searches.
            idempotency_key: the same for every attempt at this text.
            timeout_seconds: for the call with its retries, not for ingestion.

        Raises:
            UpstreamRejected: 404 when the graph is gone; with status None when a bound above is
                passed, in which case nothing was sent and never can be.
            UpstreamError: its other kinds. After a timeout or an unreadable answer the text may
                have been taken.

        Source: capture zep v4.0.1 `graph.episode.add`; `reference_time` from the 4.0.1 surface.

        Wire: POST /api/v4/graphs/{uuid}/episodes `{"data","type","reference_time","metadata"}` →
        202 episode.uuid, task.uuid.
        """
        if len(data) > MAX_EPISODE_CHARACTERS or len(metadata or {}) > MAX_METADATA_KEYS:
            raise self._over_limit("graph.episode.add")
        body: dict[str, Any] = {
            "data": data,
            "type": kind,
            "reference_time": rfc3339(reference_time),
        }
        if metadata:
            body["metadata"] = metadata
        call = self._call(
            "graph.episode.add",
            "POST",
            "/graphs/{}/episodes",
            (graph_uuid,),
            body=body,
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, AddedEpisode, timeout_seconds=timeout_seconds)

    async def list_episodes(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        timeout_seconds: float,
    ) -> Page[ZepEpisode]:
        """One page of what was told to the graph, messages of threads among it (newest id first).

        Args:
            graph_uuid: of the graph or its user.
            page_size: 1 to 100; other values are moved to the nearer bound.
            cursor: `next_cursor` of the page before, None for the first.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.episode.list`.

        Wire: POST /api/v4/graphs/{uuid}/episodes/list?page_size&cursor `{}` → items[], next_cursor.
        """
        call = self._list("graph.episode.list", "episodes", graph_uuid, page_size, cursor)
        return await self._http.send(call, Page[ZepEpisode], timeout_seconds=timeout_seconds)

    async def get_episode(
        self, graph_uuid: ZepUuid, episode_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEpisode | None:
        """A message or text as it was told, or None when the graph has none by this id.

        Args:
            graph_uuid: of the graph or its user.
            episode_uuid: Zep's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `graph.episode.get`.

        Wire: GET /api/v4/graphs/{uuid}/episodes/{uuid} → uuid, content, role,
        thread_uuid, metadata, reference_time, processed.
        """
        call = self._one("graph.episode.get", "GET", "episodes", (graph_uuid, episode_uuid))
        return await self._http.send_or_none(call, ZepEpisode, timeout_seconds=timeout_seconds)

    async def delete_episode(
        self,
        graph_uuid: ZepUuid,
        episode_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None:
        """The task that deletes what was told; None if none is named.

        Facts that nothing else says go with it. Whether a message leaves its thread is not known.

        Args:
            graph_uuid: of the graph or its user.
            episode_uuid: Zep's id.
            idempotency_key: the same for every attempt.
            timeout_seconds: for the call with its retries, not for the deletion itself.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: 4.0.1 surface, `graph.episode.delete`; shaped as the captured `graph.edge.delete`.

        Wire: DELETE /api/v4/graphs/{uuid}/episodes/{uuid} → 202 task.uuid.
        """
        ids = (graph_uuid, episode_uuid)
        call = self._one("graph.episode.delete", "DELETE", "episodes", ids, idempotency_key)
        return await self._delete(call, timeout_seconds)
