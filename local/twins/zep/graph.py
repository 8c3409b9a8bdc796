"""The temporal graph: facts become edges, newer evidence ends what it contradicts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from local.twins import moments, when
from local.twins.facts import USER, Fact, contradicts
from local.twins.rules import extract
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep.store import new_id

_LABELS = {
    "lives": "Location",
    "born place": "Location",
    "grew up": "Location",
    "is from": "Location",
    "works at": "Organization",
    "studies at": "Organization",
    "partner": "Person",
    "likes": "Preference",
    "plans": "Plan",
}


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A fact with its place in the graph and its times (text that sorts as time)."""

    fact: Fact
    source: str
    target: str
    said_at: str
    valid_at: str


def learn(store: Storage, episode: Row) -> list[Json]:
    """Adds what an episode states to its graph; answers the edges it stated."""
    said = moments.parse(episode["reference_time"])
    learned = []
    for fact in extract(episode["content"]):
        source = _subject(store, episode, fact)
        evidence = _Evidence(
            fact=fact,
            source=source,
            target=_target(store, episode, fact, source),
            said_at=episode["reference_time"],
            valid_at=moments.stamp(when.moment(fact.when, said) or said),
        )
        edge = _state(store, episode["graph_uuid"], evidence)
        for owner in (edge, evidence.source, evidence.target):
            _mention(store, owner, episode)
        learned.append(
            {"edge_uuid": edge, "source_node_uuid": source, "target_node_uuid": evidence.target}
        )
    return learned


def create_user_node(store: Storage, user: Row) -> None:
    """The node that stands for the person."""
    name = " ".join(part for part in (user["first_name"], user["last_name"]) if part)
    _node(store, user["graph_uuid"], name or "User", key=USER, label="User")


def forget_edge(store: Storage, edge: str) -> None:
    """Removes an edge and where it came from."""
    store.run("delete from edges where uuid = ?", edge)
    store.run("delete from mentions where owner_uuid = ?", edge)


def forget_episode(store: Storage, episode: str) -> None:
    """Removes an episode; facts that nothing else states go with it."""
    store.run(
        "delete from edges where uuid in (select owner_uuid from mentions where episode_uuid = ?1) "
        "and not exists (select 1 from mentions as other where other.owner_uuid = edges.uuid and "
        "other.episode_uuid <> ?1)",
        episode,
    )
    store.run("delete from mentions where episode_uuid = ?", episode)
    store.run("delete from episodes where uuid = ?", episode)


def _state(store: Storage, graph: str, evidence: _Evidence) -> str:
    """The edge that carries the evidence: one that says the same, or a new one."""
    rows = store.rows(
        "select * from edges where graph_uuid = ? and source_uuid = ? and family = ? order by seq",
        graph,
        evidence.source,
        evidence.fact.family,
    )
    against = [row for row in rows if contradicts(evidence.fact, _fact_of(row))]
    newer = [row for row in against if row["said_at"] > evidence.said_at]
    same = _saying_the_same(rows, evidence, superseded=bool(newer))
    if same:
        _confirm(store, same, evidence)
    else:
        later = min((row["valid_at"] for row in newer), default=None)
        same = _insert(store, graph, evidence, ends=later)
    for row in against:
        if row["said_at"] <= evidence.said_at:
            _end(store, row, evidence.valid_at)
    return same


def _saying_the_same(rows: list[Row], evidence: _Evidence, *, superseded: bool) -> str | None:
    """An edge of equal text that holds; an ended one only for evidence that came late."""
    equal = [
        row
        for row in rows
        if row["fact"].casefold() == evidence.fact.text.casefold()
        and (row["invalid_at"] is None or superseded)
    ]
    return equal[-1]["uuid"] if equal else None


def _confirm(store: Storage, edge: str, evidence: _Evidence) -> None:
    store.run(
        "update edges set said_at = max(said_at, ?1) where uuid = ?2 and invalid_at is null",
        evidence.said_at,
        edge,
    )


