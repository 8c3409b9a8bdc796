"""Refuses, in this process, every connection that would leave the machine, and remembers it.

Also run in the process that drives mem0ai 0.1.118, so it needs nothing but Python itself.
"""

import ipaddress
import sys
from typing import Any

attempts: list[str] = []
"""What was refused, in the order in which it was tried."""

_NAMES = {"localhost", "localhost.localdomain", "", None}
_CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKING_UP = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class LeftLoopbackError(OSError):
    """Something wanted to reach another machine."""


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in _NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING:
        address = arguments[1]
        # Sockets in the file system have no host, and those already connected no address.
        host = address[0] if isinstance(address, tuple) else None
    elif event in _LOOKING_UP:
        host = arguments[0]
    else:
        return
    if not _is_local(host):
        attempts.append(f"{event} {host}")
        raise LeftLoopbackError(f"{event}: {host} is not on this machine")


def start() -> None:
    """Watches from now on; it can't be taken back."""
    sys.addaudithook(_watch)
