"""The context block: a summary of the person and the facts that matter to a query."""

from __future__ import annotations

from datetime import datetime

from local.twins import moments
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import reading

DEFAULT_CHARACTERS = 2500
MOST_CHARACTERS = 50_000
_MOST_FACTS = 20
_MOST_NODES = 5
_TAIL = "</FACTS>"


def assemble(store: Storage, graph: str, query: str, *, most: int, results: bool) -> Json:
    """`context` of at most `most` characters, `truncated`, and what was chosen if asked for."""
    edges = _chosen_edges(store, graph, query)
    nodes = [row for _, row in reading.ranked_nodes(store, graph, query)[:_MOST_NODES]]
    head = _head(store, graph, most)
    kept: list[tuple[float, Row]] = []
    lines: list[str] = []
    room = most - len(head) - len(_TAIL)
    for value, row in edges:
        line = _line(row)
        if len(line) + 1 > room:
            break
        room -= len(line) + 1
        lines.append(line)
        kept.append((value, row))
    block = "\n".join([head, *lines, _TAIL])[:most]
    answer: Json = {"context": block, "truncated": len(kept) < len(edges)}
    if results:
        answer["results"] = {
            "edges": [
                {**reading.edge_json(row), "score": value, "selection_rank": rank}
                for rank, (value, row) in enumerate(kept, 1)
            ],
            "nodes": [
                {**reading.node_json(row), "selection_rank": rank}
                for rank, row in enumerate(nodes, 1)
            ],
            "episodes": [],
            "observations": [],
            "thread_summaries": [],
        }
    return answer


def thread_query(store: Storage, thread_uuid: str) -> str:
    """What a thread is about at its end: its last four messages."""
    found = store.rows(
        "select content from episodes where thread_uuid = ? order by seq desc limit 4", thread_uuid
    )
    return " ".join(row["content"] for row in reversed(found))


def _chosen_edges(store: Storage, graph: str, query: str) -> list[tuple[float, Row]]:
    """What matches the query, then what is known of the person and holds, newest first."""
    chosen = reading.ranked_edges(store, graph, query, {})[:_MOST_FACTS]
    taken = {row["uuid"] for _, row in chosen}
    others = [
        (0.0, row)
        for row in reading.all_edges(store, graph)
        if row["uuid"] not in taken and row["invalid_at"] is None
    ]
    return [*chosen, *others][:_MOST_FACTS]


def _head(store: Storage, graph: str, most: int) -> str:
    person = next(iter(reading.all_nodes(store, graph)), None)
    summary = reading.node_json(person)["summary"] if person else ""
    return (
        "# What is known of the user in short\n<USER_SUMMARY>\n"
        f"{summary[: most // 4]}\n</USER_SUMMARY>\n\n"
        "# Facts that matter now, with the time in which each holds\n"
        "# format: FACT (Date range: from - to)\n<FACTS>"
    )


def _line(row: Row) -> str:
    until = _shown(moments.parse(row["invalid_at"])) if row["invalid_at"] else "present"
    return f"  - {row['fact']} ({_shown(moments.parse(row['valid_at']))} - {until})"


def _shown(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
