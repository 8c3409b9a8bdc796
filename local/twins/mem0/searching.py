"""Search and list of `/v3`."""

from __future__ import annotations

from local.twins.mem0 import finding, paging, reading
from local.twins.mem0 import store as rows
from local.twins.mem0.errors import refused
from local.twins.mem0.finding import Wanted
from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Storage

_MOST_RESULTS = 1000
_SWITCHES = ("rerank", "keyword_search")


class Searching:
    """The handlers, and the searching that older paths share."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        return [
            ("POST", "/v3/memories/search/", self._search),
            ("POST", "/v3/memories/", self._list),
        ]

    def found(self, body: Json, wanted: Wanted, *, least: float) -> list[Json]:
        """The results of a search. `least`: the score they need unless `threshold` is given.

        Raises:
            Refusal: 400.
        """
        query = body.get("query")
        if not isinstance(query, str) or not query.strip():
            raise refused("query is required and cannot be empty")
        for name in _SWITCHES:
            # Matching is by words in any case, and the best come first in any case.
            reading.flag(body, name)
        most = reading.whole(body, "top_k", 10, low=1, high=_MOST_RESULTS)
        threshold = reading.number(body, "threshold", least, low=0, high=1)
        fields = reading.names(body, "fields")
        found = finding.ranked(self._store, wanted, query, most=most, least=threshold)
        return [
            finding.projected(
                {
                    **rows.shown(row),
                    "score": score,
                    "score_breakdown": finding.breakdown(query, row["memory"], score),
                },
                fields,
            )
            for score, row in found
        ]

    def _search(self, call: Call) -> Answer:
        wanted = finding.chosen(call.body, listing=False)
        return Answer({"results": self.found(call.body, wanted, least=0.1)})

    def _list(self, call: Call) -> Answer:
        wanted = finding.chosen(call.body, listing=True)
        fields = reading.names(call.body, "fields")

        def read(page: paging.Page) -> list[Json]:
            found = finding.newest(self._store, wanted, first=page.first, size=page.size)
            return [finding.projected(rows.shown_whole(row), fields) for row in found]

        page = paging.asked(call)
        count = finding.counted(self._store, wanted)
        return Answer(paging.page(call, page, count, read, name="page_size"))
