"""Zep Cloud over its v4 REST API: what a graph holds on a question.

`graph_uuid` may be that of the graph or that of the user who owns it.
"""

from typing import Final, Literal

from tandem.clients.http import ApiCall
from tandem.clients.zep_base import ZepBase, clamp
from tandem.clients.zep_models import GraphContext, Page, ZepEdge, ZepEpisode, ZepNode
from tandem.ids import ZepUuid

MAX_QUERY_CHARACTERS: Final = 400
MAX_CONTEXT_CHARACTERS: Final = 50_000
MAX_SEARCH_RESULTS: Final = 50

Reranker = Literal["rrf", "mmr", "node_distance", "episode_mentions", "cross_encoder"]


class ZepSearchCalls(ZepBase):
    """The part of `ZepClient` that asks a graph."""

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
        call = self._call(
            "graph.get_context",
            "POST",
            "/graphs/{}/context",
            (graph_uuid,),
            body={
                "query": text,
                "max_characters": clamp(max_characters, MAX_CONTEXT_CHARACTERS),
                "include_results": include_results,
            },
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

    async def search_episodes(
        self,
        graph_uuid: ZepUuid,
        query: str,
        *,
        limit: int = 10,
        reranker: Reranker | None = None,
        timeout_seconds: float,
    ) -> list[ZepEpisode]:
        """What was told to the graph, as far as it fits a question, best first.

        Args:
            graph_uuid: of the graph or its user.
            query: cut at 400 characters. A blank one finds nothing, without a call.
            limit: 1 to 50; other values are moved to the nearer bound.
            reranker: Zep's default (rrf) when None.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the graph is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `graph.search_episodes`; Zep docs "searching the graph", 2026.

        Wire: POST /api/v4/graphs/{uuid}/search/episodes?page_size `{"query","reranker"}` → items[].
        """
        call = self._search("graph.search_episodes", "episodes", graph_uuid, query, limit, reranker)
        if call is None:
            return []
        page = await self._http.send(call, Page[ZepEpisode], timeout_seconds=timeout_seconds)
        return list(page.items[:limit])

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
        return self._call(
            operation,
            "POST",
            f"/graphs/{{}}/search/{kind}",
            (graph_uuid,),
            query={"page_size": clamp(limit, MAX_SEARCH_RESULTS)},
            body={"query": text} if reranker is None else {"query": text, "reranker": reranker},
        )


def _query(text: str) -> str:
    return text.strip()[:MAX_QUERY_CHARACTERS].rstrip()
