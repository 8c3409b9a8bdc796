"""Leaving out what is hidden in PostgreSQL alone and what Mem0 therefore goes on offering."""

from collections.abc import Collection, Iterable
from typing import Final

from tandem.clients.models import Mem0Memory
from tandem.ids import Mem0Id

_MOST_DEEPER: Final = 50


def without_hidden(memories: Iterable[Mem0Memory], hidden: Collection[Mem0Id]) -> list[Mem0Memory]:
    """The memories that aren't hidden, in their order."""
    return [memory for memory in memories if memory.id not in hidden]


def depth(limit: int, hidden: Collection[Mem0Id]) -> int:
    """How many memories to ask for so that about `limit` are left when the hidden are out."""
    return limit + min(len(hidden), _MOST_DEEPER)
