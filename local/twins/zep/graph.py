"""The temporal graph: facts become edges, newer evidence ends what it contradicts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from local.twins import moments, when
from local.twins.facts import USER, Fact, contradicts, value_of
from local.twins.rules import extract
from local.twins.server import Json
from local.twins.storage import Row, Storage
from local.twins.zep import indexing
from local.twins.zep.rows import new_id

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


_NEVER = "9999"
_SPEAKER = re.compile(r"^[\w .'()-]{1,50}: (?=\S)", re.MULTILINE)
# What one statement can bear on: the same value, and of what holds one value at a time, what holds
# or was said or ended later. Each part goes by an index, so it costs the same in a large graph.
_SAME = "select * from edges where source_uuid = ?1 and family = ?2 and value = ?3"
_OTHERS = """
union select * from edges
    where source_uuid = ?1 and family = ?2 and invalid_at is null and functional = 1
union select * from edges
    where source_uuid = ?1 and family = ?2 and invalid_at > ?4 and functional = 1
union select * from edges
    where source_uuid = ?1 and family = ?2 and said_at > ?5 and functional = 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A fact with its place in the graph and its times (text that sorts as time)."""

    fact: Fact
    text: str
    name: str
    source: str
    target: str
    said_at: str
    valid_at: str
    """ "" when nobody knows."""
    invalid_at: str | None = None
    expired_at: str | None = None
    attributes: str | None = None


def learn(store: Storage, episode: Row, *, strict: bool = False) -> list[Json]:
    """Adds what an episode states to its graph; answers the edges it stated.

    `strict` leaves out what would need a node of no type but Entity.
    """
    said = moments.parse(episode["reference_time"])
    learned = []
    for fact in extract(_words(episode)):
        if strict and not _is_typed(fact):
            continue
        source = _subject(store, episode, fact)
        evidence = Evidence(
            fact=fact,
            text=fact.text,
            name=fact.edge_name,
            source=source,
            target=_target(store, episode, fact, source),
            said_at=episode["reference_time"],
            valid_at=moments.stamp(when.moment(fact.when, said) or said),
        )
        edge = state(store, episode["graph_uuid"], evidence)
        for owner in (edge, evidence.source, evidence.target):
            mention(store, owner, episode)
        indexing.renew_observation(store, edge)
        learned.append(
            {"edge_uuid": edge, "source_node_uuid": source, "target_node_uuid": evidence.target}
        )
    return learned


def _is_typed(fact: Fact) -> bool:
    """Whether the fact's value is a node of a type, or no node of its own."""
    named = fact.predicate == "name is" or fact.family.endswith("'s name")
    return named or not fact.object or fact.family in _LABELS


def _words(episode: Row) -> str:
    """What was said; data of type message names the speaker before each line."""
    words: str = episode["content"]
    if episode["source"] == "message" and episode["thread_uuid"] is None:
        return _SPEAKER.sub("", words)
    return words


def create_user_node(store: Storage, user: Row) -> str:
    """The node that stands for the person."""
    return add_node(store, user["graph_uuid"], person_name(user), key=USER, label="User")


def person_name(user: Row) -> str:
    """What that node is called."""
    return " ".join(name for name in (user["first_name"], user["last_name"]) if name) or "User"


def state(store: Storage, graph: str, evidence: Evidence, edge: str | None = None) -> str:
    """The edge that carries the evidence: one that says the same, or a new one, named `edge`.

    What the evidence contradicts ends when it begins; what contradicts it and was said later, ends
    the evidence.
    """
    rows = _related(store, evidence)
    against = [row for row in rows if contradicts(evidence.fact, _fact_of(row))]
    newer = [row for row in against if row["said_at"] > evidence.said_at]
    same = _saying_the_same(rows, evidence, superseded=bool(newer))
    if same:
        _confirm(store, same, evidence)
    else:
        later = min((row["valid_at"] or row["said_at"] for row in newer), default=None)
        same = insert(store, graph, _ended(evidence, later), edge)
    for row in against:
        if row["said_at"] <= evidence.said_at:
            _end(store, row, evidence.valid_at)
    return same


