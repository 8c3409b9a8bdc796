"""A person's graph or one of its own at the Zep twin, driven over the wire."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from local.twins.zep.app import create

KEY = "Api-Key test-key"
V4 = "/api/v4"
ENDS = {"succeeded", "partial", "failed"}
Json = dict[str, Any]


def twin() -> Any:
    """A twin in memory that ingests at once."""
    return create(data=None, ingestion_ms=1)


class Graph:
    """A graph, and what is done with it. `owner` is whose, None for one of its own."""

    def __init__(self, client: httpx.AsyncClient, base: str, owner: str | None) -> None:
        self.client, self.base, self.owner = client, base, owner

    async def post(self, path: str, body: Json | None = None, **query: Any) -> httpx.Response:
        return await self.client.post(f"{self.base}{path}", json=body or {}, params=query)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(f"{self.base}{path}", params=query)

    async def patch(self, path: str, body: Json) -> httpx.Response:
        return await self.client.patch(f"{self.base}{path}", json=body)

    async def delete(self, path: str) -> Json:
        return await self.ended(await self.client.delete(f"{self.base}{path}"))

    async def ended(self, answer: httpx.Response, status: str = "succeeded") -> Json:
        """The task of a 202 when it is done."""
        assert answer.status_code == 202, answer.text
        path = f"{V4}/tasks/{answer.json()['task']['uuid']}"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            task: Json = (await self.client.get(path)).json()
            if task["status"] in ENDS:
                assert task["status"] == status, task
                return task
            await asyncio.sleep(0.005)
        raise AssertionError(f"{path} did not end")

    async def tell(self, data: str, **more: Any) -> str:
        """Adds an episode and waits until it is ingested; answers its uuid."""
        answer = await self.post("/episodes", {"data": data, **more})
        await self.ended(answer)
        return str(answer.json()["episode"]["uuid"])

    async def everything(self, path: str, body: Json | None = None, **query: Any) -> list[Json]:
        """The items of all pages of a list or search."""
        items: list[Json] = []
        while True:
            answer = await self.post(path, body, **query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["items"]
            if not page.get("next_cursor"):
                return items
            query["cursor"] = page["next_cursor"]

    async def facts(self, **filters: Any) -> dict[str, Json]:
        items = await self.everything("/edges/list", {"filters": filters})
        return {edge["fact"]: edge for edge in items}

    async def names(self, **filters: Any) -> dict[str, Json]:
        items = await self.everything("/nodes/list", {"filters": filters})
        return {node["name"]: node for node in items}

    async def refused(self, path: str, body: Json, **query: Any) -> str:
        """The code of a 400."""
        answer = await self.post(path, body, **query)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"]["code"])


async def alone(client: httpx.AsyncClient, **fields: Any) -> Graph:
    """A graph of its own."""
    answer = await client.post(f"{V4}/graphs", json=fields)
    assert answer.status_code == 201, answer.text
    return Graph(client, f"{V4}/graphs/{answer.json()['uuid']}", None)


async def persons(client: httpx.AsyncClient, **fields: Any) -> Graph:
    """The graph of a new user."""
    user = (await client.post(f"{V4}/users", json=fields)).json()
    return Graph(client, f"{V4}/graphs/{user['graph_uuid']}", user["uuid"])
