"""Zep Cloud over its v4 REST API: facts, which are the edges of a person's graph.

`graph_uuid` may be that of the graph or that of the user who owns it.
"""

# Unevaluated: each `Page[…]` in an annotation would be another model built at import.
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tandem.clients.provider_model import rfc3339
from tandem.clients.zep_base import ZepBase
from tandem.clients.zep_models import ENDED_ATTRIBUTE, Page, ZepEdge
from tandem.ids import ZepUuid

MAX_FILTER_IDS: Final = 256


class ZepEdgeCalls(ZepBase):
    """The part of `ZepClient` that is about facts (edges)."""

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        edge_uuids: Sequence[ZepUuid] | None = None,
        node_uuids: Sequence[ZepUuid] | None = None,
        timeout_seconds: float,
    ) -> Page[ZepEdge]:
        """One page of all facts, superseded ones among them, in Zep's order (newest id first).

        A filter takes at most 256 ids; without any in it nothing is asked and nothing is found.

        Args:
            graph_uuid: of the graph or its user.
            page_size: 1 to 100; other values are moved to the nearer bound.
            cursor: `next_cursor` of the page before, None for the first.
            edge_uuids: of these facts only; those that are gone are left out.
            node_uuids: only of facts with one of these entities at either end.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone; with status None for too many ids, in
                which case nothing was sent.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.edge.list`; filters from the 4.0.1 surface, their bound
        from Zep's v3 docs, 2026.

        Wire: POST /api/v4/graphs/{uuid}/edges/list?page_size&cursor `{}` or `{"filters":
        {"edge_uuids","connected_node_uuids"}}` → items[], next_cursor.
        """
        wanted = {"edge_uuids": edge_uuids, "connected_node_uuids": node_uuids}
        filters = {name: [*map(str, ids)] for name, ids in wanted.items() if ids is not None}
        if not all(filters.values()):
            return Page[ZepEdge](items=())
        if any(len(ids) > MAX_FILTER_IDS for ids in filters.values()):
            raise self._over_limit("graph.edge.list")
        call = self._list("graph.edge.list", "edges", graph_uuid, page_size, cursor, filters)
        return await self._http.send(call, Page[ZepEdge], timeout_seconds=timeout_seconds)

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None:
        """A fact, superseded or not, or None when the graph has none by this id.

        Args:
            graph_uuid: of the graph or its user.
            edge_uuid: Zep's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `graph.edge.get`.

        Wire: GET /api/v4/graphs/{uuid}/edges/{uuid} → uuid, fact, valid_at,
        invalid_at, created_at, expired_at, episode_uuids.
        """
        call = self._one("graph.edge.get", "GET", "edges", (graph_uuid, edge_uuid))
        return await self._http.send_or_none(call, ZepEdge, timeout_seconds=timeout_seconds)

    async def update_edge(
        self,
        graph_uuid: ZepUuid,
        edge_uuid: ZepUuid,
        *,
        invalid_at: datetime | None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepEdge:
        """A fact that we have marked as ended, or whose mark we have taken back.

        v4 lets a caller change a fact's words and attributes, not its times. So the end is told in
        an attribute of ours, which `ZepEdge.invalid_at` honours wherever we read; Zep itself goes
        on ranking the fact as one that holds.

        Args:
            graph_uuid: of the graph or its user.
            edge_uuid: Zep's id.
            invalid_at: aware; since when it no longer holds. None takes the mark back, so that
                the fact ends when Zep says so, if ever.
            idempotency_key: the same for every attempt at this change.
            timeout_seconds: for the call with its retries.

        Raises:
            ValueError: the time has no offset.
            UpstreamRejected: 404 when the fact is gone.
            UpstreamError: its other kinds. Repeating the same change is harmless.

        Source: capture zep v4.0.1 `graph.edge.update`; that attributes are merged and null removes
        one from the 4.0.1 surface. That they outlive what Zep learns later is inferred.

        Wire: PATCH /api/v4/graphs/{uuid}/edges/{uuid} `{"attributes":{"tandem_ended_at"}}` (null
        for None) → as `get_edge`.
        """
        ended_at = None if invalid_at is None else rfc3339(invalid_at)
        call = self._call(
            "graph.edge.update",
            "PATCH",
            "/graphs/{}/edges/{}",
            (graph_uuid, edge_uuid),
            body={"attributes": {ENDED_ATTRIBUTE: ended_at}},
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, ZepEdge, timeout_seconds=timeout_seconds)

    async def delete_edge(
        self,
        graph_uuid: ZepUuid,
        edge_uuid: ZepUuid,
        *,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUuid | None:
        """The task that deletes a fact; None if none is named.

        Args:
            graph_uuid: of the graph or its user.
            edge_uuid: Zep's id.
            idempotency_key: the same for every attempt.
            timeout_seconds: for the call with its retries, not for the deletion itself.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture zep v4.0.1 `graph.edge.delete`.

        Wire: DELETE /api/v4/graphs/{uuid}/edges/{uuid} → 202 task.uuid.
        """
        ids = (graph_uuid, edge_uuid)
        call = self._one("graph.edge.delete", "DELETE", "edges", ids, idempotency_key)
        return await self._delete(call, timeout_seconds)
