"""Our clients ask as the official ones do: the same requests, recorded by the same twins."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mem0 import AsyncMemoryClient
from zep_cloud import AsyncZep

from tandem.clients.connections import build_http_client
from tandem.clients.gemini import GeminiClient
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.errors import Provider, UpstreamRejected
from tests.official import pairs_gemini, pairs_mem0, pairs_zep
from tests.official.called import Ledger, Watched, refused
from tests.official.clients import KEY, genai_client
from tests.official.requests_compared import (
    Compared,
    Pair,
    compare,
    left_out_headers,
    without_counterpart,
)
from tests.official.twin_process import ROOT, TwinProcess

OPENAPI = ROOT / "tests" / "contract" / "captures" / "mem0" / "openapi.json"
OURS: dict[type[Any], dict[str, Pair]] = {
    ZepClient: pairs_zep.PAIRS,
    Mem0Client: pairs_mem0.PAIRS,
    GeminiClient: pairs_gemini.PAIRS,
}


def _methods(client: type[Any]) -> set[str]:
    return {name for name in dir(client) if not name.startswith("_")}


@pytest.fixture(scope="session")
def compared() -> Compared:
    """How much all tests together have compared."""
    return Compared()


def _nothing(_: Any) -> None:
    """Answers of ours are checked elsewhere."""


@asynccontextmanager
async def _ours(provider: Provider, twin: TwinProcess, ledger: Ledger, made: type[Any]) -> Any:
    async with build_http_client(base_url=twin.url) as http:
        client = made(ProviderHttp(provider, http), api_key=lambda: KEY)
        yield Watched(client, f"tandem {made.__name__}", twin, ledger, _nothing)


@asynccontextmanager
async def _zep(twin: TwinProcess) -> Any:
    client = AsyncZep(api_key=KEY, base_url=f"{twin.url}/api/v4", max_retries=0)
    try:
        yield client, await pairs_zep.zep_world(client)
    finally:
        await client._client_wrapper.httpx_client.httpx_client.aclose()


@asynccontextmanager
async def _mem0(twin: TwinProcess) -> Any:
    async with AsyncMemoryClient(api_key=KEY, host=twin.url) as client:
        yield client, await pairs_mem0.mem0_world(client)


@asynccontextmanager
async def _gemini(twin: TwinProcess) -> Any:
    client = genai_client(twin, api_version="v1", timeout=pairs_gemini.SECONDS * 1000)
    try:
        yield client.aio, None
    finally:
        await client.aio.aclose()
        client.close()


async def _recorded(twin: TwinProcess, call: Callable[[], Awaitable[Any]]) -> list[dict[str, Any]]:
    before = twin.count()
    await call()
    return twin.records(before)


async def _made(pair: Pair, mine: Any, world: Any) -> None:
    if pair.gone:
        await refused(pair.ours(mine, world), UpstreamRejected)
    else:
        await pair.ours(mine, world)


Official = Callable[[TwinProcess], Any]


class Comparison:
    """Plays both sides of a pair on one twin and holds them against each other."""

    def __init__(self, twin: TwinProcess, ledger: Ledger, compared: Compared) -> None:
        self.twin, self.ledger, self.compared = twin, ledger, compared

    def play(self, provider: Provider, ours: type[Any], name: str, official: Official) -> None:
        """Compares one method of ours."""
        asyncio.run(self._play(provider, ours, name, official))

    async def _play(
        self, provider: Provider, ours: type[Any], name: str, official: Official
    ) -> None:
        if name not in OURS[ours]:
            pytest.skip("test_every_method_of_ours_is_held_against_an_official_one says it")
        pair = OURS[ours][name]
        self._begin()
        async with official(self.twin) as (client, world):
            watched = Watched(client, f"{provider} counterpart", self.twin, self.ledger, _nothing)
            first = len(self.ledger.calls)
            theirs = await _recorded(self.twin, lambda: pair.official(watched, world))
            operations = [call.operation for call in self.ledger.calls[first:]]
        if pair.fresh:
            self._begin()
        async with _ours(provider, self.twin, self.ledger, ours) as mine:
            sent = await _recorded(self.twin, lambda: _made(pair, mine, world))
        compare(f"{ours.__name__}.{name}", theirs, sent, self.compared)
        self.ledger.counterparts[f"{ours.__name__}.{name}"] = operations

    def _begin(self) -> None:
        self.twin.reset()
        self.twin.tell("requests", whole=True)


@pytest.mark.parametrize("name", sorted(_methods(ZepClient)))
def test_our_zep_client_asks_as_the_official_one_does(
    name: str, zep_twin: TwinProcess, ledger: Ledger, compared: Compared
) -> None:
    Comparison(zep_twin, ledger, compared).play("zep", ZepClient, name, _zep)


@pytest.mark.parametrize("name", sorted(_methods(Mem0Client) - pairs_mem0.ALONE.keys()))
def test_our_mem0_client_asks_as_the_official_one_does(
    name: str, mem0_twin: TwinProcess, ledger: Ledger, compared: Compared
) -> None:
    Comparison(mem0_twin, ledger, compared).play("mem0", Mem0Client, name, _mem0)


@pytest.mark.parametrize("name", sorted(_methods(GeminiClient)))
def test_our_gemini_client_asks_as_the_official_one_does(
    name: str, gemini_twin: TwinProcess, ledger: Ledger, compared: Compared
) -> None:
    Comparison(gemini_twin, ledger, compared).play("gemini", GeminiClient, name, _gemini)


@pytest.mark.parametrize("name", sorted(pairs_mem0.ALONE))
def test_what_no_official_client_has_is_what_mem0_publishes(
    name: str, mem0_twin: TwinProcess, ledger: Ledger
) -> None:
    request = without_counterpart()[f"Mem0Client.{name}"]

    async def scenario() -> list[dict[str, Any]]:
        async with (
            _mem0(mem0_twin) as (_, world),
            _ours("mem0", mem0_twin, ledger, Mem0Client) as mine,
        ):
            return await _recorded(mem0_twin, lambda: pairs_mem0.ALONE[name](mine, world))

    (sent,) = asyncio.run(scenario())
    verb, _, path = request.partition(" ")
    assert sent["route"] == request
    assert verb.lower() in json.loads(OPENAPI.read_text())["paths"][path]


def test_every_method_of_ours_is_held_against_an_official_one() -> None:
    alone = {name.partition(".")[2] for name in without_counterpart()}
    assert alone == pairs_mem0.ALONE.keys()
    for client, pairs in OURS.items():
        missing = _methods(client) - pairs.keys() - alone
        assert not missing, (
            f"{client.__name__} has no counterpart for {sorted(missing)}: add the official call of "
            "each to the PAIRS of its provider, or to left_out.toml when there is none"
        )
        assert not pairs.keys() - _methods(client)


_SENT: dict[str, Any] = {
    "method": "POST",
    "path": "/a",
    "route": "POST /a",
    "query": [["page", "1"]],
    "headers": {"content-type": "application/json", "user-agent": "x"},
    "body": {"a": [1, {"b": None}]},
}


@pytest.mark.parametrize(
    ("part", "value", "named"),
    [
        ("method", "PUT", "verb"),
        ("path", "/b", "path"),
        ("query", [["page", "2"]], "query page"),
        ("query", [], "query page"),
        ("headers", {}, "header content-type"),
        ("body", {"a": [1, {"b": 2}]}, "body.a[1].b"),
        ("body", {"a": [1, {}]}, "body.a[1]"),
        ("body", {"a": [1, {"b": None}], "c": None}, "body.c"),
        ("body", None, "body"),
    ],
    ids=str,
)
def test_a_difference_in_any_part_is_found_and_named(part: str, value: Any, named: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(f"'{named}'")):
        compare("method", [_SENT], [{**_SENT, part: value}], Compared())
    with pytest.raises(AssertionError, match="officially"):
        compare("method", [_SENT], [_SENT, _SENT], Compared())


def test_a_request_that_is_the_same_but_for_what_is_left_out_passes() -> None:
    compared = Compared()
    ours = {**_SENT, "headers": {**_SENT["headers"], "user-agent": "y"}}
    compare("method", [_SENT], [ours], compared)
    assert compared == Compared(1, 1, 6, {"header user-agent"})


def test_what_was_compared_is_told(compared: Compared, summary: list[str]) -> None:
    headers = {name.partition(" ")[2] for name in compared.left_out if name.startswith("header")}
    summary.append(
        f"Our clients against the official ones: {compared.methods} methods, "
        f"{compared.requests} requests, {compared.fields} fields compared."
    )
    summary.append(f"Headers left out (left_out.toml says why): {', '.join(sorted(headers))}")
    assert headers <= left_out_headers().keys() | {"idempotency-key"}