def _insert(store: Storage, graph: str, evidence: _Evidence, *, ends: str | None) -> str:
    fact, edge, at = evidence.fact, new_id(), moments.stamp(moments.now())
    store.insert(
        "edges",
        uuid=edge,
        graph_uuid=graph,
        name=fact.edge_name,
        fact=fact.text,
        source_uuid=evidence.source,
        target_uuid=evidence.target,
        object=fact.object,
        family=fact.family,
        functional=int(fact.functional),
        positive=int(fact.positive),
        said_at=evidence.said_at,
        valid_at=evidence.valid_at,
        invalid_at=max(ends, evidence.valid_at) if ends else None,
        created_at=at,
        expired_at=at if ends else None,
    )
    return edge


def _end(store: Storage, row: Row, ends: str) -> None:
    """Ends an edge, unless it ended before. Its start is moved back when it would lie after the
    end: a start that nobody named was only the time of saying."""
    if row["invalid_at"] is not None and row["invalid_at"] <= ends:
        return
    store.run(
        "update edges set invalid_at = ?1, valid_at = min(valid_at, ?1), "
        "expired_at = coalesce(expired_at, ?2) where uuid = ?3",
        ends,
        moments.stamp(moments.now()),
        row["uuid"],
    )


def _fact_of(row: Row) -> Fact:
    return Fact(
        "",
        row["object"],
        row["family"],
        functional=bool(row["functional"]),
        positive=bool(row["positive"]),
    )


def _subject(store: Storage, episode: Row, fact: Fact) -> str:
    """The node the fact is about. "My sister" is the one sister known, if there is only one."""
    graph = episode["graph_uuid"]
    if fact.subject == USER:
        if fact.predicate == "name is":
            store.run(
                "update nodes set name = ? where graph_uuid = ? and key = ?",
                fact.object,
                graph,
                USER,
            )
        return _node(store, graph, "User", key=USER, label="User")
    label = fact.subject.capitalize()
    if fact.subject_name is None:
        known = store.rows(
            "select uuid from nodes where graph_uuid = ? and labels = ?",
            graph,
            json.dumps(["Entity", label]),
        )
        if len(known) == 1:
            return str(known[0]["uuid"])
    return _node(store, graph, fact.subject_name or label, label=label)


def _target(store: Storage, episode: Row, fact: Fact, source: str) -> str:
    graph = episode["graph_uuid"]
    owner = re.match(r"(.+)'s name$", fact.family)
    if owner:
        label = owner[1].capitalize()
        store.run(
            "update or ignore nodes set name = ?, key = ? where graph_uuid = ? and key = ?",
            fact.object,
            fact.object.casefold(),
            graph,
            label.casefold(),
        )
        return _node(store, graph, fact.object, label=label)
    if fact.predicate == "name is" or not fact.object:
        return source
    return _node(store, graph, fact.object, label=_LABELS.get(fact.family))


def _node(
    store: Storage, graph: str, name: str, *, key: str | None = None, label: str | None = None
) -> str:
    plain = re.sub(r"^(?:an?|the|my|our) ", "", name) or name
    row = store.row(
        "select uuid from nodes where graph_uuid = ? and key = ?",
        graph,
        key or plain.casefold(),
    )
    if row:
        return str(row["uuid"])
    node = new_id()
    store.insert(
        "nodes",
        uuid=node,
        graph_uuid=graph,
        name=plain,
        key=key or plain.casefold(),
        labels=json.dumps(["Entity", label] if label else ["Entity"]),
        created_at=moments.stamp(moments.now()),
    )
    return node


def _mention(store: Storage, owner: str, episode: Row) -> None:
    store.run(
        "insert or ignore into mentions (owner_uuid, episode_uuid, seq) values (?, ?, ?)",
        owner,
        episode["uuid"],
        episode["seq"],
    )
