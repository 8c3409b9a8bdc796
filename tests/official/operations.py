"""The operations of the official clients, read off the clients themselves."""

from __future__ import annotations

import inspect
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXCLUDED = Path(__file__).parent / "excluded.toml"
# The same operations once more, with headers.
_SAME_AGAIN = {"with_raw_response", "with_streaming_response"}


def operations(client: Any, *, leave_out: frozenset[str] = frozenset()) -> set[str]:
    """The public methods of a client and of its namespaces, like `graph.node.get`.

    Args:
        client: an instance.
        leave_out: attributes that are a client of their own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some namespaces say that they are experimental
        return set(_walked(client, leave_out | _SAME_AGAIN, prefix=""))


def _walked(part: Any, leave_out: frozenset[str], *, prefix: str) -> Iterator[str]:
    package = type(part).__module__.split(".")[0]
    for name in dir(part):
        if name.startswith("_") or name in leave_out:
            continue
        found = getattr(part, name)
        if inspect.isroutine(found):
            yield prefix + name
            continue
        # Below the client itself only properties are namespaces; attributes lead back up.
        inner = not prefix or isinstance(getattr(type(part), name, None), property)
        if inner and type(found).__module__.split(".")[0] == package:
            yield from _walked(found, leave_out, prefix=f"{prefix}{name}.")


@dataclass(frozen=True)
class Exclusion:
    """A method, or with `.*` a namespace, of one client that the suite leaves alone."""

    client: str
    name: str
    reason: str

    def matches(self, operation: str) -> bool:
        """Whether this speaks of the operation."""
        if self.name.endswith(".*"):
            return operation.startswith(self.name[:-1])
        return operation == self.name


def exclusions() -> list[Exclusion]:
    """What the committed file leaves out."""
    listed = tomllib.loads(EXCLUDED.read_text())["excluded"]
    return [
        Exclusion(client, name, entry["reason"])
        for entry in listed
        for client in entry["clients"]
        for name in entry["names"]
    ]


def left_out(client: str, found: set[str]) -> set[str]:
    """Those of a client's operations that are excluded."""
    mine = [each for each in exclusions() if each.client == client]
    return {operation for operation in found if any(each.matches(operation) for each in mine)}
