"""An answer's body, unpacked by ourselves: a few hundred bytes can hold gigabytes.

httpx unpacks a whole read at once, layer upon layer, before anyone can count what came out. Here
one layer of gzip is taken, piece by piece, and not a byte more than the bound is ever made.
"""

import zlib
from typing import Final

import httpx

ACCEPTED_ENCODING: Final = "gzip"

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_PLAIN: Final = frozenset({"", "identity"})
_GZIP_WINDOW: Final = 31


class BodyTooLargeError(Exception):
    """There is more of it than we take, packed or unpacked."""


class BodyUnreadableError(Exception):
    """It is packed in a way that we didn't ask for, or not as it says."""


async def read_body(response: httpx.Response, *, most_bytes: int) -> bytes:
    """The body of a streamed `response`, unpacked, at most `most_bytes` long.

    Raises:
        BodyTooLargeError: as soon as there is more; the rest stays unread.
        BodyUnreadableError: another encoding than gzip, or broken gzip.
        httpx.HTTPError: reading failed.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _GZIP | _PLAIN:
        raise BodyUnreadableError
    unpacker = zlib.decompressobj(_GZIP_WINDOW) if encoding in _GZIP else None
    body = bytearray()
    taken = 0
    # The stream itself and not `aiter_raw`, which refuses what a test's transport has read before.
    async for chunk in response.stream:  # type: ignore[union-attr]  # async, as its client is
        taken += len(chunk)
        body += _unpacked(unpacker, chunk, most_bytes + 1 - len(body)) if unpacker else chunk
        if max(taken, len(body)) > most_bytes:
            raise BodyTooLargeError
    return bytes(body)


def _unpacked(unpacker: "zlib._Decompress", chunk: bytes, most_bytes: int) -> bytes:
    try:
        return unpacker.decompress(chunk, most_bytes)
    except zlib.error as cause:
        raise BodyUnreadableError from cause
