"""The Gemini client as we build it, against a loopback server that answers like Gemini."""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from google.genai import errors

import tandem
from tandem.clients.connections import build_http_client, build_ssl_context
from tandem.clients.gemini import build_genai_client
from tests.contract.wire import LoopbackServer, loopback, plain_answer

ANSWER = json.dumps(
    {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}
        ]
    }
).encode()
BUSY = json.dumps({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}).encode()


async def ask(server: LoopbackServer, *, times: int = 1, timeout_seconds: float = 5.0) -> list[Any]:
    async with build_http_client() as async_client:
        client = build_genai_client(
            api_key="test-key\n",
            base_url=server.base_url,
            timeout_seconds=timeout_seconds,
            async_client=async_client,
            ssl_context=build_ssl_context(),
        )
        return [
            (await client.aio.models.generate_content(model="gemini-x", contents="Hello")).text
            for _ in range(times)
        ]


def test_calls_share_one_connection() -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain_answer(ANSWER))
        await writer.drain()

    async def scenario() -> tuple[list[Any], int, int]:
        async with loopback(behave) as server:
            return await ask(server, times=3), server.requests, server.connections

    assert asyncio.run(scenario()) == (["Hi", "Hi", "Hi"], 3, 1)


def test_the_timeout_is_ours_although_the_injected_client_has_another() -> None:
    async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def scenario() -> float:
        async with loopback(hang) as server:
            started = time.monotonic()
            with pytest.raises(httpx.TimeoutException):
                await ask(server, timeout_seconds=0.3)
            return time.monotonic() - started

    # The injected client would wait 20 s.
    assert asyncio.run(scenario()) < 4


def test_the_sdk_itself_repeats_nothing() -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain_answer(BUSY, "503 Busy"))
        await writer.drain()

    async def scenario() -> int:
        async with loopback(behave) as server:
            with pytest.raises(errors.ServerError):
                await ask(server)
            return server.requests

    assert asyncio.run(scenario()) == 1


def test_requests_go_to_version_one_with_the_key_and_the_timeout() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=ANSWER, headers={"content-type": "application/json"})

    async def scenario() -> None:
        async with build_http_client(transport=httpx.MockTransport(answer)) as async_client:
            client = build_genai_client(
                api_key="test-key",
                timeout_seconds=20,
                async_client=async_client,
                ssl_context=build_ssl_context(),
            )
            await client.aio.models.generate_content(model="gemini-x", contents="Hello")

    asyncio.run(scenario())

    [request] = seen
    assert request.url == (
        "https://generativelanguage.googleapis.com/v1/models/gemini-x:generateContent"
    )
    assert request.headers["x-goog-api-key"] == "test-key"
    assert request.headers["x-server-timeout"] == "20"


def test_building_the_client_makes_no_further_ssl_context() -> None:
    context = build_ssl_context()
    async_client = build_http_client(ssl_context=context)

    with mock.patch("ssl.create_default_context", wraps=ssl.create_default_context) as made:
        client = build_genai_client(
            api_key="test-key",
            timeout_seconds=20,
            async_client=async_client,
            ssl_context=context,
        )

    assert made.call_count == 0
    assert client.vertexai is False
    asyncio.run(async_client.aclose())


def test_importing_the_clients_imports_no_sdk() -> None:
    script = (
        "import sys, tandem.clients.gemini, tandem.clients.zep, tandem.clients.mem0\n"
        "print([m for m in ('google.genai', 'agno', 'boto3', 'fastapi') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(tandem.__file__).parents[1])},
    )

    assert done.stdout.strip() == "[]"
