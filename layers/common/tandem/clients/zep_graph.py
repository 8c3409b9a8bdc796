"""Zep Cloud over its v4 REST API: what a person's graph knows.

`graph_uuid` may be that of the graph or that of the user who owns it. The calls are methods of
`ZepClient`; they stand apart because both halves together would be one long module.
"""

# Unevaluated: each `Page[…]` in an annotation would be another model built at import.
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal

from tandem.clients.http import ApiCall, ProviderHttp
from tandem.clients.models import (
    AddedEpisode,
    GraphContext,
    Metadata,
    Page,
    ZepEdge,
    ZepNode,
    rfc3339,
)
from tandem.errors import UpstreamRejected
from tandem.ids import ZepUuid

MAX_QUERY_CHARACTERS: Final = 400
MAX_EPISODE_CHARACTERS: Final = 10_000
MAX_METADATA_KEYS: Final = 10
MAX_CONTEXT_CHARACTERS: Final = 50_000
MAX_SEARCH_RESULTS: Final = 50
MAX_GRAPH_PAGE: Final = 100

Reranker = Literal["rrf", "mmr", "node_distance", "episode_mentions", "cross_encoder"]
EpisodeKind = Literal["text", "json", "message"]


def clamp(value: int, upper: int) -> int:
    """`value`, moved into 1 to `upper`."""
    return min(max(value, 1), upper)


