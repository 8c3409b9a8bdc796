"""How any provider is called over a real socket: time, size, connections."""

import asyncio
import gc
import gzip
import socket
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from tandem.clients.connections import Timeouts, build_http_client
from tandem.clients.http import (
    MAX_BODY_BYTES,
    ApiCall,
    ProviderHttp,
    UpstreamCall,
)
from tandem.clients.models import ZepThread
from tandem.errors import UpstreamError, UpstreamRejected, UpstreamTimeout, UpstreamUnavailable
from tests.contract.wire import LoopbackServer, loopback, plain_answer

UUID = "33333333-3333-4333-8333-333333333333"
SAFE = ApiCall("thread.get", "GET", "/threads/{}", ids=(UUID,), retry_safe=True)
UNSAFE = ApiCall("thread.make", "POST", "/threads", body={})


async def answer_thread(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(plain_answer(b'{"uuid": "%s"}' % UUID.encode()))
    await writer.drain()


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def flood(__: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    for _ in range(2 * MAX_BODY_BYTES // 65_536):
        writer.write(b" " * 65_536)
        await writer.drain()
    writer.close()


async def flood_packed(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    packed = gzip.compress(b" " * (4 * MAX_BODY_BYTES))
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(packed) + packed)
    await writer.drain()


async def refuse_and_break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{")
    writer.close()


async def over_loopback[R](
    behave: Any, work: Callable[[ProviderHttp, LoopbackServer], Any], **timeouts: float
) -> Any:
    async with loopback(behave) as server:
        phases = Timeouts(**timeouts)
        client = build_http_client(base_url=server.base_url, timeouts=phases)
        try:
            return await work(ProviderHttp("zep", client), server)
        finally:
            await client.aclose()


async def failing(http: ProviderHttp, timeout_seconds: float, call: ApiCall) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await http.send(call, ZepThread, timeout_seconds=timeout_seconds)
    return caught.value


def test_the_key_is_not_told_when_it_makes_an_illegal_header() -> None:
    call = ApiCall("thread.get", "GET", "/t", headers={"authorization": "Api-Key se\ncret"})

    async def scenario() -> UpstreamError:
        async with loopback(answer_thread) as server:
            client = build_http_client(base_url=server.base_url)
            with pytest.raises(UpstreamRejected) as caught:
                await ProviderHttp("zep", client).send(call, ZepThread, timeout_seconds=2)
            await client.aclose()
            return caught.value

    error = asyncio.run(scenario())

    assert error.context["sent"] is False
    assert "cret" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("behave", [drip, hang])
def test_the_deadline_holds_whatever_the_server_does(behave: Any) -> None:
    async def work(http: ProviderHttp, _: LoopbackServer) -> UpstreamError:
        return await failing(http, 0.3, SAFE)

    started = time.monotonic()
    error = asyncio.run(over_loopback(behave, work))

    assert isinstance(error, UpstreamTimeout)
    assert error.context["sent"] is True
    assert 0.25 < time.monotonic() - started < 1.5


def test_a_phase_that_takes_too_long_ends_before_the_deadline() -> None:
    async def work(http: ProviderHttp, _: LoopbackServer) -> UpstreamError:
        return await failing(http, 10, SAFE)

    started = time.monotonic()
    error = asyncio.run(over_loopback(hang, work, read_seconds=0.2))

    assert isinstance(error, UpstreamTimeout)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("behave", [flood, flood_packed])
def test_a_huge_answer_is_not_read_to_its_end(behave: Any) -> None:
    async def work(http: ProviderHttp, _: LoopbackServer) -> UpstreamError:
        return await failing(http, 10, SAFE)

    error = asyncio.run(over_loopback(behave, work))

    assert isinstance(error, UpstreamUnavailable)
    assert error.context["reason"] == "too_large"


def test_a_refusal_stands_although_its_body_breaks_off() -> None:
    async def work(http: ProviderHttp, _: LoopbackServer) -> UpstreamError:
        return await failing(http, 5, SAFE)

    error = asyncio.run(over_loopback(refuse_and_break_off, work))

    assert isinstance(error, UpstreamRejected)
    assert error.status == 400


def test_an_answer_that_breaks_off_is_asked_for_again_by_a_safe_call_only() -> None:
    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        writer.close()

    async def work(http: ProviderHttp, server: LoopbackServer) -> list[int]:
        counts = []
        for call in (UNSAFE, SAFE):
            error = await failing(http, 5, call)
            assert isinstance(error, UpstreamUnavailable)
            assert error.context["sent"] is True
            counts.append(server.requests)
        return counts

    assert asyncio.run(over_loopback(break_off, work)) == [1, 4]


def test_a_connection_is_used_again_even_after_an_error() -> None:
    answers = [plain_answer(b'{"error": "gone"}', "404 Not Found"), None, None]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = answers.pop(0)
        if answer is None:
            await answer_thread(reader, writer)
        else:
            writer.write(answer)
            await writer.drain()

    async def work(http: ProviderHttp, server: LoopbackServer) -> tuple[int, int]:
        await failing(http, 5, SAFE)
        await http.send(SAFE, ZepThread, timeout_seconds=5)
        await http.send(SAFE, ZepThread, timeout_seconds=5)
        return server.requests, server.connections

    assert asyncio.run(over_loopback(behave, work)) == (3, 1)


def test_a_connection_that_was_cut_is_made_anew_for_a_safe_call() -> None:
    answers = [False, True]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answers.pop(0):
            await answer_thread(reader, writer)
        else:
            writer.close()

    async def work(http: ProviderHttp, server: LoopbackServer) -> tuple[str, int]:
        thread = await http.send(SAFE, ZepThread, timeout_seconds=5)
        return str(thread.uuid), server.connections

    assert asyncio.run(over_loopback(behave, work)) == (UUID, 2)


def test_a_closed_port_is_unavailable_and_nothing_was_sent() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{reserved.getsockname()[1]}"

        async def scenario() -> UpstreamError:
            async with build_http_client(base_url=address) as client:
                return await failing(ProviderHttp("zep", client), 5, UNSAFE)

        error = asyncio.run(scenario())

    assert isinstance(error, UpstreamUnavailable)
    assert error.context["sent"] is False


def test_a_call_that_its_caller_gives_up_is_logged_as_cancelled() -> None:
    recorded: list[UpstreamCall] = []

    async def scenario() -> None:
        arrived = asyncio.Event()

        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.set()
            await hang(reader, writer)

        async with (
            loopback(behave) as server,
            build_http_client(base_url=server.base_url) as client,
        ):
            http = ProviderHttp("zep", client, on_call=recorded.append)
            task = asyncio.ensure_future(http.send(SAFE, ZepThread, timeout_seconds=30))
            await asyncio.wait_for(arrived.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(scenario())

    assert [call.outcome for call in recorded] == ["cancelled"]


# httpcore leaves the socket of a cancelled handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_deadline_covers_a_handshake_that_never_ends() -> None:
    async def scenario(address: str) -> type[UpstreamError]:
        timeouts = Timeouts(connect_seconds=30)
        async with build_http_client(base_url=address, timeouts=timeouts) as client:
            return type(await failing(ProviderHttp("zep", client), 0.3, SAFE))

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        kind = asyncio.run(scenario(f"https://127.0.0.1:{silent.getsockname()[1]}"))
        seconds = time.monotonic() - started
    gc.collect()

    assert kind is UpstreamTimeout
    assert 0.25 < seconds < 1.5


def test_the_deadline_covers_the_wait_for_a_free_connection() -> None:
    async def work(http: ProviderHttp, server: LoopbackServer) -> UpstreamError:
        busy = [asyncio.create_task(failing(http, 30, SAFE)) for _ in range(20)]
        async with asyncio.timeout(5):
            while server.requests < len(busy):  # noqa: ASYNC110 - counted by the server's own loop
                await asyncio.sleep(0.01)
        error = await failing(http, 0.3, SAFE)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        assert server.requests == len(busy)
        return error

    error = asyncio.run(over_loopback(hang, work, pool_seconds=30.0))

    assert isinstance(error, UpstreamTimeout)


def test_the_deadline_covers_a_name_that_nobody_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        found.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def scenario() -> tuple[UpstreamError, float]:
        timeouts = Timeouts(connect_seconds=30)
        async with build_http_client(base_url="http://zep.test", timeouts=timeouts) as client:
            started = time.monotonic()
            try:
                error = await failing(ProviderHttp("zep", client), 0.3, SAFE)
                return error, time.monotonic() - started
            finally:
                found.set()

    error, seconds = asyncio.run(scenario())

    assert isinstance(error, UpstreamTimeout)
    assert 0.25 < seconds < 1.5


@pytest.mark.parametrize(
    "answer",
    [
        b"SAID\r\n\r\n",
        b"HTTP/1.1 SAID\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSAID\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSAID : x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: SAID\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: SAID\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nSAID\r\n",
        b"HTTP/1.1 101 SAID\r\nupgrade: SAID\r\n\r\n",
        b"HTTP/1.1 999 SAID\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"SAID" * 100_000,
        b"HTTP/1.1 100 SAID\r\n\r\n" * 1_000,
        *(
            b"HTTP/1.1 302 OK\r\ncontent-length: 0\r\nlocation: " + location + b"\r\n\r\n"
            for location in (
                b"http://SAID:port/",
                b"javascript:SAID",
                b"//xn--SAID",
                b":SAID//]//",
                b"\xe2\x98\x83SAID",
                b"?SAID" * 15_000,
            )
        ),
    ],
    ids=range(17),
)
def test_an_answer_that_is_no_http_ends_in_an_error_without_a_word_of_it(answer: bytes) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def work(http: ProviderHttp, _: LoopbackServer) -> UpstreamError:
        return await failing(http, 5, UNSAFE)

    error = asyncio.run(over_loopback(behave, work))

    assert isinstance(error, UpstreamUnavailable)
    assert error.context["sent"] is True
    has_status = answer.startswith((b"HTTP/1.1 3", b"HTTP/1.1 9"))
    assert error.status == (int(answer[9:12]) if has_status else None)
    assert "SAID" not in "".join(traceback.format_exception(error)) + repr(error.context)
