"""Reading a memory by an id that somebody has named."""

from http import HTTPStatus
from typing import Protocol

from tandem.clients.models import Mem0Memory
from tandem.errors import UpstreamRejected
from tandem.ids import Mem0Id


class Memories(Protocol):
    """What is needed of Mem0."""

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None: ...


async def own_memory(
    mem0: Memories, memory_id: Mem0Id, *, user_id: str, timeout_seconds: float
) -> Mem0Memory | None:
    """The memory, hidden or not, if it is there and is this person's. Mem0 gives out anybody's.

    Args:
        memory_id: whatever the caller was told; what can't be an id of Mem0's names nothing.
        user_id: what the person is called at Mem0.

    Raises:
        UpstreamError: Mem0 doesn't answer.
    """
    try:
        memory = await mem0.get(memory_id, timeout_seconds=timeout_seconds)
    except UpstreamRejected as error:
        if error.status not in {HTTPStatus.BAD_REQUEST, None}:  # None: no such id can be asked for
            raise
        return None
    return memory if memory is not None and memory.user_id == user_id else None
