"""The context block: a summary of the person, the facts that matter to a query, and entities.

Episodes are never part of it, as at the service. Observations and thread summaries are left to
their searches: what the twin has of them repeats facts of the block, ended ones among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from local.twins import moments
from local.twins.facts import USER
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import ranking, reading
from local.twins.zep.filters import NOTHING, Where
from local.twins.zep.ranking import Hit

DEFAULT_CHARACTERS = 2500
MOST_CHARACTERS = 50_000
# How much being among the newest counts beside the words.
BIASES = {"off": 0.0, "mild": 0.2, "strong": 0.6}
_MOST_FACTS = 20
_LOOKED_AT = 120
_MOST_NODES = 5
_MOST_ABOUT = 200
_MOST_QUOTED = 400
_HEAD = "# What is known of the user in short\n<USER_SUMMARY>\n{0}\n</USER_SUMMARY>\n\n"
_FACTS = (
    "# Facts that matter now, with the time in which each holds\n"
    "# format: FACT (Date range: from - to)\n<FACTS>"
)
_FACTS_END = "</FACTS>"
_ENTITIES = "\n\n# Who and what the facts are about\n# format: NAME: summary\n<ENTITIES>"
_ENTITIES_END = "</ENTITIES>"
_NEWEST = (
    "select edges.uuid from edges where edges.graph_uuid = ? and edges.invalid_at is null{0} "
    "order by edges.said_at desc, edges.seq desc limit ?"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the graph may be chosen, and how much newer goes before older."""

    bias: str = "off"
    edges: Where = NOTHING
    nodes: Where = NOTHING


_ANY = Choice()


def assemble(
    store: Storage, graph: str, query: str, *, most: int, results: bool, choice: Choice = _ANY
) -> Json:
    """`context` of at most `most` characters, `truncated`, and what was chosen if asked for."""
    scores, edges = _chosen_edges(store, graph, query, choice)
    hits, nodes = _chosen_nodes(store, graph, query, choice)
    block = _head(store, graph, most) + _FACTS
    lines = _fitting(map(_fact, edges), most - len(block) - len(_FACTS_END) - 1)
    truncated = len(lines) < len(edges)
    block = "\n".join([block, *lines, _FACTS_END])
    edges, spare = edges[: len(lines)], most - len(block) - len(_ENTITIES) - len(_ENTITIES_END) - 1
    others = [row for row in nodes if row["key"] != USER]
    about = _fitting(map(_entity, others), spare)
    if about:
        block += "\n".join([_ENTITIES, *about, _ENTITIES_END])
    answer: Json = {"context": block[:most], "truncated": truncated or len(about) < len(others)}
    if results:
        answer["results"] = {
            "edges": [
                {**reading.edge_json(row), "score": scores.get(row["uuid"], 0.0)} for row in edges
            ],
            "nodes": [
                {**reading.node_json(row), "score": hits[row["uuid"]].score} for row in nodes
            ],
            "episodes": [],
            "observations": [],
            "thread_summaries": [],
        }
        for kind in ("edges", "nodes"):
            for rank, item in enumerate(answer["results"][kind], 1):
                item["selection_rank"] = rank
    return answer


def of_thread(store: Storage, thread: Row) -> str:
    """The block for the end of a thread."""
    block = assemble(
        store,
        thread["graph_uuid"],
        thread_query(store, thread["uuid"]),
        most=DEFAULT_CHARACTERS,
        results=False,
    )
    found: str = block["context"]
    return found


def thread_query(store: Storage, thread_uuid: str) -> str:
    """What a thread is about at its end: its last four messages."""
    found = store.rows(
        "select content from episodes where thread_uuid = ? order by seq desc limit 4", thread_uuid
    )
    return " ".join(row["content"][:_MOST_QUOTED] for row in reversed(found))


def _chosen_edges(
    store: Storage, graph: str, query: str, choice: Choice
) -> tuple[dict[str, float], list[Row]]:
    """What matches the query, then what is known of the person and holds, newest first."""
    hits = ranking.found(store, "edges", graph, query, choice.edges, candidates=_LOOKED_AT)
    hits = _biased(store, hits, BIASES[choice.bias])[:_MOST_FACTS]
    newest = store.rows(_NEWEST.format(choice.edges.sql), graph, *choice.edges.values, _MOST_FACTS)
    uuids = dict.fromkeys([*(hit.uuid for hit in hits), *(row["uuid"] for row in newest)])
    return {hit.uuid: hit.score for hit in hits}, reading.edges(store, [*uuids][:_MOST_FACTS])


def _chosen_nodes(
    store: Storage, graph: str, query: str, choice: Choice
) -> tuple[dict[str, Hit], list[Row]]:
    """The nodes that match the query best."""
    hits = ranking.found(store, "nodes", graph, query, choice.nodes, candidates=_LOOKED_AT)
    hits = hits[:_MOST_NODES]
    return {hit.uuid: hit for hit in hits}, reading.nodes(store, [hit.uuid for hit in hits])


def _biased(store: Storage, hits: list[Hit], bias: float) -> list[Hit]:
    """In order of words and, with a bias, of how recently a fact was stated."""
    if not bias or not hits:
        return hits
    stated = {row["uuid"]: row["said_at"] for row in reading.edges(store, [h.uuid for h in hits])}
    newest_last = sorted(hits, key=lambda hit: stated[hit.uuid])
    place = {hit.uuid: rank / len(hits) for rank, hit in enumerate(newest_last, 1)}
    return sorted(hits, key=lambda hit: -((1 - bias) * hit.score + bias * place[hit.uuid]))


def _head(store: Storage, graph: str, most: int) -> str:
    """The summary of the person; a graph that is nobody's has none."""
    person = reading.person(store, graph)
    return _HEAD.format(reading.summary_of(person)[: most // 4]) if person else ""


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """As many of the lines as fit, each with the line break before it."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _fact(row: Row) -> str:
    begins = _shown(moments.parse(row["valid_at"])) if row["valid_at"] else "date unknown"
    until = _shown(moments.parse(row["invalid_at"])) if row["invalid_at"] else "present"
    return f"  - {row['fact']} ({begins} - {until})"


def _entity(row: Row) -> str:
    return f"  - {row['name']}: {reading.summary_of(row)[:_MOST_ABOUT]}"


def _shown(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
