"""Zep and Mem0 at the far end of the wire, in process: what memory tests need of them."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid5

import httpx

from tandem.clients.call_log import log_call
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp, UpstreamCall
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.errors import Provider

NAMES = UUID("6a4f3f2e-0000-4000-8000-000000000000")
GRAPH = uuid5(NAMES, "graph")
HANGS = -1


@dataclass
class StoresOnWire:
    """Two stores with the content given; `statuses` makes one answer an error, or never."""

    edges: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    context: list[dict[str, Any]] = field(default_factory=list)
    memories: list[dict[str, Any]] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[Provider, int] = field(default_factory=dict)
    requests: list[tuple[Provider, str, Any]] = field(default_factory=list)
    calls: list[UpstreamCall] = field(default_factory=list)

    def zep(self) -> ZepClient:
        return ZepClient(self._http("zep"), api_key=lambda: "test-key")

    def mem0(self) -> Mem0Client:
        return Mem0Client(self._http("mem0"), api_key=lambda: "test-key")

    def asked(self, provider: Provider) -> list[str]:
        """Paths that a store was asked for, in order."""
        return [path for name, path, _ in self.requests if name == provider]

    def _http(self, provider: Provider) -> ProviderHttp:
        async def answer(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content)
            self.requests.append((provider, request.url.path, body))
            status = self.statuses.get(provider, 200)
            if status == HANGS:
                await asyncio.Event().wait()
            if status != 200:
                return httpx.Response(status, json={"message": "CANARY of the provider"})
            return httpx.Response(200, json=self._answer(request, body))

        client = build_http_client(
            base_url=f"http://{provider}.test", transport=httpx.MockTransport(answer)
        )

        def on_call(call: UpstreamCall) -> None:
            self.calls.append(call)
            log_call(call)

        return ProviderHttp(provider, client, on_call=on_call)

    def _answer(self, request: httpx.Request, body: Any) -> dict[str, Any]:
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        match request.url.path.split("/"):
            case [*_, "edges", "list"]:
                first, size = int(query.get("cursor", 0)), int(query["page_size"])
                last, edges = first + size, _narrowed(self.edges, body.get("filters", {}))
                after = {"next_cursor": str(last)} if last < len(edges) else {}
                return {"items": edges[first:last], **after}
            case [*_, "nodes", "list"]:
                return {"items": self.nodes}
            case [*_, "search", "edges"]:
                return {"items": self.edges[: int(query["page_size"])]}
            case [*_, "context"]:
                return {"context": "free text", "results": {"edges": self.context}}
            case [*_, "search", ""]:
                return {"results": self.found[: body["top_k"]]}
            case _:
                number, size = int(query["page"]), int(query["page_size"])
                last = number * size
                ids = [one["memory_ids"] for one in body["filters"].get("AND", ())[1:]]
                those = [one for one in self.memories if all(one["id"] in each for each in ids)]
                return {
                    "count": len(those),
                    "next": "http://elsewhere/" if last < len(those) else None,
                    "previous": None,
                    "results": those[last - size : last],
                }


def _narrowed(edges: list[dict[str, Any]], filters: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Edges with one of the wanted ids, and with one of the wanted nodes at an end."""
    wanted, nodes = filters.get("edge_uuids"), filters.get("connected_node_uuids")
    return [
        one
        for one in edges
        if (wanted is None or one["uuid"] in wanted)
        and (
            nodes is None or {one.get("source_node_uuid"), one.get("target_node_uuid")} & set(nodes)
        )
    ]


def edge(text: str, **fields: Any) -> dict[str, Any]:
    """A fact as Zep sends it."""
    known = {
        "uuid": str(uuid5(NAMES, f"{text} {fields.get('valid_at')}")),
        "fact": text,
        "name": "SAYS",
        "created_at": "2026-11-20T09:00:00Z",
        "episode_uuids": [str(uuid5(NAMES, f"episode of {text}"))],
    }
    return known | fields


def memory(text: str, **fields: Any) -> dict[str, Any]:
    """A memory as Mem0 sends it."""
    known = {"id": f"id-{uuid5(NAMES, text)}", "memory": text, "created_at": "2026-11-20T09:00:00Z"}
    return known | fields
