"""What becomes of an answer's body on its way: packed, broken, or made to burst us."""

import asyncio
import gzip
import tracemalloc
import zlib

import httpx
import pytest
from pydantic import ValidationError

from tandem.clients.connections import build_http_client
from tandem.clients.http import (
    MAX_BODY_BYTES,
    ApiCall,
    ProviderHttp,
)
from tandem.clients.models import ZepThread
from tandem.errors import UpstreamError, UpstreamUnavailable
from tests.contract import zep_calls
from tests.contract.wire import Recorder, loopback

THREAD = b'{"uuid": "33333333-3333-4333-8333-333333333333"}'
CALL = ApiCall("thread.get", "GET", "/t", retry_safe=True)


def ask(*headers: tuple[str, str], content: bytes, status: int = 200) -> ZepThread:
    """What becomes of an answer whose body travels as `content`, whatever its headers say."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        length = f"content-length: {len(content)}\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{head}{length}\r\n".encode() + content)
        await writer.drain()

    async def scenario() -> ZepThread:
        async with (
            loopback(behave) as server,
            build_http_client(base_url=server.base_url) as client,
        ):
            return await ProviderHttp("zep", client).send(CALL, ZepThread, timeout_seconds=10)

    return asyncio.run(scenario())


def reason(*headers: tuple[str, str], content: bytes) -> object:
    with pytest.raises(UpstreamError) as caught:
        ask(*headers, content=content)
    assert isinstance(caught.value, UpstreamUnavailable)
    assert caught.value.status == 200
    return caught.value.context["reason"]


def test_gzip_is_what_we_ask_for_and_unpack() -> None:
    recorder = Recorder([httpx.Response(200, content=THREAD)])
    asyncio.run(recorder.http("zep").send(CALL, ZepThread, timeout_seconds=5))
    assert recorder.requests[0].headers["accept-encoding"] == "gzip"

    for name in ("gzip", "x-gzip", " GZip "):
        assert ask(("content-encoding", name), content=gzip.compress(THREAD)).uuid
    for name in ("identity", ""):
        assert ask(("content-encoding", name), content=THREAD).uuid


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", THREAD),
        ("gzip", gzip.compress(THREAD)[:-20]),
        ("gzip", gzip.compress(THREAD)[:10] + b"private" * 9),
        ("gzip", b""),
        ("gzip, gzip", gzip.compress(gzip.compress(THREAD))),
        ("deflate", zlib.compress(THREAD)),
        ("br", THREAD),
        ("private", THREAD),
    ],
)
def test_what_cannot_be_unpacked_means_unavailable(encoding: str, content: bytes) -> None:
    assert reason(("content-encoding", encoding), content=content) == "unreadable"


def test_a_body_at_the_bound_is_read_and_one_above_it_is_not() -> None:
    for wrap, header in ((bytes, "identity"), (gzip.compress, "gzip")):
        largest = THREAD + b" " * (MAX_BODY_BYTES - len(THREAD))

        assert ask(("content-encoding", header), content=wrap(largest)).uuid
        too_large = wrap(largest + b" ")
        assert reason(("content-encoding", header), content=too_large) == "too_large"


def test_a_small_body_that_unpacks_to_a_huge_one_costs_no_more_than_the_bound() -> None:
    packed = gzip.compress(b" " * (16 * MAX_BODY_BYTES))
    assert len(packed) < 2**18

    tracemalloc.start()
    try:
        assert reason(("content-encoding", "gzip"), content=packed) == "too_large"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * MAX_BODY_BYTES


def test_what_follows_the_end_of_a_packed_body_counts_as_well() -> None:
    padded = gzip.compress(THREAD) + b"\0" * MAX_BODY_BYTES

    assert reason(("content-encoding", "gzip"), content=padded) == "too_large"


def test_a_refusal_stands_whatever_its_body_is_packed_in() -> None:
    for encoding in ("gzip", "br", "gzip, gzip"):
        with pytest.raises(UpstreamError) as caught:
            ask(("content-encoding", encoding), content=b"x" * 200_000, status=400)
        assert (caught.value.status, caught.value.context["reason"]) == (400, "status")


@pytest.mark.parametrize(
    ("method", "start", "item"),
    [
        (zep_calls.CALLS["list_edges"][0], '{"items":', "{}"),
        (zep_calls.CALLS["get_edge"][0], f'{{"uuid":"{zep_calls.EDGE}","episode_uuids":', "1"),
        (zep_calls.CALLS["search_nodes"][0], '{"items":', f'{{"uuid":"{zep_calls.NODE}"}}'),
    ],
    ids=["faults", "inner faults", "too many"],
)
def test_a_list_is_given_up_at_its_first_fault_and_beyond_any_length(
    method: zep_calls.Call, start: str, item: str
) -> None:
    content = f"{start}[{','.join([item] * 20_000)}]}}".encode()

    error = zep_calls.failure(Recorder([httpx.Response(200, content=content)]), method)

    assert error.context["reason"] == "unreadable"
    assert isinstance(error.__cause__, ValidationError)
    assert error.__cause__.error_count() == 1