def insert(store: Storage, graph: str, evidence: Evidence, edge: str | None = None) -> str:
    """Adds an edge as it is given, whatever else the graph says."""
    fact, edge = evidence.fact, edge or new_id()
    store.insert(
        "edges",
        uuid=edge,
        graph_uuid=graph,
        name=evidence.name,
        fact=evidence.text,
        source_uuid=evidence.source,
        target_uuid=evidence.target,
        object=fact.object,
        value=value_of(fact.object),
        family=fact.family,
        functional=int(fact.functional),
        positive=int(fact.positive),
        said_at=evidence.said_at,
        valid_at=evidence.valid_at,
        invalid_at=evidence.invalid_at,
        created_at=moments.stamp(moments.now()),
        expired_at=evidence.expired_at,
        attributes=evidence.attributes,
    )
    indexing.put_edge(store, edge)
    return edge


def _related(store: Storage, evidence: Evidence) -> list[Row]:
    fact = evidence.fact
    known = [evidence.source, fact.family, value_of(fact.object)]
    if not (fact.functional and fact.positive):
        return store.rows(f"{_SAME} order by seq", *known)
    return store.rows(f"{_SAME}{_OTHERS} order by seq", *known, evidence.valid_at, evidence.said_at)


def _ended(evidence: Evidence, later: str | None) -> Evidence:
    if later is None:
        return evidence
    return replace(
        evidence,
        invalid_at=min(max(later, evidence.valid_at), evidence.invalid_at or _NEVER),
        expired_at=evidence.expired_at or moments.stamp(moments.now()),
    )


def _saying_the_same(rows: list[Row], evidence: Evidence, *, superseded: bool) -> str | None:
    """An edge of equal text that holds; an ended one only for evidence that came late."""
    equal = [
        row
        for row in rows
        if row["fact"].casefold() == evidence.text.casefold()
        and (row["invalid_at"] is None or superseded)
    ]
    return equal[-1]["uuid"] if equal else None


def _confirm(store: Storage, edge: str, evidence: Evidence) -> None:
    store.run(
        "update edges set said_at = max(said_at, ?1) where uuid = ?2 and invalid_at is null",
        evidence.said_at,
        edge,
    )


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
    indexing.renew_observation(store, row["uuid"])


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
        node = node_of(store, graph, USER) or _speaker(store, graph)
        if fact.predicate == "name is":
            store.run("update nodes set name = ? where uuid = ?", fact.object, node)
            indexing.put_node(store, node)
        return node
    label = fact.subject.capitalize()
    if fact.subject_name is None:
        known = store.rows(
            "select uuid from nodes where graph_uuid = ? and labels = ? limit 2",
            graph,
            json.dumps(["Entity", label]),
        )
        if len(known) == 1:
            return str(known[0]["uuid"])
    return add_node(store, graph, fact.subject_name or label, label=label)


def _speaker(store: Storage, graph: str) -> str:
    """A new node for who speaks: the graph's person, or somebody in a graph that is nobody's."""
    user = store.row("select * from users where graph_uuid = ?", graph)
    return (
        create_user_node(store, user)
        if user
        else add_node(store, graph, "User", key=USER, label="User")
    )


def _target(store: Storage, episode: Row, fact: Fact, source: str) -> str:
    graph = episode["graph_uuid"]
    owner = re.match(r"(.+)'s name$", fact.family)
    if owner:
        label = owner[1].capitalize()
        nameless = store.row(
            "update or ignore nodes set name = ?, key = ? where graph_uuid = ? and key = ? "
            "returning uuid",
            fact.object,
            fact.object.casefold(),
            graph,
            label.casefold(),
        )
        if nameless:
            indexing.put_node(store, nameless["uuid"])
        return add_node(store, graph, fact.object, label=label)
    if fact.predicate == "name is" or not fact.object:
        return source
    return add_node(store, graph, fact.object, label=_LABELS.get(fact.family))


def add_node(
    store: Storage, graph: str, name: str, *, key: str | None = None, label: str | None = None
) -> str:
    """The node of that name (or key) in a graph, made if there is none."""
    plain = plain_name(name)
    known = node_of(store, graph, key or plain.casefold())
    if known:
        return known
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
    indexing.put_node(store, node)
    return node


def plain_name(name: str) -> str:
    """A name without its article."""
    return re.sub(r"^(?:an?|the|my|our) ", "", name) or name


def node_of(store: Storage, graph: str, key: str) -> str | None:
    """The node with that key: `user`, or a name in lower case."""
    row = store.row("select uuid from nodes where graph_uuid = ? and key = ?", graph, key)
    return str(row["uuid"]) if row else None


def mention(store: Storage, owner: str, episode: Row) -> None:
    """Notes that an edge or a node comes from an episode, once."""
    store.run(
        "insert or ignore into mentions (owner_uuid, episode_uuid, seq) values (?, ?, ?)",
        owner,
        episode["uuid"],
        episode["seq"],
    )
