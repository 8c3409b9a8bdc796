"""Runs a twin in process: its lifespan, and a client on its ASGI app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message

from tests.functional.twins.small_twin import Served, Shelf, on_a_socket

Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]


@asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await task


@pytest.fixture
def run() -> Callable[..., None]:
    """`run(app, scenario, authorization=...)`: the scenario gets a client of the started app."""

    def _run(app: ASGIApp, scenario: Scenario, **headers: str) -> None:
        async def main() -> None:
            transport = httpx.ASGITransport(app)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with (
                _lifespan(app),
                httpx.AsyncClient(
                    transport=transport, base_url="http://twin", headers=named
                ) as client,
            ):
                await scenario(client)

        asyncio.run(main())

    return _run


@pytest.fixture
def settled() -> Callable[..., Awaitable[dict[str, Any]]]:
    """`await settled(client, path, "succeeded")`: polls until the status is that one."""

    async def _settled(client: httpx.AsyncClient, path: str, wanted: str) -> dict[str, Any]:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            body: dict[str, Any] = (await client.get(path)).json()
            if body["status"] == wanted:
                return body
            await asyncio.sleep(0.01)
        raise AssertionError(f"{path} did not become {wanted}")

    return _settled


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, Shelf]]:
    shelf = Shelf()
    with on_a_socket(shelf.app()) as url:
        yield url, shelf


@pytest.fixture
def served(running: tuple[str, Shelf]) -> Iterator[Served]:
    url, shelf = running
    with httpx.Client(base_url=url, trust_env=False, timeout=5) as client:
        client.post("/_twin/reset")
        yield Served(url, shelf, client)
