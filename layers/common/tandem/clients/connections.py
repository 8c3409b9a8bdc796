"""The connections that everything which speaks HTTP to the outside is given.

One SSL context a process, and one way to build a client: bounded in each phase, and nothing of the
environment in it.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import certifi
import httpx

KEEPALIVE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of one attempt may take, in seconds. The call's own deadline is apart."""

    connect_seconds: float = 2.0
    read_seconds: float = 20.0
    write_seconds: float = 5.0
    pool_seconds: float = 2.0


@cache
def build_ssl_context() -> ssl.SSLContext:
    """The one SSL context of this process, trusting certifi's authorities.

    Building one costs about 16 ms, so every client shares it.
    """
    return ssl.create_default_context(cafile=certifi.where())


def build_http_client(
    *,
    base_url: str = "",
    timeouts: Timeouts | None = None,
    ssl_context: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` as every provider gets it.

    HTTP/1.1, idle connections kept 60 s, no redirects, no proxy or certificate from the
    environment. It belongs to the event loop that uses it first.

    Args:
        base_url: scheme and host, with or without a path prefix; paths are appended to it.
        timeouts: per phase.
        ssl_context: the process's own when left out.
        headers: sent with every request.
        transport: replaces the network in tests.
    """
    phases = timeouts or Timeouts()
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        verify=ssl_context or build_ssl_context(),
        timeout=httpx.Timeout(
            connect=phases.connect_seconds,
            read=phases.read_seconds,
            write=phases.write_seconds,
            pool=phases.pool_seconds,
        ),
        limits=httpx.Limits(
            max_connections=20, max_keepalive_connections=10, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        follow_redirects=False,
        trust_env=False,
        http2=False,
        transport=transport,
        event_hooks={"response": [_forget_where_to]},
    )


async def _forget_where_to(response: httpx.Response) -> None:
    # httpx reads a Location also when it isn't to follow it, and fails in ways of its own.
    response.headers.pop("location", None)
