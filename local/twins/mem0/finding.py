"""Which memories a request is about, and in what order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.twins import index, text
from local.twins.mem0 import reading
from local.twins.mem0 import store as rows
from local.twins.mem0.conditions import (
    ENTITIES,
    Where,
    between,
    both,
    containing,
    in_categories,
    metadata,
)
from local.twins.mem0.errors import refused
from local.twins.mem0.filters import compile_filters, cover
from local.twins.server import Json
from local.twins.storage import Row, Storage

_MOST_COLLECTIONS = 50
_LOOKED_AT = 200
_MOST_WORDS = 200
_ORDER = "order by memories.created_at desc, memories.seq desc"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A choice of memories."""

    where: Where
    collections: list[str]
    """Of the index; every memory of the choice is in one of them."""


def chosen(body: Json, *, listing: bool) -> Wanted:
    """The memories that `filters` and the options beside them let through.

    Raises:
        Refusal: 400.
    """
    given = sorted(set(body) & set(ENTITIES))
    if given:
        raise refused(f"{given[0]} must be given in filters", key="message")
    filters: Any = body.get("filters")
    where = compile_filters(filters, listing=listing)
    parts = [where, *visible(body), *_options(body)]
    if listing:
        parts += between(body.get("start_date"), body.get("end_date"))
    return Wanted(both(parts), _collections(filters))


def of_scope(scope: Mapping[str, str], body: Json, more: list[Where] | None = None) -> Wanted:
    """The memories of all these entities at once; `body` says what is hidden."""
    parts = [Where(f"memories.{name} = ?", [value]) for name, value in scope.items()]
    where = both([*parts, *visible(body), *(more or [])])
    return Wanted(where, _collections(scope))


def visible(body: Json) -> list[Where]:
    """Hides what has expired, unless `show_expired`; barer copies, unless `include_merged`; and
    with `latest_only` what a later statement replaced."""
    parts = []
    if not reading.flag(body, "show_expired"):
        day = reading.day_of(body.get("reference_date")) or rows.today()
        sql = "memories.expiration_date is null or memories.expiration_date >= ?"
        parts.append(Where(sql, [day]))
    latest, merged = reading.flag(body, "latest_only"), reading.flag(body, "include_merged")
    if latest or not merged:
        parts.append(Where("memories.merged_into is null", []))
    if latest:
        parts.append(Where("memories.replaced_by is null", []))
    return parts


def _options(body: Json) -> list[Where]:
    parts = []
    categories = reading.names(body, "categories")
    if categories:
        parts.append(in_categories(categories))
    if body.get("metadata") is not None:
        parts.append(metadata(body["metadata"]))
    keywords = body.get("keywords")
    if keywords is not None:
        if not isinstance(keywords, str):
            raise refused("keywords must be a string")
        parts.append(containing(keywords))
    return parts


def _collections(filters: Mapping[str, Any]) -> list[str]:
    named = cover(filters)
    if named is None or len(named) > _MOST_COLLECTIONS:
        return [rows.EVERYONE]
    return [rows.collection(name, value) for name, value in sorted(named)]


def ranked(
    store: Storage, wanted: Wanted, query: str, *, most: int, least: float
) -> list[tuple[float, Row]]:
    """(score, memory), best first; ties go to what was said later. Without a least score, what has
    nothing in common with the query fills the rest.

    Of the memories that share nothing rare with the query only the newest are looked at, as long as
    enough of them fit: so a search costs about the same among many as among few.
    """
    # A model would read no more of it, and each word costs conditions in every collection.
    query = " ".join(query.split()[:_MOST_WORDS])
    everything = _matches([index.matches(one, query) for one in wanted.collections])
    results, settled = _likely(store, wanted, query, most=most, least=least)
    if not settled:
        results = _best(store, wanted, everything, most=most, least=least)
    if least > 0 or len(results) == most:
        return results
    rest = store.rows(
        f"select memories.* from memories where ({wanted.where.sql}) and memories.id not in "  # noqa: S608
        f"(select found.id from ({everything.sql}) as found) {_ORDER} limit ?",
        *wanted.where.values,
        *everything.values,
        most - len(results),
    )
    return [*results, *((0.0, row) for row in rest)]


