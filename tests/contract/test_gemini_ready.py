"""Gemini's client as a function gets it, from settings and secrets."""

import asyncio
import json

from tandem.clients.gemini_models import Said
from tandem.clients.gemini_ready import gemini_client
from tandem.secrets import Secrets
from tandem.settings import GeminiSettings
from tests.contract.wire import loopback, plain_answer


def test_it_calls_the_address_of_its_settings_with_the_key_of_its_secrets() -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain_answer(json.dumps({"totalTokens": 31}).encode()))
        await writer.drain()
        writer.close()

    async def scenario() -> int:
        secrets = Secrets(lambda: {"GEMINI_API_KEY": "test-key"})
        async with loopback(behave) as server:
            gemini = gemini_client(GeminiSettings(gemini_base_url=server.base_url), secrets)
            return await gemini.count_tokens("gemini-x", [Said("user", "Hi")], timeout_seconds=5)

    assert asyncio.run(scenario()) == 31


def test_making_one_reads_no_secret_and_connects_to_nothing() -> None:
    def never() -> dict[str, str]:
        raise AssertionError("read")

    assert gemini_client(GeminiSettings(), Secrets(never)) is not None
