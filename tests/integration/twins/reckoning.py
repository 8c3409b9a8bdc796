"""What a twin holds against what it has acknowledged."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.integration.twin_process import TwinProcess
from tests.integration.twins.writers import Note, until

_STATEMENT = re.compile(r"(?:I like|Likes) w(\d+)n(\d+)")
_DRAINED_WITHIN_SECONDS = 60.0

Said = tuple[int, int]


@dataclass
class Reckoning:
    """What is wrong, a word each, and how much of everything there is."""

    lost: list[str] = field(default_factory=list)
    """Acknowledged and not there."""
    twice: list[str] = field(default_factory=list)
    """There more than once, or worked on more than once."""
    wrong: list[str] = field(default_factory=list)
    """Never said, in the wrong order, or not ended well."""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether everything is there, once."""
        return not (self.lost or self.twice or self.wrong)

    def once(self, what: str, wanted: Iterable[Any], found: Iterable[Any]) -> None:
        """Each of `found` is there once, and all of `wanted` are there."""
        counted = Counter(found)
        self.lost += [f"{what} {one}" for one in sorted(set(wanted) - counted.keys())]
        self.twice += [f"{what} {one}" for one, times in sorted(counted.items()) if times > 1]

    def only(self, what: str, found: Iterable[Any], allowed: Iterable[Any]) -> None:
        """Nothing but what is allowed is there."""
        self.wrong += [f"{what} {one}" for one in sorted(set(found) - set(allowed))]


def said(text: str) -> Said:
    """Which statement a text is: writer and number."""
    found = _STATEMENT.fullmatch(text)
    assert found, f"nobody said {text!r}"
    return int(found[1]), int(found[2])


def of_zep(twin: TwinProcess, notes: list[Note]) -> Reckoning:
    """Messages, tasks and facts. Every statement was repeated until it was acknowledged."""
    until(lambda: not _open_tasks(twin), seconds=_DRAINED_WITHIN_SECONDS, what="tasks ended")
    reckoning = Reckoning()
    acknowledged = [note for note in notes if note.outcome == "acknowledged"]
    messages = [
        message
        for thread in sorted({note.place for note in notes})
        for message in _cursor_pages(twin, "GET", f"threads/{thread}/messages", page_size=200)
    ]
    stated = [said(message["content"]) for message in messages]
    reckoning.once("statement", [note.said for note in acknowledged], stated)
    reckoning.only("statement", stated, [note.said for note in notes])
    ids = [message["uuid"] for message in messages]
    reckoning.once("message", [uuid for note in acknowledged for uuid in note.ids], ids)
    _in_order(reckoning, messages)
    tasks = list(_cursor_pages(twin, "GET", "tasks", page_size=100, type="thread.add_messages"))
    reckoning.once("task", [note.job for note in acknowledged], [task["uuid"] for task in tasks])
    reckoning.only("ended", (task["status"] for task in tasks), ["succeeded"])
    worked_on = [e["episode_uuid"] for task in tasks for e in (task["result"] or {})["episodes"]]
    reckoning.once("ingested message", ids, worked_on)
    reckoning.wrong += [f"unread {m['uuid']}" for m in messages if not m["processed"]]
    facts = [said(edge["fact"]) for graph in _graphs(twin) for edge in _edges(twin, graph)]
    reckoning.once("fact", stated, facts)
    reckoning.counts = {
        "acknowledged": len(acknowledged),
        "messages": len(messages),
        "tasks": len(tasks),
        "facts": len(facts),
    }
    return reckoning


def _in_order(reckoning: Reckoning, messages: list[dict[str, Any]]) -> None:
    told = defaultdict[int, list[int]](list)
    for message in messages:
        writer, number = said(message["content"])
        told[writer].append(number)
    reckoning.wrong += [
        f"order of {w}" for w, numbers in told.items() if numbers != sorted(numbers)
    ]


def _open_tasks(twin: TwinProcess) -> bool:
    open_ones = ("pending", "processing")
    return any(twin.get("/api/v4/tasks", page_size=1, status=one)["items"] for one in open_ones)


def _graphs(twin: TwinProcess) -> list[str]:
    return [user["graph_uuid"] for user in _cursor_pages(twin, "POST", "users/list", page_size=100)]


def _edges(twin: TwinProcess, graph: str) -> Iterator[dict[str, Any]]:
    return _cursor_pages(twin, "POST", f"graphs/{graph}/edges/list", page_size=100)


def _cursor_pages(
    twin: TwinProcess, method: str, path: str, **query: Any
) -> Iterator[dict[str, Any]]:
    while True:
        where = f"/api/v4/{path}"
        page = twin.get(where, **query) if method == "GET" else twin.post(where, {}, **query)
        yield from page["items"]
        if not page.get("next_cursor"):
            return
        query["cursor"] = page["next_cursor"]


def of_mem0(twin: TwinProcess, notes: list[Note]) -> Reckoning:
    """Memories, events and history. What had an unknown outcome is there once or not at all."""
    until(lambda: not _open_events(twin), seconds=_DRAINED_WITHIN_SECONDS, what="events ended")
    reckoning = Reckoning()
    acknowledged = [note for note in notes if note.outcome == "acknowledged"]
    unknown = {note.said for note in notes if note.outcome == "unknown"}
    memories = [
        memory
        for person in sorted({note.place for note in notes})
        for memory in _numbered_pages(
            twin, "/v3/memories/", {"filters": {"user_id": person}}, page_size=200
        )
    ]
    stated = [said(memory["memory"]) for memory in memories]
    reckoning.once("statement", [note.said for note in acknowledged], stated)
    reckoning.only("statement", stated, {note.said for note in acknowledged} | unknown)
    ids = {memory["id"] for memory in memories}
    reckoning.lost += [f"memory {i}" for n in acknowledged for i in n.ids if i not in ids]
    events = list(_numbered_pages(twin, "/v1/events/", page_size=100))
    reckoning.once("event", [note.job for note in acknowledged], [event["id"] for event in events])
    reckoning.only("ended", (event["status"] for event in events), ["SUCCEEDED"])
    results = [result["id"] for event in events for result in event["results"]]
    reckoning.once("result", ids, results)
    reckoning.only("result", results, ids)
    history = list(_numbered_pages(twin, "/v1/memories/events/", limit=200))
    reckoning.once("added", ids, [line["memory_id"] for line in history])
    reckoning.counts = {
        "acknowledged": len(acknowledged),
        "unknown": len(unknown),
        "of them done": len(set(stated) & unknown),
        "memories": len(memories),
        "events": len(events),
    }
    return reckoning


def _open_events(twin: TwinProcess) -> bool:
    # What isn't inferred ends at once, whatever is open before it.
    events = _numbered_pages(twin, "/v1/events/", page_size=100)
    return any(event["status"] in {"PENDING", "RUNNING"} for event in events)


def _numbered_pages(
    twin: TwinProcess, path: str, body: Any = None, **query: Any
) -> Iterator[dict[str, Any]]:
    number, more = 1, True
    while more:
        asked = {**query, "page": number}
        page = twin.get(path, **asked) if body is None else twin.post(path, body, **asked)
        yield from page["results"]
        number, more = number + 1, page["next"] is not None