def _likely(
    store: Storage, wanted: Wanted, query: str, *, most: int, least: float
) -> tuple[list[tuple[float, Row]], bool]:
    """What is found among likely memories, and whether that settles it."""
    if len(wanted.collections) != 1:
        return [], False
    (collection,) = wanted.collections
    looked_at = max(_LOOKED_AT, 2 * most)
    best = index.best(store, collection=collection, query=query, most=looked_at)
    found = _best(store, wanted, _matches([best]), most=most, least=least)
    if len(found) == most or best == index.matches(collection, query):
        return found, True
    fitting = newest(store, wanted, first=0, size=looked_at)
    scored = {row["seq"]: (text.score(query, row["memory"]), row) for row in fitting}
    scored = {seq: pair for seq, pair in scored.items() if pair[0] >= least and pair[0] > 0}
    scored |= {row["seq"]: (score, row) for score, row in found}
    results = sorted(
        scored.values(), key=lambda one: (one[0], one[1]["created_at"], one[1]["seq"]), reverse=True
    )
    return results[:most], len(fitting) < looked_at or len(results) >= most


def _best(
    store: Storage, wanted: Wanted, matches: Where, *, most: int, least: float
) -> list[tuple[float, Row]]:
    # Sorted as numbers alone; the wide rows are read of the best only.
    found = store.rows(
        "with best as (select memories.seq, memories.created_at, found.score "  # noqa: S608 - ours
        f"from ({matches.sql}) as found cross join memories on memories.id = found.id "
        f"where found.score >= ? and ({wanted.where.sql}) "
        "order by found.score desc, memories.created_at desc, memories.seq desc limit ?) "
        "select best.score as score, memories.* from best cross join memories using (seq) "
        "order by best.score desc, memories.created_at desc, memories.seq desc",
        *matches.values,
        least,
        *wanted.where.values,
        most,
    )
    return [(float(row["score"]), row) for row in found]


def _matches(parts: list[index.Matches]) -> Where:
    """Rows of (id, score)."""
    if not parts:
        return Where("select '' as id, 0.0 as score where 0", [])
    if len(parts) == 1:
        sql = f"select substr(document, 1, 36) as id, score from ({parts[0].sql})"  # noqa: S608
        return Where(sql, parts[0].values)
    union = " union all ".join(f"select * from ({part.sql})" for part in parts)  # noqa: S608
    sql = f"select substr(document, 1, 36) as id, max(score) as score from ({union}) group by 1"  # noqa: S608
    return Where(sql, [value for part in parts for value in part.values])


def newest(store: Storage, wanted: Wanted, *, first: int, size: int) -> list[Row]:
    """Memories, newest first, from number `first` on."""
    return store.rows(
        "with page as (select memories.seq from memories "  # noqa: S608 - put together from our parts
        f"where {wanted.where.sql} {_ORDER} limit ? offset ?) "
        f"select memories.* from page cross join memories using (seq) {_ORDER}",
        *wanted.where.values,
        size,
        first,
    )


def counted(store: Storage, wanted: Wanted) -> int:
    """How many memories there are."""
    sql = f"select count(*) as n from memories where {wanted.where.sql}"  # noqa: S608 - our own parts
    row = store.row(sql, *wanted.where.values)
    return int(row["n"]) if row else 0


def breakdown(query: str, memory: str, score: float) -> Json:
    """The signals behind a score, all lexical here: meaning is stems and concepts, `bm25` the share
    of the query's words that are met as they stand, `entity` the share of its names."""
    asked, told = text.understand(query), set(text.understand(memory).stems)
    stems = set(asked.stems)
    names = {word.strip("?!.,'\"") for word in query.split()[1:] if word[:1].isupper()}
    met = sum(name.casefold() in memory.casefold() for name in names)
    return {
        "semantic": score,
        "bm25": round(len(stems & told) / len(stems), 6) if stems else 0.0,
        "entity": round(met / len(names), 6) if names else 0.0,
    }


def projected(memory: Json, fields: list[str] | None) -> Json:
    """Only these fields, and the id."""
    if not fields:
        return memory
    return {name: value for name, value in memory.items() if name in {"id", *fields}}
