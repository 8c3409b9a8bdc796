"""A twin's process: its options, its socket, and the connections that faults break."""

from __future__ import annotations

import argparse
import logging
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.twins import options
from local.twins.striking import CONNECTION

HOST = "127.0.0.1"
_BACKLOG = 1024
# Longer than clients keep idle connections, so that none is closed just as it is used again.
_KEEP_ALIVE_SECONDS = 75


class TwinProtocol(H11Protocol):
    """uvicorn's protocol, whose calls know the connection that they came by."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.endless = False
        inner: Any = self.app

        async def connected(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, CONNECTION: self}, receive, send)

        self.app = connected

    def reset(self) -> None:
        """Breaks the connection off; the client sees a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        endpoint: socket.socket = self.transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def close(self) -> None:
        """Closes the connection after what was sent so far."""
        self.transport.close()

    def shutdown(self) -> None:
        """Lets a call end, unless only its client would end it."""
        if self.endless:
            self.transport.abort()
        else:
            super().shutdown()


def arguments(name: str, *, stored: bool) -> argparse.ArgumentParser:
    """The options every twin has; `stored` adds --data and those of ingestion."""
    parser = argparse.ArgumentParser(prog=f"python -m local.twins.{name}")
    add = parser.add_argument
    add("--port", type=options.whole(0, 65_535), required=True, help="0 takes a free one")
    options.latency(parser)
    if stored:
        add("--data", type=options.folder, required=True, help="folder of its database")
        options.ingestion(parser)
    return parser


def configured(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves a twin."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        http=TwinProtocol,
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


def listening(port: int) -> socket.socket:
    """A socket on loopback that accepts calls at once, also before the app is up.

    Raises:
        OSError: the port is taken.
    """
    # asyncio turns Nagle's delay off only for sockets that say they are TCP; with it, an answer on
    # a connection in use waits 40 ms for the client's acknowledgement of its head.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    listener.listen(_BACKLOG)
    return listener


def serve(app: ASGIApp, *, name: str, port: int) -> None:
    """Serves on loopback until SIGTERM or SIGINT. A taken port ends the process with 1."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s %(levelname)s %(message)s")
    try:
        listener = listening(port)
    except OSError:
        print(f"{name} twin: port {port} on {HOST} is taken.", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"{name} twin on http://{HOST}:{listener.getsockname()[1]}", flush=True)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configured(app)).run(sockets=[listener])