class ZepGraphCalls:
    """The graph half of `ZepClient`."""

    def __init__(self, http: ProviderHttp, *, api_key: Callable[[], str]) -> None:
        """Takes a way to Zep and the key.

        Args:
            http: made for provider "zep"; its client's base URL is Zep's host, without /api/v4.
            api_key: asked on every call, because the secret is refreshed while we run.
        """
        self._http = http
        self._api_key = api_key

    async def graph_context(
        self,
        graph_uuid: ZepUuid,
        query: str,
        *,
        max_characters: int = 2500,
        include_results: bool = True,
        timeout_seconds: float,
    ) -> GraphContext:
        """What the graph holds on a question: a text for the model, and what it was made of.

        Args:
            graph_uuid: of the graph or its user.
            query: cut at 400 characters. A blank one gives an empty context without a call.
            max_characters: of the text, 1 to 50,000; other values are moved to the nearer bound.
            include_results: also give the edges and nodes, best first.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.get_context`; Zep docs "retrieving context", 2026-10-14.

        Wire: POST /api/v4/graphs/{uuid}/context `{"query","max_characters","include_results"}` →
        context, truncated, results.edges[], results.nodes[].
        """
        text = _query(query)
        if not text:
            return GraphContext()
        call = ApiCall(
            "graph.get_context",
            "POST",
            "/api/v4/graphs/{}/context",
            ids=(graph_uuid,),
            body={
                "query": text,
                "max_characters": clamp(max_characters, MAX_CONTEXT_CHARACTERS),
                "include_results": include_results,
            },
            headers=self._headers(),
            retry_safe=True,
        )
        return await self._http.send(call, GraphContext, timeout_seconds=timeout_seconds)

    async def search_edges(
        self,
        graph_uuid: ZepUuid,
        query: str,
        *,
        limit: int = 10,
        reranker: Reranker | None = None,
        timeout_seconds: float,
    ) -> list[ZepEdge]:
        """The facts that fit a question best, best first.

        Args:
            graph_uuid: of the graph or its user.
            query: cut at 400 characters. A blank one finds nothing, without a call.
            limit: 1 to 50; other values are moved to the nearer bound.
            reranker: Zep's default (rrf) when None. Scores compare only within cross_encoder.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.search_edges`; Zep docs "searching the graph", 2026.

        Wire: POST /api/v4/graphs/{uuid}/search/edges?page_size `{"query","reranker"}` → items[].
        """
        call = self._search("graph.search_edges", "edges", graph_uuid, query, limit, reranker)
        if call is None:
            return []
        page = await self._http.send(call, Page[ZepEdge], timeout_seconds=timeout_seconds)
        return list(page.items[:limit])

    async def search_nodes(
        self,
        graph_uuid: ZepUuid,
        query: str,
        *,
        limit: int = 10,
        reranker: Reranker | None = None,
        timeout_seconds: float,
    ) -> list[ZepNode]:
        """The entities that fit a question best, best first.

        Args:
            graph_uuid: of the graph or its user.
            query: cut at 400 characters. A blank one finds nothing, without a call.
            limit: 1 to 50; other values are moved to the nearer bound.
            reranker: Zep's default (rrf) when None.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.search_nodes`; Zep docs "searching the graph", 2026.

        Wire: POST /api/v4/graphs/{uuid}/search/nodes?page_size `{"query","reranker"}` → items[].
        """
        call = self._search("graph.search_nodes", "nodes", graph_uuid, query, limit, reranker)
        if call is None:
            return []
        page = await self._http.send(call, Page[ZepNode], timeout_seconds=timeout_seconds)
        return list(page.items[:limit])

    async def list_edges(
        self,
        graph_uuid: ZepUuid,
        *,
        page_size: int = 100,
        cursor: str | None = None,
        timeout_seconds: float,
    ) -> Page[ZepEdge]:
        """One page of all facts, superseded ones among them, in Zep's order (newest id first).

        Args:
            graph_uuid: of the graph or its user.
            page_size: 1 to 100; other values are moved to the nearer bound.
            cursor: `next_cursor` of the page before, None for the first.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.edge.list`.

        Wire: POST /api/v4/graphs/{uuid}/edges/list?page_size&cursor `{}` → items[], next_cursor.
        """
        call = self._list("graph.edge.list", "edges", graph_uuid, page_size, cursor)
        return await self._http.send(call, Page[ZepEdge], timeout_seconds=timeout_seconds)

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
        call = ApiCall(
            "graph.episode.add",
            "POST",
            "/api/v4/graphs/{}/episodes",
            ids=(graph_uuid,),
            body=body,
            headers=self._headers(idempotency_key),
            retry_safe=True,
        )
        return await self._http.send(call, AddedEpisode, timeout_seconds=timeout_seconds)

    def _headers(self, idempotency_key: str | None = None) -> dict[str, str]:
        # A secret that was pasted with its line end would make an illegal header.
        headers = {"authorization": f"Api-Key {self._api_key().strip()}"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        return headers

    def _over_limit(self, operation: str) -> UpstreamRejected:
        # Zep would answer 400, so the caller is told the same in the same way.
        return UpstreamRejected("zep", operation=operation, reason="over_limit", sent=False)

    def _search(
        self,
        operation: str,
        kind: str,
        graph_uuid: ZepUuid,
        query: str,
        limit: int,
        reranker: Reranker | None,
    ) -> ApiCall | None:
        text = _query(query)
        if not text:
            return None
        body = {"query": text} if reranker is None else {"query": text, "reranker": reranker}
        return ApiCall(
            operation,
            "POST",
            f"/api/v4/graphs/{{}}/search/{kind}",
            ids=(graph_uuid,),
            query={"page_size": clamp(limit, MAX_SEARCH_RESULTS)},
            body=body,
            headers=self._headers(),
            retry_safe=True,
        )

    def _list(
        self, operation: str, kind: str, graph_uuid: ZepUuid, page_size: int, cursor: str | None
    ) -> ApiCall:
        return ApiCall(
            operation,
            "POST",
            f"/api/v4/graphs/{{}}/{kind}/list",
            ids=(graph_uuid,),
            query={"page_size": clamp(page_size, MAX_GRAPH_PAGE), "cursor": cursor},
            body={},
            headers=self._headers(),
            retry_safe=True,
        )


def _query(text: str) -> str:
    return text.strip()[:MAX_QUERY_CHARACTERS].rstrip()
