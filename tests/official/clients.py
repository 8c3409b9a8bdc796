"""The official clients as the scenarios get them: watched, and with awaitable calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from google import genai
from google.genai.types import HttpOptions
from mem0 import AsyncMemoryClient, MemoryClient
from zep_cloud import AsyncZep, Zep

from tests.official.called import Ledger, Watched
from tests.official.mem0_0x import OldClient
from tests.official.mem0_story import check_memory
from tests.official.twin_process import TwinProcess
from tests.official.zep_models import check_answer

KEY = "test-key"
Scenario = Callable[[Any], Awaitable[None]]
Play = Callable[..., None]


def zep_player(kind: str, twin: TwinProcess, ledger: Ledger) -> Play:
    """A function that plays a scenario on zep-cloud's client of this kind."""

    async def played(scenario: Scenario, options: dict[str, Any]) -> None:
        given: dict[str, Any] = {"api_key": KEY, "base_url": f"{twin.url}/api/v4", **options}
        made: Any = Zep(**given) if kind == "sync" else AsyncZep(**given)
        # The client opens connections of its own and has no way to close them.
        connections = made._client_wrapper.httpx_client.httpx_client
        try:
            await scenario(Watched(made, f"zep-cloud {kind}", twin, ledger, check_answer))
        finally:
            await connections.aclose() if kind == "async" else connections.close()

    def play(scenario: Scenario, **options: Any) -> None:
        asyncio.run(played(scenario, options))

    return play


def mem0_player(kind: str, twin: TwinProcess, ledger: Ledger) -> Play:
    """A function that plays a scenario on mem0ai 2.2.1's client of this kind."""

    async def played(scenario: Scenario) -> None:
        if kind == "sync":
            blocking = MemoryClient(api_key=KEY, host=twin.url)
            try:
                await scenario(Watched(blocking, "mem0ai sync", twin, ledger, check_json))
            finally:
                blocking.client.close()
        else:
            async with AsyncMemoryClient(api_key=KEY, host=twin.url) as client:
                await scenario(Watched(client, "mem0ai async", twin, ledger, check_json))

    return lambda scenario: asyncio.run(played(scenario))


def mem0_0x_player(kind: str, client: OldClient, twin: TwinProcess, ledger: Ledger) -> Play:
    """A function that plays a scenario on mem0ai 0.1.118's client of this kind."""

    async def played(scenario: Scenario) -> None:
        await scenario(Watched(client, f"mem0ai-0x {kind}", twin, ledger, check_json))

    return lambda scenario: asyncio.run(played(scenario))


def check_json(answer: Any) -> None:
    """Raises AssertionError unless it is an object or a list, with memories in their form."""
    assert isinstance(answer, dict | list), answer
    for part in answer if isinstance(answer, list) else [answer, *answer.get("results", [])]:
        assert isinstance(part, dict), part
        if part.keys() >= {"id", "memory"}:
            check_memory(part)


def genai_player(kind: str, twin: TwinProcess, ledger: Ledger) -> Play:
    """A function that plays a scenario on google-genai's client of this kind."""

    async def played(scenario: Scenario, options: dict[str, Any]) -> None:
        client = genai_client(twin, **options)
        part = client if kind == "sync" else client.aio
        try:
            await scenario(Watched(part, f"google-genai {kind}", twin, ledger, check_model))
        finally:
            await client.aio.aclose()
            client.close()

    return lambda scenario, **options: asyncio.run(played(scenario, options))


def genai_client(twin: TwinProcess, **options: Any) -> genai.Client:
    """google-genai's client on the twin, with these HTTP options."""
    return genai.Client(api_key=KEY, http_options=HttpOptions(base_url=twin.url, **options))


def check_model(answer: Any) -> None:
    """Raises AssertionError unless the answer, or each part of a stream, is one of the models."""
    parts = answer if isinstance(answer, list) else [answer]
    for part in parts:
        assert type(part).__module__.startswith("google.genai"), part
