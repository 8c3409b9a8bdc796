"""Pages of lists and of ranked sets, and the cursors between them.

A list goes on after the last item of the page before, so that a page costs the same wherever it
begins. A cursor counts for the list it came from alone: same filters, same order, same graph.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.twins.server import Call, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks
from local.twins.zep.errors import invalid
from local.twins.zep.filters import NOTHING, Where

_MOST = 2**63 - 1  # what SQLite counts up to
Key = str | int


@dataclass(frozen=True, slots=True)
class Listing:
    """What can be listed, and how. All text here is our own, never a caller's."""

    table: str
    keys: Mapping[str, str]
    """`order_by` → the column or expression that is sorted; the first is the default."""
    columns: str = "*"
    """What is read of a row beside `sort_key` and `seq`."""
    seq: str = "seq"
    """The unique number that settles ties."""
    directions: tuple[str, str] = ("desc", "asc")
    """The first is the default."""
    most: int = 100
    counted: bool = True
    """Whether a page tells `total_size`."""

    def order(self, call: Call) -> str:
        """`order_by` as the query has it, or the default."""
        return checks.choice(call, "order_by", tuple(self.keys))

    def page(
        self,
        store: Storage,
        call: Call,
        shown: Callable[[list[Row]], list[Json]],
        where: Where = NOTHING,
    ) -> Json:
        """The page that the query's page_size, cursor, order_by and order ask for."""
        order = self.order(call)
        down = checks.choice(call, "order", self.directions) == "desc"
        size, key = checks.page_size(call, most=self.most), self.keys[order]
        scope = scope_of(self.table, order, down, where)
        start = _start(call, scope)
        body: Json = {"total_size": self._count(store, where)} if self.counted else {}
        found = self._read(store, where, (key, down), start, size + 1)
        body["items"] = shown(found[:size])
        if len(found) > size:
            last = found[size - 1]
            body["next_cursor"] = _cursor(scope, last["sort_key"], last["seq"])
        return body

    def _read(
        self,
        store: Storage,
        where: Where,
        by: tuple[str, bool],
        start: tuple[Key, int] | None,
        most: int,
    ) -> list[Row]:
        (key, down), after, values = by, "", where.values
        way, mark = ("desc", "<") if down else ("asc", ">")
        if start and key == self.seq:
            after, values = f" and {key} {mark} ?", (*values, start[1])
        elif start:
            after, values = f" and ({key}, {self.seq}) {mark} (?, ?)", (*values, *start)
        return store.rows(
            f"select {key} as sort_key, {self.seq} as seq, {self.columns} from {self.table} "  # noqa: S608
            f"where 1{where.sql}{after} order by {key} {way}, {self.seq} {way} limit ?",
            *values,
            most,
        )

    def _count(self, store: Storage, where: Where) -> int:
        row = store.row(
            f"select count(*) as n from {self.table} where 1{where.sql}",  # noqa: S608
            *where.values,
        )
        return int(row["n"]) if row else 0


def ranked_page[T](
    call: Call, found: list[T], shown: Callable[[list[T]], list[Json]], *, scope: str, most: int
) -> Json:
    """The page of a ranked set that is worked out as a whole."""
    size, start = checks.page_size(call, most=most), _start(call, scope)
    first = start[1] if start else 0
    end = first + size
    body: Json = {"items": shown(found[first:end])}
    if len(found) > end:
        body["next_cursor"] = _cursor(scope, "", end)
    return body


def each(shown: Callable[[Row], Json]) -> Callable[[list[Row]], list[Json]]:
    """Shows rows one by one."""
    return lambda found: [shown(row) for row in found]


def scope_of(*parts: object) -> str:
    """What is listed, in short: a cursor of another scope is refused."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _cursor(scope: str, key: Key, seq: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([scope, key, seq]).encode()).decode()


def _start(call: Call, scope: str) -> tuple[Key, int] | None:
    """The (key, seq) after which the page begins; None for the first page."""
    given = call.query.get("cursor")
    if not given:
        return None
    try:
        of, key, seq = json.loads(base64.urlsafe_b64decode(given.encode()).decode())
        if of != scope or type(seq) is not int or not 0 <= seq <= _MOST:
            raise ValueError("of another list")
        if not isinstance(key, str) and not (type(key) is int and abs(key) <= _MOST):
            raise ValueError("not a key")
        if isinstance(key, str):
            key.encode()
    except (ValueError, TypeError, RecursionError):
        raise invalid("cursor is not valid", "cursor") from None
    return key, seq
