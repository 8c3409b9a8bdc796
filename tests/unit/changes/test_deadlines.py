"""What changes memory while somebody waits leaves time to note what was done and to answer."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from tandem.changes.correcting import Correcting
from tandem.changes.forget_reading import ForgetReader, Wish
from tandem.changes.graph_reading import GraphReader
from tandem.deadline import Deadline
from tandem.errors import UpstreamTimeout
from tandem.ids import AccountId, ZepUuid
from tandem.recall.gather import Person

PERSON = Person(AccountId(UUID(int=1)), ZepUuid(UUID(int=2)))
MEMORY = f"mem_{UUID(int=3)}"
CALL_SECONDS = 4.0


class Slow:
    """Both stores and the ledger: every call to a store takes all the time that it is given."""

    def __init__(self) -> None:
        self.now = 0.0
        self.allowed: list[float] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*_: Any, timeout_seconds: float | None = None, **__: Any) -> Any:
            if timeout_seconds is None:
                return {}
            self.allowed.append(timeout_seconds)
            self.now += timeout_seconds
            raise UpstreamTimeout("zep", operation=name, reason="deadline", sent=True)

        return call

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, clock=lambda: self.now)


def correct(slow: Slow, deadline: Deadline) -> Any:
    same = cast(Any, slow)
    correcting = Correcting(same, same, same, same, same, same, "test", CALL_SECONDS)
    return correcting.target(PERSON, MEMORY, deadline)


def forget(slow: Slow, deadline: Deadline) -> Any:
    same = cast(Any, slow)
    reader = ForgetReader(same, same, same, "test", CALL_SECONDS)
    return reader.wished(PERSON, Wish([MEMORY]), deadline)


def read_graph(slow: Slow, deadline: Deadline) -> Any:
    return GraphReader(cast(Any, slow), PERSON, CALL_SECONDS, deadline).edges()


@pytest.mark.parametrize("work", [correct, forget, read_graph])
@pytest.mark.parametrize(("left", "allowed"), [(29.0, 4.0), (6.0, 2.5), (3.0, 0.01)])
def test_a_call_ends_before_the_time_to_answer(work: Any, left: float, allowed: float) -> None:
    slow = Slow()

    with pytest.raises(UpstreamTimeout):
        asyncio.run(work(slow, slow.deadline(left)))

    assert slow.allowed[0] == pytest.approx(allowed)
