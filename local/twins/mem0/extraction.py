"""What an ADD does: facts by rule from what was said, each kept once, older ones marked.

Nothing is ever changed or removed: a statement that no longer holds is marked `replaced_by`, a
barer copy of a fuller one `merged_into`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.twins.facts import Fact, contradicts
from local.twins.mem0 import store as rows
from local.twins.mem0.categories import categorised
from local.twins.mem0.conditions import ENTITIES
from local.twins.mem0.near import near, normal
from local.twins.mem0.store import New, Scope
from local.twins.rules import extract
from local.twins.server import Json
from local.twins.storage import Row, Storage


def work(store: Storage, job: Json, *, hidden_count: bool = False) -> list[Json]:
    """Does an ADD; answers what was added. `hidden_count`: what equals a hidden memory is dropped,
    as what equals a visible one is."""
    if job.get("infer", True) is False:
        return _verbatim(store, job)
    results = []
    for message in job["messages"]:
        scope = _attributed(job, message["role"])
        for fact in extract(words_of(message["content"])) if scope else ():
            at = job["created_at"]
            if _known(store, fact.text, scope, at=at, hidden_count=hidden_count):
                continue
            added = _learned(store, job, fact, scope=scope, spoken=message)
            results.extend([added] if added else [])
    return results


def words_of(content: Any) -> str:
    """The text of a message's content; images and documents have none that could be read here."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "\n".join(str(part["text"]) for part in parts if part.get("type") == "text")


def _attributed(job: Json, role: str) -> dict[str, str]:
    """Whose a fact is: with a user and an agent, each turn's facts are its speaker's own."""
    scope = {name: job[name] for name in ENTITIES if job.get(name)}
    if role == "system" or (role == "assistant" and "agent_id" not in scope):
        return {}
    if {"user_id", "agent_id"} <= set(scope):
        del scope["agent_id" if role == "user" else "user_id"]
    return scope


def _verbatim(store: Storage, job: Json) -> list[Json]:
    """One memory for each message that isn't the system's, unless its scope has the same text."""
    scope = {name: job[name] for name in ENTITIES if job.get(name)}
    results = []
    for message in job["messages"]:
        text = message["content"]
        known = store.row(
            "select 1 from memories where scope = ? and normal = ? and memory = ? and verbatim",
            rows.scope_key(scope),
            normal(text),
            text,
        )
        if message["role"] != "system" and not known:
            results.append(rows.add(store, _new(job, text, scope, message, verbatim=True)))
    return results


def _new(job: Json, text: str, scope: Scope, spoken: Json, **more: Any) -> New:
    return New(
        text=text,
        scope=scope,
        created_at=job["created_at"],
        spoken=[spoken],
        metadata=job.get("metadata") or {},
        expiration_date=job.get("expiration_date"),
        categories=categorised(text, job.get("custom_categories")),
        immutable=job.get("immutable", False),
        **more,
    )


def _learned(store: Storage, job: Json, fact: Fact, *, scope: Scope, spoken: Json) -> Json | None:
    at = job["created_at"]
    older = list(_rivals(store, fact, scope))
    if any(_fuller(had, fact) and not _hidden(row) for row, had in older):
        return None
    added = rows.add(store, _new(job, fact.text, scope, spoken, fact=fact))
    for row, had in older:
        if _fuller(fact, had):
            store.run("update memories set merged_into = ? where id = ?", added["id"], row["id"])
        elif row["created_at"] <= at:
            store.run("update memories set replaced_by = ? where id = ?", added["id"], row["id"])
        else:
            store.run("update memories set replaced_by = ? where id = ?", row["id"], added["id"])
    return added


def _known(store: Storage, text: str, scope: Scope, *, at: str, hidden_count: bool) -> bool:
    """Whether the scope has a near-duplicate that still held at that time and isn't hidden, or is
    and counts all the same."""
    found = store.row(
        """
        select 1 from memories left join memories as newer on newer.id = memories.replaced_by
        where memories.seq in (
                select seq from memories where scope = ?1 and near = ?2
                union select seq from memories where scope = ?1 and normal = ?3)
            and not memories.verbatim and (newer.id is null or newer.created_at > ?4)
            and (memories.expiration_date is null or memories.expiration_date >= ?5)""",
        rows.scope_key(scope),
        near(text),
        normal(text),
        at,
        "" if hidden_count else rows.today(),
    )
    return found is not None


def _rivals(store: Storage, fact: Fact, scope: Scope) -> Iterator[tuple[Row, Fact]]:
    """Statements that hold and can't hold together with this one, or that say it with less."""
    topic = rows.topic_key(scope, fact)
    sql = "select * from memories where topic = ? and replaced_by is null and merged_into is null"
    if fact.functional and fact.positive:
        found = store.rows(sql, topic)
    else:
        found = store.rows(f"{sql} and value = ?", topic, near(fact.object, part=True))
    for row in found:
        had = rows.fact_of(row)
        if had and (contradicts(fact, had) or _fuller(fact, had) or _fuller(had, fact)):
            yield row, had


def _fuller(fact: Fact, other: Fact) -> bool:
    """Whether a fact says what the other says and more: "Lives in Pune near the river"."""
    if not (fact.functional and other.functional and fact.positive and other.positive):
        return False
    if fact.family != other.family:
        return False
    barer, parts = near(other.object, part=True), fact.object.split(",")
    if len(parts) > 1 and barer in (near(one, part=True) for one in parts):
        return True
    words = fact.object.split()
    begun = [n for n in range(1, len(words)) if near(" ".join(words[:n]), part=True) == barer]
    # A name goes on with a name; but "Mexico City" is not a fuller "Mexico".
    names = fact.family.endswith("name") or fact.family == "partner"
    return any(names or words[n - 1].endswith(",") or not words[n][0].isupper() for n in begun)


def _hidden(row: Row) -> bool:
    return row["expiration_date"] is not None and row["expiration_date"] < rows.today()
