"""Lists by keyset: a page costs the same wherever it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.twins.server import Call, Json
from local.twins.storage import Row, Storage
from local.twins.zep import checks
from local.twins.zep import store as rows


@dataclass(frozen=True, slots=True)
class Listing:
    """What can be listed, and how. All text here is our own, never a caller's."""

    table: str
    keys: Mapping[str, str]
    """`order_by` → the column or expression that is sorted; the first is the default."""
    seq: str = "seq"
    """The unique number that settles ties."""
    directions: tuple[str, str] = ("desc", "asc")
    """The first is the default."""
    most: int = 100
    counted: bool = True
    """Whether a page tells `total_size`."""

    def page(
        self,
        store: Storage,
        call: Call,
        shown: Callable[[Row], Json],
        *,
        where: str = "1",
        values: tuple[Any, ...] = (),
    ) -> Json:
        """The page that the query's page_size, cursor, order_by and order ask for."""
        key = self.keys[checks.choice(call, "order_by", tuple(self.keys))]
        down = checks.choice(call, "order", self.directions) == "desc"
        size = checks.page_size(call, most=self.most)
        total = self._count(store, where, values) if self.counted else None
        start = rows.after(call.query.get("cursor"))
        if start:
            mark = "<" if down else ">"
            alone = key == self.seq
            where += f" and {key} {mark} ?" if alone else f" and ({key}, {self.seq}) {mark} (?, ?)"
            values = (*values, start[1]) if alone else (*values, *start)
        way = "desc" if down else "asc"
        found = store.rows(
            f"select {key} as sort_key, {self.seq} as seq, * from {self.table} where {where} "  # noqa: S608
            f"order by {key} {way}, {self.seq} {way} limit ?",
            *values,
            size + 1,
        )
        return rows.page(found, size, shown, "sort_key", total)

    def _count(self, store: Storage, where: str, values: tuple[Any, ...]) -> int:
        row = store.row(f"select count(*) as n from {self.table} where {where}", *values)  # noqa: S608
        return int(row["n"]) if row else 0
