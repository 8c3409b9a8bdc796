"""Twins that break their promises: `python -m tests.integration.twins.forgetful HOW TWIN …`.

They show that the tests of durability would find it. HOW is `late`, an answer goes out before what
it says is committed; or `keyless`, Zep does not remember what a key was answered.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.twins.storage import Storage
from local.twins.zep.idempotency import Idempotency


@contextmanager
def _uncommitted(self: Storage) -> Iterator[None]:
    if not self._connection.in_transaction:
        self._connection.execute("begin immediate")
    yield


def main(how: str, twin: str) -> None:
    """Serves the twin `twin` with one thing broken."""
    if how == "late":
        Storage.transaction = _uncommitted  # type: ignore[method-assign]
    elif how == "keyless":
        Idempotency._remember = lambda *_: None  # type: ignore[method-assign]
    else:
        sys.exit(f"nothing breaks like {how}")
    importlib.import_module(f"local.twins.{twin}.__main__").main()


if __name__ == "__main__":
    _, how, twin, *options = sys.argv
    sys.argv[1:] = options
    main(how, twin)
