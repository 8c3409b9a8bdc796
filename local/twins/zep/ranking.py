"""The ranked set of a search: found by words through the index, put in order by a reranker.

The words stand in for the service's mix of meaning and text, and for its cross encoder, whose
score is from 0 to 1. A search ranks its best 200 and no more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from local.twins import index, text
from local.twins.storage import Storage
from local.twins.zep import indexing, summaries
from local.twins.zep.filters import NOTHING, Where

RANKED = 200
_CANDIDATES = RANKED
_ENOUGH = 100
RERANKERS = ("rrf", "mmr", "node_distance", "episode_mentions", "cross_encoder")
# Each is compared with all others.
_COMPARED = 100
_NEAR = 0.2
_HOPS = 2
_FARTHEST = 4
_MOST_VISITED = 5000
_SURE = 0.9
_ALWAYS = 5
# What is found: {0} is the index's sub-select (document, score), {1} the filters.
_FOUND = {
    "edges": "select edges.uuid, score, edges.fact as words from ({0}) join edges on edges.uuid = "
    "document where 1{1} order by score desc, edges.invalid_at is null desc, edges.said_at desc, "
    "edges.seq desc limit ?",
    "nodes": "select nodes.uuid, max(score) as score, nodes.name || '. ' || coalesce(summary, '') "
    "as words from ({0}) join nodes on nodes.uuid = document where 1{1} group by nodes.uuid "
    "order by max(score) desc, nodes.seq desc limit ?",
    "episodes": "select episodes.uuid, score, episodes.content as words from ({0}) join episodes "
    "on episodes.uuid = document where 1{1} order by score desc, episodes.reference_time desc, "
    "episodes.seq desc limit ?",
    "observations": "select edges.uuid, score, edges.fact as words from ({0}) join edges on "
    "edges.uuid = substr(document, 1, 36) where 1{1} order by score desc, edges.seq desc limit ?",
    "thread_summaries": "select thread_summaries.uuid, score, summary as words from ({0}) join "
    "thread_summaries on thread_summaries.uuid = document where 1{1} order by score desc, "
    "last_summarized_at desc, thread_summaries.seq desc limit ?",
}
# Nodes are found by their facts, too, which a filter on nodes does not narrow.
_FITTING = {
    "edges": "select edges.uuid from edges where edges.graph_uuid = ?{0} limit ?",
    "episodes": "select episodes.uuid from episodes where episodes.graph_uuid = ?{0} limit ?",
}
# A node is found by its name, and a little less by the facts that hold of it.
_OF_FACTS = (
    "with told as materialized (select edges.source_uuid as one, edges.target_uuid as other, "
    "0.8 * score as score from ({1}) join edges on edges.uuid = document "
    "where edges.invalid_at is null order by 3 desc limit 200) "
    "select document, score from ({0}) union all select one, score from told "
    "union all select other, score from told"
)
_STEP = (
    "select target_uuid as node from edges where source_uuid in (select value from json_each(?1)) "
    "union select source_uuid from edges where target_uuid in (select value from json_each(?1))"
)
_PAIRS = (
    "select one.value as node from json_each(?1) as start cross join json_each(?2) as one where "
    "exists (select 1 from edges where target_uuid = one.value and source_uuid = start.value) or "
    "exists (select 1 from edges where target_uuid = start.value and source_uuid = one.value)"
)
_BESIDE = (
    "(exists (select 1 from edges as last where last.target_uuid = {0} and last.source_uuid in "
    "(select value from json_each(?2))) or exists (select 1 from edges as last where "
    "last.source_uuid = {0} and last.target_uuid in (select value from json_each(?2))))"
)
_IN_TWO = (
    "select one.value as node from json_each(?1) as one where exists (select 1 from edges as first "  # noqa: S608 - ours
    f"where first.source_uuid = one.value and {_BESIDE.format('first.target_uuid')}) or exists "
    "(select 1 from edges as first where first.target_uuid = one.value "
    f"and {_BESIDE.format('first.source_uuid')})"
)
_AROUND = {
    "edges": "select edges.uuid, edges.fact as words from edges where (source_uuid in (select "
    "value from json_each(?)) or target_uuid in (select value from json_each(?))){0} "
    "order by edges.seq desc limit 50",
    "nodes": "select nodes.uuid, nodes.name as words from nodes where (nodes.uuid in (select value "
    "from json_each(?)) or nodes.uuid in (select value from json_each(?))){0} "
    "order by nodes.seq desc limit 50",
}
_PLACES = {
    "edges": "select uuid, source_uuid as node from edges where uuid in (select value from "
    "json_each(?1)) union all select uuid, target_uuid from edges where uuid in (select value "
    "from json_each(?1))",
    "nodes": "select value as uuid, value as node from json_each(?)",
    "episodes": "select episode_uuid as uuid, owner_uuid as node from mentions "
    "where episode_uuid in (select value from json_each(?))",
    "thread_summaries": "select told.uuid, owner_uuid as node from thread_summaries as told join "
    "episodes on episodes.thread_uuid = told.thread_uuid join mentions on episode_uuid = "
    "episodes.uuid where told.uuid in (select value from json_each(?))",
}
_MENTIONS = {
    "edges": "select owner_uuid as uuid, count(*) as n from mentions where owner_uuid in "
    "(select value from json_each(?)) group by owner_uuid",
    "episodes": "select episode_uuid as uuid, count(*) as n from mentions where episode_uuid in "
    "(select value from json_each(?)) group by episode_uuid",
    "thread_summaries": "select told.uuid, count(*) as n from thread_summaries as told join "
    "episodes on episodes.thread_uuid = told.thread_uuid where told.uuid in "
    "(select value from json_each(?)) group by told.uuid",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: what it says, and how well it answers."""

    uuid: str
    score: float
    words: str
    relevance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for, and how the result is ordered."""

    query: str
    reranker: str = "rrf"
    mmr_lambda: float = 0.5
    center: str | None = None
    origins: tuple[str, ...] = ()
    lean: bool = False
    """Without what is clearly worse than the rest (`filter_low_quality_results`)."""


def ranked(
    store: Storage, kind: str, graph: str, search: Search, where: Where = NOTHING
) -> list[Hit]:
    """What a search of a kind finds in a graph, best first, at most 200."""
    hits = found(store, kind, graph, search.query, where)
    if search.origins and search.reranker != "cross_encoder":
        hits = _around(store, kind, hits, search.origins, where)
    if search.reranker == "mmr":
        return _diverse(hits[:_COMPARED], search.mmr_lambda)
    if search.reranker == "node_distance" and search.center:
        return _by_distance(store, kind, hits, search.center)
    if search.reranker == "episode_mentions":
        return _by_mentions(store, kind, hits)
    if search.reranker == "cross_encoder":
        hits = [replace(hit, relevance=hit.score) for hit in hits]
        return _above_the_knee(hits) if search.lean else hits
    return hits


def found(
    store: Storage,
    kind: str,
    graph: str,
    query: str,
    where: Where,
    *,
    candidates: int = _CANDIDATES,
) -> list[Hit]:
    """What has words of the query, by how many. About so many `candidates` are looked at."""
    collection = _collection(graph, kind)
    best = index.best(store, collection=collection, query=query, most=candidates)
    told = None
    if kind == "nodes":
        facts = indexing.collection(graph, "edges")
        told = index.best(store, collection=facts, query=query, most=candidates)
    hits = _read(store, kind, best, where, told)
    if where.sql and len(hits) < _ENOUGH:
        # A filter that lets few of the best pass has to choose from all that it lets pass.
        everything = index.matches(collection, query)
        if everything != best:
            few = _fitting(store, kind, graph, where)
            if few is not None:
                everything = index.among(collection=collection, query=query, documents=few)
            return _read(store, kind, everything, where, told)
    return hits


def _fitting(store: Storage, kind: str, graph: str, where: Where) -> list[str] | None:
    """What a filter lets pass, when that is little."""
    if kind not in _FITTING:
        return None
    sql = _FITTING[kind].format(where.sql)
    rows = store.rows(sql, graph, *where.values, _CANDIDATES + 1)
    return [row["uuid"] for row in rows] if len(rows) <= _CANDIDATES else None


def _read(
    store: Storage, kind: str, matched: index.Matches, where: Where, told: index.Matches | None
) -> list[Hit]:
    """`told`: the facts by which nodes are found, too."""
    sql, values = matched.sql, list(matched.values)
    if told:
        sql = _OF_FACTS.format(sql, told.sql)
        values = [*told.values, *values]
    statement = _FOUND[kind].format(sql, where.sql)
    rows = store.rows(statement, *values, *where.values, RANKED)
    return [Hit(row["uuid"], row["score"], row["words"]) for row in rows]


def _collection(graph: str, kind: str) -> str:
    if kind == "thread_summaries":
        return summaries.collection(graph)
    return indexing.collection(graph, kind)


def _around(
    store: Storage, kind: str, hits: list[Hit], origins: Sequence[str], where: Where
) -> list[Hit]:
    """Also what is near the origins; of two that answer alike, the nearer goes first."""
    known = {hit.uuid for hit in hits}
    reached = dict.fromkeys(origins, 0)
    if kind == "nodes":
        for distance in range(1, _HOPS + 1):
            _step(store, reached, distance)
    if kind in _AROUND:
        near = json.dumps(list(reached))
        rows = store.rows(_AROUND[kind].format(where.sql), near, near, *where.values)
        hits = hits + [Hit(r["uuid"], 0.0, r["words"]) for r in rows if r["uuid"] not in known]
    places = _places(store, kind, hits)
    if kind != "nodes":
        _two_steps_to(store, reached, {node for nodes in places.values() for node in nodes})
    away = _nearest(places, reached)
    nearer = [
        replace(hit, score=round(hit.score + _NEAR / (1 + away[hit.uuid]), 6))
        if hit.uuid in away
        else hit
        for hit in hits
    ]
    return sorted(nearer, key=lambda hit: -hit.score)[:RANKED]


def _diverse(hits: list[Hit], weight: float) -> list[Hit]:
    """Maximal marginal relevance: each next one answers well and repeats little."""
    left = [(hit, frozenset(text.understand(hit.words).stems)) for hit in hits]
    alike = [0.0] * len(left)
    chosen: list[Hit] = []
    while left:
        values = [
            weight * hit.score - (1 - weight) * near
            for (hit, _), near in zip(left, alike, strict=True)
        ]
        best = max(range(len(left)), key=values.__getitem__)
        hit, stems = left.pop(best)
        alike.pop(best)
        chosen.append(replace(hit, score=round(values[best], 6)))
        alike = [max(a, _alike(stems, other)) for a, (_, other) in zip(alike, left, strict=True)]
    return chosen


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def _by_distance(store: Storage, kind: str, hits: list[Hit], center: str) -> list[Hit]:
    places, reached = _places(store, kind, hits), {center: 0}
    away = _nearest(places, reached)
    for distance in range(1, _FARTHEST + 1):
        left = places.keys() - away.keys()
        if not left:
            break
        if distance > 1 or not _step_to(store, reached, {n for one in left for n in places[one]}):
            _step(store, reached, distance)
        away = _nearest(places, reached)
    near = [
        replace(hit, score=round(1 / (1 + away[hit.uuid]), 6) if hit.uuid in away else 0.0)
        for hit in hits
    ]
    return sorted(near, key=lambda hit: -hit.score)


def _by_mentions(store: Storage, kind: str, hits: list[Hit]) -> list[Hit]:
    sql = _MENTIONS.get(kind, _MENTIONS["edges"])
    count = {row["uuid"]: row["n"] for row in store.rows(sql, json.dumps([h.uuid for h in hits]))}
    told = [replace(hit, score=float(count.get(hit.uuid, 0))) for hit in hits]
    return sorted(told, key=lambda hit: -hit.score)


def _above_the_knee(hits: list[Hit]) -> list[Hit]:
    """Cut where the scores fall most, after the first five and after all that are sure."""
    least = max(_ALWAYS, sum(hit.score >= _SURE for hit in hits))
    falls = [
        (hits[place - 1].score - hits[place].score, place) for place in range(least, len(hits))
    ]
    fall, place = max(falls, default=(0.0, len(hits)), key=lambda pair: (pair[0], -pair[1]))
    return hits[:place] if fall > 0 else hits


def _step(store: Storage, reached: dict[str, int], distance: int) -> None:
    """Adds the nodes that are one edge from those reached last."""
    last = [node for node, away in reached.items() if away == distance - 1]
    if len(reached) <= _MOST_VISITED:
        for row in store.rows(_STEP, json.dumps(last)):
            reached.setdefault(row["node"], distance)


def _step_to(store: Storage, reached: dict[str, int], wanted: set[str]) -> bool:
    """Adds those of `wanted` that are one edge from the start; whether these are all of them. The
    node of a person can have thousands of others around it."""
    for row in store.rows(_PAIRS, json.dumps(list(reached)), json.dumps(list(wanted))):
        reached.setdefault(row["node"], 1)
    return wanted <= reached.keys()


def _two_steps_to(store: Storage, reached: dict[str, int], wanted: set[str]) -> None:
    """Adds those of `wanted` that are one or two edges from the start, of which two is `_HOPS`."""
    origins = json.dumps(list(reached))
    if not _step_to(store, reached, wanted):
        left = json.dumps(list(wanted - reached.keys()))
        for row in store.rows(_IN_TWO, left, origins):
            reached[row["node"]] = _HOPS


def _places(store: Storage, kind: str, hits: list[Hit]) -> dict[str, set[str]]:
    """The nodes that each hit touches."""
    sql = _PLACES["edges" if kind == "observations" else kind]
    places: dict[str, set[str]] = {hit.uuid: set() for hit in hits}
    for row in store.rows(sql, json.dumps(list(places))):
        places[row["uuid"]].add(row["node"])
    return {uuid: nodes for uuid, nodes in places.items() if nodes}


def _nearest(places: dict[str, set[str]], reached: dict[str, int]) -> dict[str, int]:
    """The distance of each hit whose place was reached: its nearest one's."""
    near = {
        uuid: min((reached[node] for node in nodes if node in reached), default=None)
        for uuid, nodes in places.items()
    }
    return {uuid: distance for uuid, distance in near.items() if distance is not None}
