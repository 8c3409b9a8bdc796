"""A turn while stores have failed several times in a row: nobody waits for them, and they are tried
again beside it."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from chat_api.toolbox import Toolbox
from chat_api.turn import Answer, Message
from tandem.db.proposals import Awaiting, OpenConflict
from tandem.deadline import Deadline
from tandem.errors import Provider, UpstreamTimeout, UpstreamUnavailable
from tests.functional.chat_wires import fact, memory
from tests.unit.chat_world import ADA, World

STORES: tuple[Provider, ...] = ("zep", "mem0")


class Watched(World):
    """A world whose stores are behind breakers, with a clock that the test turns."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.tasks_left: list[str] = []
        self.stores.watch(lambda: self.now)
        self.stores.facts = [fact("Lives in Delhi")]
        self.stores.memories = [memory("Likes tea")]

    def open(self, *stores: Provider) -> None:
        for store in stores:
            for _ in range(5):
                passage = self.stores.breakers[store].enter("x")
                passage.leave(UpstreamUnavailable(store, operation="x", reason="cut", sent=True))
            assert self.state(store) == "open"

    def half_open(self, *stores: Provider) -> None:
        self.open(*stores)
        self.now += 10

    def state(self, store: Provider) -> str:
        return self.stores.breakers[store].state

    def chat_once(self, text: str = "Where do I live?") -> Answer:
        async def story() -> Answer:
            answer = await asyncio.wait_for(
                self.service().chat(ADA, Message(text, None, None, None), Deadline(29.0)), 2
            )
            self.tasks_left = [
                task.get_name()
                for task in asyncio.all_tasks()
                if task is not asyncio.current_task() and not task.done()
            ]
            return answer

        return asyncio.run(story())

    def model_takes(self, seconds: float) -> None:
        """So long by the breakers' clock; the stores have the loop for themselves meanwhile."""

        async def think(_: Toolbox) -> None:
            for _turn in range(20):
                await asyncio.sleep(0)
            self.now += seconds

        self.answerer.use_tools = think


@pytest.fixture
def world() -> Watched:
    return Watched()


def test_stores_whose_breakers_are_open_are_named_and_not_asked(world: Watched) -> None:
    world.open(*STORES)

    answer = world.chat_once()

    assert (answer.reply, answer.degraded) == ("The reply.", ["mem0", "zep"])
    assert (answer.recalled, world.stores.asked) == ([], [])


def test_stores_that_go_on_failing_are_not_asked_after_five_turns(world: Watched) -> None:
    world.stores.status = {"zep": 401, "mem0": 500}

    for _ in range(8):
        assert world.chat_once().degraded == ["mem0", "zep"]

    assert len(world.stores.asked) == 10


def test_nobody_waits_for_a_store_that_is_tried_again(world: Watched) -> None:
    world.half_open("zep")
    world.stores.hanging = {"zep"}
    world.model_takes(1.5)

    answer = world.chat_once()  # within two seconds, or it fails

    assert answer.degraded == ["zep"]
    assert [item.text for item in answer.recalled] == ["Likes tea"]
    assert [store for store, _, _ in world.stores.asked].count("zep") == 1
    assert world.tasks_left == []
    assert world.state("zep") == "open"


def test_a_store_that_hung_through_a_short_turn_is_tried_again_in_the_next(world: Watched) -> None:
    world.half_open(*STORES)
    world.stores.hanging = {"zep", "mem0"}
    world.model_takes(0.5)

    world.chat_once()

    assert [world.state(store) for store in STORES] == ["half_open", "half_open"]
    assert world.tasks_left == []
    world.model_takes(1.5)
    world.chat_once()
    assert [world.state(store) for store in STORES] == ["open", "open"]


def test_a_store_that_is_back_is_heard_of_in_one_turn_and_used_in_the_next(world: Watched) -> None:
    world.half_open(*STORES)
    world.model_takes(1.0)

    first, second = world.chat_once(), world.chat_once()

    assert (first.degraded, first.recalled) == (["mem0", "zep"], [])
    assert second.degraded == []
    assert [item.text for item in second.recalled] == ["Lives in Delhi", "Likes tea"]


def test_what_is_tried_beside_a_turn_ends_with_it_also_when_the_model_fails(
    world: Watched,
) -> None:
    world.half_open("mem0")
    world.stores.hanging = {"mem0"}
    world.model_takes(1.5)
    world.answerer.outcome = UpstreamTimeout("gemini", operation="generate_content")

    with pytest.raises(UpstreamTimeout):
        world.chat_once()

    assert world.state("mem0") == "open"


def test_the_tools_of_such_a_turn_do_not_ask_the_store_either(world: Watched) -> None:
    world.half_open("mem0")
    world.stores.hanging = {"mem0"}

    async def look(box: Toolbox) -> None:
        for store, search in (("zep", box.gather.facts_by_search), ("mem0", box.gather.memories)):
            await box.look(store, partial(_search, search, box))

    world.answerer.use_tools = look

    world.chat_once()

    asked = [(store, path.rpartition("/")[2]) for store, path, _ in world.stores.asked]
    assert asked == [("zep", "context"), ("mem0", ""), ("zep", "edges")]


async def _search(search: Any, box: Toolbox, seconds: float) -> Any:
    return await search(box.person, "anything", limit=9, seconds=seconds)


@pytest.mark.parametrize("missing", STORES)
def test_what_is_to_be_forgotten_is_not_looked_for_when_a_store_has_failed_in_the_turn(
    world: Watched, missing: Provider
) -> None:
    world.stores.status[missing] = 500
    told = []

    async def propose(box: Toolbox) -> None:
        told.append(await box.propose(lambda proposing: proposing.forget("tea"), searches=True))

    world.answerer.use_tools = propose

    world.chat_once("Forget that I like tea")

    assert world.changes.queries == []
    assert "try again later" in told[0]


def test_a_conflict_between_statements_of_such_a_store_waits(world: Watched) -> None:
    world.half_open("mem0")
    world.stores.hanging = {"mem0"}
    conflict = OpenConflict(UUID(int=9), f"mem_{UUID(int=5)}", f"fact_{UUID(int=6)}")
    world.ledger.changes = {"awaiting": Awaiting(conflict=conflict)}
    world.model_takes(1.5)

    answer = world.chat_once("Hello")

    assert answer.degraded == ["mem0"]
    assert world.ledger.committed[0].effects.asked is None


def test_somebody_new_to_zep_misses_nothing_of_it(world: Watched) -> None:
    world.half_open("zep")
    world.ledger.changes = {"zep_graph_uuid": None}

    answer = world.chat_once()

    assert answer.degraded == []
    assert world.state("zep") == "half_open"
    assert [store for store, _, _ in world.stores.asked] == ["mem0"]


def test_without_the_model_a_turn_ends_before_anything_is_asked_or_changed(
    world: Watched,
) -> None:
    world.answerer.away = UpstreamUnavailable(
        "gemini", operation="x", retry_after_seconds=9, reason="breaker_open", sent=False
    )

    with pytest.raises(UpstreamUnavailable) as failed:
        world.chat_once()

    assert failed.value.retry_after_seconds == 9
    assert failed.value.context["turn_id"] == str(world.ledger.opened[0].turn_id)
    assert (world.stores.asked, world.answerer.prompts, world.changes.changed) == ([], [], [])
    assert len(world.ledger.released) == 1
