"""Nodes and edges that a caller adds to a graph as they are, without a text to learn them from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.twins import moments
from local.twins.facts import USER, Fact, same_value, value_of
from local.twins.rules import extract
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import graph, indexing, rows, summaries


def node(store: Storage, owner: str, item: Mapping[str, Any]) -> str:
    """Adds a node under its own uuid, whatever others are called. Its metadata, if it has any,
    stands on an episode that no list shows."""
    uuid, plain = item.get("uuid") or rows.new_id(), graph.plain_name(item["name"])
    key = plain.casefold()
    if key == USER or graph.node_of(store, owner, key):
        key = f"{key}#{uuid}"
    labels = item.get("labels") or ([item["label"]] if item.get("label") else [])
    at = moments.stamp(moments.now())
    store.insert(
        "nodes",
        uuid=uuid,
        graph_uuid=owner,
        name=item["name"],
        key=key,
        labels=json.dumps([*dict.fromkeys(["Entity", *labels])]),
        created_at=item.get("created_at") or at,
        summary=item.get("summary"),
        attributes=json.dumps(item["attributes"]) if item.get("attributes") else None,
    )
    indexing.put_node(store, uuid)
    if item.get("metadata"):
        told = {"content": item["name"], "source": "text", "shadow": 1, **_heard(item, at)}
        graph.mention(store, uuid, rows.add_episode(store, owner, told, at))
    return str(uuid)


def edge(store: Storage, owner: str, item: Json, *, deduplicate: bool) -> Json:
    """Adds a fact triple and the episode that stands for it; answers what it came to.

    With `deduplicate` a node is matched by name first, an edge that says the same is confirmed, and
    what the fact contradicts ends.

    Raises:
        LookupError: a node that it refers to is gone.
    """
    at = moments.stamp(moments.now())
    source, target = (
        _end_of(store, owner, item[side], deduplicate=deduplicate)
        for side in ("source_node", "target_node")
    )
    evidence = graph.Evidence(
        fact=_fact(item["fact_name"], _name(store, target)),
        text=item["fact"],
        name=item["fact_name"],
        source=source,
        target=target,
        said_at=item.get("valid_at") or at,
        valid_at=item.get("valid_at") or (at if deduplicate else ""),
        invalid_at=item.get("invalid_at"),
        expired_at=item.get("expired_at"),
        attributes=json.dumps(item["attributes"]) if item.get("attributes") else None,
    )
    add = graph.state if deduplicate else graph.insert
    uuid = add(store, owner, evidence, item["uuid"])
    # An edge that says the same may lie between other nodes of these names.
    row = store.row("select source_uuid, target_uuid from edges where uuid = ?", uuid)
    source, target = (row["source_uuid"], row["target_uuid"]) if row else (source, target)
    told = {"content": item["fact"], "source": "fact_triple", **_heard(item, at)}
    episode = rows.add_episode(store, owner, told, at)
    indexing.put_episode(store, episode)
    for mentioned in dict.fromkeys((uuid, source, target)):
        graph.mention(store, mentioned, episode)
    indexing.renew_observation(store, uuid)
    return {
        "edge_uuid": uuid,
        "source_node_uuid": source,
        "target_node_uuid": target,
        "episode_uuid": episode["uuid"],
    }


def restate(store: Storage, row: Row, fact: str) -> None:
    """Gives an edge another fact. What the words state counts in what it contradicts."""
    store.run("update edges set fact = ? where uuid = ?", fact, row["uuid"])
    read = extract(f"I {fact[:1].lower()}{fact[1:]}")
    if len(read) == 1 and read[0].family == row["family"]:
        store.run(
            "update edges set object = ?, value = ?, positive = ? where uuid = ?",
            read[0].object,
            value_of(read[0].object),
            int(read[0].positive),
            row["uuid"],
        )
    indexing.put_edge(store, row["uuid"])
    for thread in summaries.telling(store, [row["uuid"]]):
        summaries.renew(store, thread)


def _end_of(store: Storage, owner: str, given: Json, *, deduplicate: bool) -> str:
    """The node at one end: the one referred to, or found by name, or a new one."""
    if given.get("uuid"):
        if _name(store, given["uuid"]) is None:
            raise LookupError("a node is gone")
        return str(given["uuid"])
    key = graph.plain_name(given["name"]).casefold()
    known = graph.node_of(store, owner, key) if deduplicate else None
    return known or node(store, owner, {**given, "uuid": given.get("assigned")})


def _name(store: Storage, uuid: str) -> str | None:
    row = store.row("select name from nodes where uuid = ?", uuid)
    return str(row["name"]) if row else None


def _fact(name: str, target: str | None) -> Fact:
    """What an edge of that name states, as if it had been said."""
    words = name.replace("_", " ").casefold()
    for fact in extract(f"I {words} {target}"):
        if same_value(fact.object, target or ""):
            return fact
    return Fact(words, target or "", words)


def _heard(item: Mapping[str, Any], at: str) -> Json:
    """What an episode of the caller's own making has besides its content."""
    return {
        "metadata": item.get("metadata"),
        "reference_time": item.get("valid_at") or at,
        "processed": 1,
    }
