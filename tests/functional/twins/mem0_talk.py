"""How the tests of the Mem0 twin talk to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

KEY = "Token test-key"
ME = {"user_id": "test:1"}
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]


async def said(
    client: httpx.AsyncClient, settled: Settled, words: str | list[dict[str, Any]], **more: Any
) -> list[dict[str, Any]]:
    """The results of an add that the twin extracts from; for `ME` unless `more` names someone."""
    messages = [{"role": "user", "content": words}] if isinstance(words, str) else words
    scope = {} if {"user_id", "agent_id", "app_id", "run_id"} & set(more) else ME
    answer = await client.post("/v3/memories/add/", json={"messages": messages, **scope, **more})
    assert answer.json()["status"] == "PENDING", answer.text
    event = await settled(client, f"/v1/event/{answer.json()['event_id']}/", "SUCCEEDED")
    return event["results"]  # type: ignore[no-any-return]


async def kept(client: httpx.AsyncClient, text: str, **more: Any) -> str:
    """The id of a memory stored word for word."""
    body = {"messages": [{"role": "user", "content": text}], **ME, "infer": False, **more}
    answer = await client.post("/v3/memories/add/", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["results"][0]["id"])


async def listed(client: httpx.AsyncClient, filters: Any = None, **more: Any) -> list[str]:
    """The texts of the memories that filters let through, newest first."""
    answer = await client.post("/v3/memories/", json={"filters": filters or ME, **more})
    assert answer.status_code == 200, answer.text
    return [memory["memory"] for memory in answer.json()["results"]]


async def found(client: httpx.AsyncClient, query: str, **more: Any) -> list[dict[str, Any]]:
    """The results of a search."""
    body = {"query": query, "filters": ME, **more}
    answer = await client.post("/v3/memories/search/", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]  # type: ignore[no-any-return]
