"""The searches of `/api/v4` and the context of a graph."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Row, Storage
from local.twins.zep import (
    checks,
    context,
    filters,
    observations,
    ranking,
    reading,
    rows,
    summaries,
)
from local.twins.zep.errors import invalid, missing
from local.twins.zep.paging import ranked_page, scope_of
from local.twins.zep.ranking import Hit, Search

MOST_RESULTS = 50
_MOST_QUERY = 400
_ALLOWED = {
    "edges": filters.EDGE_SEARCH,
    "nodes": filters.NODE_SEARCH,
    "episodes": filters.EPISODE_SEARCH,
    "observations": filters.OBSERVATION_SEARCH,
    "thread_summaries": filters.SUMMARY_SEARCH,
}


class Searches:
    """The handlers."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        graph = "/graphs/{graph_uuid}"
        return [
            ("POST", f"{graph}/context", self.context),
            ("POST", f"{graph}/search/edges", self._search("edges")),
            ("POST", f"{graph}/search/nodes", self._search("nodes")),
            ("POST", f"{graph}/search/episodes", self._search("episodes")),
            ("POST", f"{graph}/search/observations", self._search("observations")),
            ("POST", f"{graph}/search/thread-summaries", self._search("thread_summaries")),
        ]

    def context(self, call: Call) -> Answer:
        graph, query = reading.graph_of(self._store, call), _query(call.body)
        most = call.body.get("max_characters")
        most = context.DEFAULT_CHARACTERS if most is None else most
        if type(most) is not int or not 1 <= most <= context.MOST_CHARACTERS:
            raise invalid("max_characters must be 1 to 50000", "max_characters")
        bias = checks.one_of(call.body, "recency_bias", tuple(context.BIASES))
        if call.body.get("template_uuid") is not None:
            # Templates are made by operations that this twin doesn't serve: there is none.
            checks.uuid_of(call.body["template_uuid"], "template_uuid")
            raise missing("context template")
        given = filters.given(call.body, filters.CONTEXT)
        choice = context.Choice(
            bias=bias,
            edges=filters.where("edges", given, filters.EDGE_LIST),
            nodes=filters.where("nodes", given, filters.NODE_LIST),
        )
        results = bool(checks.flag(call.body, "include_results"))
        block = context.assemble(
            self._store, graph, query, most=most, results=results, choice=choice
        )
        return Answer(block)

    def _search(self, kind: str) -> Handler:
        def answer(call: Call) -> Answer:
            graph, search = reading.graph_of(self._store, call), _wanted(call.body, kind)
            self._known(graph, [*search.origins, *([search.center] if search.center else [])])
            where = filters.where(kind, filters.given(call.body, _ALLOWED[kind]))
            hits = ranking.ranked(self._store, kind, graph, search, where)
            shown, scope = partial(self._shown, kind), scope_of(kind, graph, search, where)
            return Answer(ranked_page(call, hits, shown, scope=scope, most=MOST_RESULTS))

        return answer

    def _known(self, graph: str, nodes: list[str]) -> None:
        for node in nodes:
            if not self._store.row(
                "select 1 from nodes where uuid = ? and graph_uuid = ?", node, graph
            ):
                raise missing("node")

    def _shown(self, kind: str, hits: list[Hit]) -> list[Json]:
        """The items of a page with their scores."""
        found, shown = _SHOWN[kind]
        of = {hit.uuid: hit for hit in hits}
        return [
            rows.without_nulls(
                {
                    **shown(row),
                    "score": of[row["uuid"]].score,
                    "relevance": of[row["uuid"]].relevance,
                }
            )
            for row in found(self._store, of)
        ]


_SHOWN: dict[str, tuple[Callable[[Storage, Any], list[Row]], Callable[[Row], Json]]] = {
    "edges": (reading.edges, reading.edge_json),
    "nodes": (reading.nodes, reading.node_json),
    "episodes": (reading.episodes, rows.episode_json),
    "observations": (reading.edges, observations.observation_json),
    "thread_summaries": (reading.thread_summaries, summaries.summary_json),
}


def _query(body: Json) -> str:
    """The service cuts a query and refuses none for its length."""
    return (checks.text(body, "query", most=sys.maxsize) or "")[:_MOST_QUERY]


def _wanted(body: Json, kind: str) -> Search:
    """The search of a request, or why it can't be: the reranker needs what belongs to it."""
    query, reranker = _query(body), checks.one_of(body, "reranker", ranking.RERANKERS)
    weight, center = _weight(body), body.get("center_node_uuid")
    if reranker == "mmr" and weight is None:
        raise invalid("reranker mmr needs mmr_lambda", "mmr_lambda")
    if reranker == "node_distance" and center is None:
        raise invalid("reranker node_distance needs center_node_uuid", "center_node_uuid")
    lean = bool(checks.flag(body, "filter_low_quality_results"))
    if lean and (reranker != "cross_encoder" or kind == "episodes"):
        raise invalid(
            "filter_low_quality_results goes with reranker cross_encoder, and not with episodes",
            "filter_low_quality_results",
        )
    name = "bfs_origin_node_uuids"
    origins = [checks.uuid_of(one, name) for one in checks.strings(body, name)]
    if len(origins) > filters.MOST_UUIDS:
        raise invalid(f"{name} may have at most {filters.MOST_UUIDS} entries", name)
    return Search(
        query=query,
        reranker=reranker,
        mmr_lambda=weight or 0.0,
        center=None if center is None else checks.uuid_of(center, "center_node_uuid"),
        origins=tuple(dict.fromkeys(origins)),
        lean=lean,
    )


def _weight(body: Json) -> float | None:
    value = body.get("mmr_lambda")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise invalid("mmr_lambda must be 0 to 1", "mmr_lambda")
    return float(value)
