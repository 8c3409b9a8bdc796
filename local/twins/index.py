"""An inverted index beside a twin's rows, so that a search need not read every one of them.

Documents stand in collections (one person's facts, say) and are found by the stems and concepts of
`local.twins.text`. The score is worked out in SQL and is that of `text.score`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from local.twins.storage import Storage
from local.twins.text import WHOLE, marks, understand, wanted

# A posting repeats what the score needs of its document: one scan answers a search.
SCHEMA = """
create table if not exists index_documents (
    id integer primary key autoincrement, document text not null unique, collection text not null);
create index if not exists index_documents_of_collection on index_documents (collection);
create table if not exists index_postings (
    collection text not null, mark text not null, id integer not null, relation text,
    stems integer not null, primary key (collection, mark, id)) without rowid;
create index if not exists index_postings_of_document on index_postings (id);
"""
# A query without a word that counts fits everything, as in `text.score`.
_ALL = "select document, 0.3 as score from index_documents where collection = ?"
# `asked` has a row for each mark that the query is answered by, with its weight.
_SOME = """
select documents.document as document, round(
    min(1.0, 1.0 * met.weight / ?)
    * (case when met.relation is null or met.relation = ? or ? then 1.0 else 0.6 end)
    * (0.96 + 0.04 / (1 + met.stems)), 6) as score
from (select postings.id as id, relation, stems, sum(asked.column2) as weight
    from (values {rows}) as asked cross join index_postings as postings
        on postings.collection = ? and postings.mark = asked.column1
    group by postings.id) as met
join index_documents as documents on documents.id = met.id"""

# The same for documents that were chosen before: {chosen} selects their ids.
_CHOSEN = """
select documents.document as document, round(
    min(1.0, 1.0 * met.weight / ?)
    * (case when met.relation is null or met.relation = ? or ? then 1.0 else 0.6 end)
    * (0.96 + 0.04 / (1 + met.stems)), 6) as score
from (select chosen.id as id, relation, stems, sum(asked.column2) as weight
    from ({chosen}) as chosen cross join (values {rows}) as asked
    cross join index_postings as postings on postings.collection = ?
        and postings.mark = asked.column1 and postings.id = chosen.id
    group by chosen.id) as met
join index_documents as documents on documents.id = met.id"""
_NEWEST = (
    "select id from (select id from index_postings where collection = ? and mark = ? "
    "order by id desc limit ?)"
)
_LISTED = "(select value from json_each(?))"
_COUNT = (
    "select count(*) as n from (select 1 from index_postings where collection = ? and mark = ? "
    "limit ?)"
)


_MOST_MARKS = 200  # of a query, to choose by; SQLite joins 500 selects at most


class Matches(NamedTuple):
    """A sub-select with the columns `document` and `score` (above 0), and its values."""

    sql: str
    values: list[Any]


def put(store: Storage, *, collection: str, document: str, text: str) -> None:
    """Adds a document, or replaces what was indexed for it."""
    drop(store, document)
    words = understand(text)
    row = store.row(
        "insert into index_documents (document, collection) values (?, ?) returning id",
        document,
        collection,
    )
    assert row is not None  # noqa: S101 - just inserted
    for mark in marks(words):
        store.insert(
            "index_postings",
            collection=collection,
            mark=mark,
            id=row["id"],
            relation=words.relation,
            stems=len(words.stems),
        )


def drop(store: Storage, document: str) -> None:
    """Forgets a document; one that isn't there is fine."""
    row = store.row("delete from index_documents where document = ? returning id", document)
    if row:
        store.run("delete from index_postings where id = ?", row["id"])


def drop_collection(store: Storage, collection: str) -> None:
    """Forgets all documents of a collection."""
    store.run("delete from index_postings where collection = ?", collection)
    store.run("delete from index_documents where collection = ?", collection)


def matches(collection: str, query: str) -> Matches:
    """The documents of a collection that have something in common with a query, each with how much
    (see `text.score`), in no order."""
    asked = understand(query)
    units = wanted(asked)
    if not units:
        return Matches(_ALL, [collection])
    weights: Counter[str] = Counter()
    for unit in units:
        weights.update(unit)
    values: list[Any] = [len(units) * WHOLE, asked.relation, asked.relation == "pet"]
    values += [value for row in weights.items() for value in row]
    sql = _SOME.format(rows=", ".join("(?, ?)" for _ in weights))
    return Matches(sql, [*values, collection])


def best(store: Storage, *, collection: str, query: str, most: int) -> Matches:
    """Like `matches`, but of about `most` documents, so that it costs the same in a collection of
    any size: all that have the query's rarer marks, and of those that only share what many have,
    the newest. The scores are the same."""
    everything = matches(collection, query)
    asked = {mark for unit in wanted(understand(query)) for mark in unit}
    if not asked:
        return Matches(f"{_ALL} order by id desc limit ?", [collection, most])
    counts = {mark: _count(store, collection, mark, most + 1) for mark in asked}
    if sum(counts.values()) <= most:
        return everything
    chosen: list[Any] = []
    room = most
    rarest = sorted((mark for mark in asked if counts[mark]), key=counts.__getitem__)[:_MOST_MARKS]
    for place, mark in enumerate(rarest):
        share = min(counts[mark], max(1, room // (len(rarest) - place)))
        chosen += [collection, mark, share]
        room -= share
    sql = _CHOSEN.format(
        chosen=" union ".join(_NEWEST for _ in rarest), rows=", ".join("(?, ?)" for _ in asked)
    )
    return Matches(sql, [*everything.values[:3], *chosen, *everything.values[3:]])


def among(*, collection: str, query: str, documents: Sequence[str]) -> Matches:
    """Like `matches`, but of these documents alone."""
    listed = json.dumps(list(documents))
    everything = matches(collection, query)
    asked = {mark for unit in wanted(understand(query)) for mark in unit}
    if not asked:
        return Matches(f"{_ALL} and document in {_LISTED}", [collection, listed])
    chosen = f"select id from index_documents where document in {_LISTED}"  # noqa: S608 - ours
    sql = _CHOSEN.format(chosen=chosen, rows=", ".join("(?, ?)" for _ in asked))
    return Matches(sql, [*everything.values[:3], listed, *everything.values[3:]])


def _count(store: Storage, collection: str, mark: str, most: int) -> int:
    row = store.row(_COUNT, collection, mark, most)
    return int(row["n"]) if row else 0
