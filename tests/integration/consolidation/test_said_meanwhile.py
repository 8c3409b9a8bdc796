"""What somebody says while their memory is tidied is not lost: Delhi, which was to be hidden."""

import asyncio
import importlib
import sys
from collections.abc import Iterator
from typing import Literal, NamedTuple

import pytest

from tandem.db.connection import OneRoundTrip
from tandem.db.planning import Planning
from tests.conftest import MakeEvent
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.consolidation.attempts import Running, have_attempts_ready
from tests.integration.consolidation.one_run import Attempt, Where
from tests.integration.consolidation.tidied import Twins

pytestmark = pytest.mark.integration


class Matter(NamedTuple):
    """How the person says it and how both stores put it."""

    said: str
    text: str

    def __str__(self) -> str:
        return self.said

    @property
    def label(self) -> dict[str, str]:
        a, b = self.text.format("Delhi"), self.text.format("Mumbai")
        return {"a": a, "b": b, "relation": "update"}


MATTERS = [
    # Said again, Mem0 keeps it once more, since it has been replaced.
    Matter("I live in {}", "Lives in {}"),
    # Said again, Mem0 drops it, since it has it.
    Matter("I like {}", "Likes {}"),
]


class Case(NamedTuple):
    """What is said again while the run is held there, when the stores learn of it, and how Mem0
    takes what is hidden."""

    matter: Matter
    where: Where
    delivered: Literal["meanwhile", "later"]
    mem0: str


MEM0 = {
    "hides": {"hidden_count": False},
    "drops what equals a hidden one": {"hidden_count": True},
    "refuses": {"refuse_past": True},
}
CASES = [
    Case(matter, where, delivered, mem0)
    for matter in MATTERS
    for where in ("applying", "write")
    for delivered in ("meanwhile", "later")
    for mem0 in MEM0
]


@pytest.fixture
def world(
    outside: Twins,
    database: str,
    connection: OneRoundTrip,
    http_event: MakeEvent,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MemoryWorld]:
    """Somebody who talks, with the delivery job."""
    have_attempts_ready()
    labels = [matter.label for matter in MATTERS]
    judge = {"mode": "labels", "pairs": labels, "otherwise": "distinct"}
    outside.gemini.post("/_twin/judge", judge)
    world = MemoryWorld(database, connection, outside.zep, outside.mem0, outside.queue)
    world.make_event = http_event
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    sys.modules.pop("memory_api.jobs.deliver", None)
    job = importlib.import_module("memory_api.jobs.deliver")
    world.deliver_job = job.handler
    yield world
    job.database.close()
    sys.modules.pop(job.__name__, None)
    world.close()


@pytest.fixture
def attempt(world: MemoryWorld, outside: Twins, database: str) -> Attempt:
    return Attempt(outside.environment(database), world.person.principal)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_what_was_to_be_hidden_is_said_again_before_it_is(
    world: MemoryWorld,
    outside: Twins,
    attempt: Attempt,
    case: Case,
) -> None:
    matter, where, delivered, mem0 = case
    outside.mem0.post("/_twin/expiration", MEM0[mem0])
    world.tell(matter.said.format("Delhi"))
    world.tell(matter.said.format("Mumbai"))
    delhi, mumbai = matter.text.format("Delhi"), matter.text.format("Mumbai")
    assert world.memories() == [delhi, mumbai]
    running = Running(attempt, where)
    running.reached()

    world.say(matter.said.format("Delhi") + " again", "I see")
    if delivered == "meanwhile":
        world.deliver_all()
    running.go_on()
    assert running.result()["status"] == "done"
    if (where, delivered) == ("applying", "meanwhile"):
        assert shown(world) == [delhi]
    world.deliver_all()
    tidied_while_due(world, attempt)

    assert shown(world) == [delhi]
    for scope in ("mem0", "hybrid"):
        body = {"query": delhi, "scope": scope}
        status, found = world.call("POST", "/api/memory/search", body)
        assert status == 200
        assert found["items"][0]["text"] == delhi
        assert found["items"][0]["valid_to"] is None
        assert mumbai not in [one["text"] for one in found["items"] if one["store"] != "zep"]


def shown(world: MemoryWorld) -> list[str]:
    """The memories in the view."""
    return [text for name, text in world.items() if name.startswith("mem_")]


def tidied_while_due(world: MemoryWorld, attempt: Attempt) -> None:
    """What the schedule makes of it, until there is nothing left to do; that may not take long."""
    planning = Planning(world.container)
    for _ in range(3):
        if not asyncio.run(planning.is_due(attempt.principal.account_id, hidden_days=30)):
            return
        Running(attempt).result()
    raise AssertionError("there is always something left to do")
