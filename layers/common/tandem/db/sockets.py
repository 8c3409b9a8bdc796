"""Sockets to PostgreSQL whose every wait ends at one moment, in plain or with TLS.

A socket's own time-out begins anew with every piece that arrives, so an answer that comes in
pieces, or a login with its several round trips, may take many times as long.
"""

import select
import socket
import ssl
import time
from functools import lru_cache
from typing import Any, Final, cast

from tandem.errors import ConfigurationError

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_TLS_REQUEST: Final = bytes((0, 0, 0, 8, 4, 210, 22, 47))
_TLS_ACCEPTED: Final = b"S"


class _Timed:
    """What plain and TLS sockets have in common: before each wait they look at the clock.

    Attributes:
        ends_at: the moment on the monotonic clock; None leaves it to the socket's own time-out.
    """

    ends_at: float | None = None

    def _allow_for_what_is_left(self) -> None:
        if self.ends_at is None:
            return
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)  # type: ignore[attr-defined]  # of the socket that it is mixed into

    def recv_into(self, *arguments: Any) -> int:
        self._allow_for_what_is_left()
        return int(super().recv_into(*arguments))  # type: ignore[misc]  # as above

    def send(self, *arguments: Any) -> int:
        self._allow_for_what_is_left()
        return int(super().send(*arguments))  # type: ignore[misc]  # as above


class PlainSocket(_Timed, socket.socket):
    """A TCP socket."""


class TlsSocket(_Timed, ssl.SSLSocket):
    """A TCP socket that speaks TLS."""


TimedSocket = PlainSocket | TlsSocket


def open_socket(host: str, port: int, tls: ssl.SSLContext | None, *, ends_at: float) -> TimedSocket:
    """A socket to PostgreSQL, over TLS if there is a context. Blocks.

    Args:
        ends_at: when it must be open; stays with the socket.

    Raises:
        OSError: nobody listens, TLS is refused or fails, or it took too long.
    """
    plain = _connected(host, port, ends_at)
    if tls is None:
        return plain
    try:
        plain.settimeout(_left(ends_at))
        plain.sendall(_TLS_REQUEST)
        accepted = plain.recv(1)
        if not accepted:
            raise ConnectionResetError
        if accepted != _TLS_ACCEPTED:
            raise ssl.SSLError
        plain.settimeout(_left(ends_at))
        ready = cast(TlsSocket, tls.wrap_socket(plain, server_hostname=host))
    except BaseException:
        plain.close()
        raise
    ready.ends_at = ends_at
    return ready


def is_quiet(end: TimedSocket) -> bool:
    """Whether a connection on which nothing was asked looks alive: nothing has come, no farewell.

    Costs no round trip. A connection that was cut without a farewell looks alive as well.
    """
    look = select.poll()
    look.register(end, select.POLLIN)
    return not look.poll(0)


def tls_of(host: str, options: dict[str, list[str]]) -> ssl.SSLContext | None:
    """How to speak TLS with this host: a context, or None for not at all.

    Args:
        options: of the address's query: `sslmode` as `connect` describes it, `sslrootcert` a file
            of certificate authorities instead of the system's.

    Raises:
        ConfigurationError: an `sslmode` that we don't know.
    """
    default = "disable" if host in _LOOPBACK else "verify-full"
    mode = options.get("sslmode", [default])[0]
    if mode == "disable":
        return None
    if mode not in {"require", "verify-full"}:
        raise ConfigurationError(setting="DATABASE_URL", reason="has an sslmode we don't know")
    return _context(options.get("sslrootcert", [None])[0], is_verified=mode == "verify-full")


@lru_cache(maxsize=8)
def _context(authorities: str | None, *, is_verified: bool) -> ssl.SSLContext:
    """Reading the authorities takes longer than all the rest of opening a connection."""
    context = ssl.create_default_context(cafile=authorities)
    context.sslsocket_class = TlsSocket
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _connected(host: str, port: int, ends_at: float) -> PlainSocket:
    """The first of the host's addresses that answers; what is left is shared among them."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem = OSError()
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        end = PlainSocket(family, kind, protocol)
        try:
            end.settimeout(_left(ends_at) / (len(addresses) - place))
            end.connect(address)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            problem = error
            end.close()
        else:
            end.ends_at = ends_at
            return end
    raise problem


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
