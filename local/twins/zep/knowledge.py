"""Everything below `/graphs` in `/api/v4`."""

from __future__ import annotations

from local.twins.server import Handler
from local.twins.storage import Storage
from local.twins.zep.edges import Edges
from local.twins.zep.episodes import Episodes
from local.twins.zep.graphs import Graphs
from local.twins.zep.nodes import Nodes
from local.twins.zep.searches import Searches
from local.twins.zep.tasks import Tasks


class Knowledge:
    """The handlers of graphs and of what is in them."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._parts = (
            Graphs(store, tasks),
            Nodes(store, tasks),
            Edges(store, tasks),
            Episodes(store, tasks),
            Searches(store),
        )

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler); fixed paths before those with a parameter."""
        routes = [route for part in self._parts for route in part.routes()]
        return sorted(routes, key=lambda route: "{" in route[1])
