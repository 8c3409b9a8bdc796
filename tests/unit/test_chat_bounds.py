"""What a turn hands to the model: so much of it and no more, and nothing that is hidden."""

import json
from functools import partial
from typing import Any

import pytest

from chat_api.toolbox import Toolbox
from tandem.ids import Mem0Id
from tandem.recall.context import TURN_TOKENS
from tandem.recall.rank import estimate_tokens
from tests.functional.chat_wires import memory
from tests.unit.chat_world import World


async def search(find: Any, box: Toolbox, seconds: float) -> Any:
    return await find(box.person, "anything", limit=50, seconds=seconds)


@pytest.mark.parametrize("words", [1, 30, 200])
def test_evidence_and_tools_share_the_tokens_of_a_turn(words: int) -> None:
    world, answers = World(), list[str]()
    world.stores.memories = [memory(f"{n} " + "word " * words) for n in range(50)]

    async def use_tools(box: Toolbox) -> None:
        for _ in range(4):
            found = partial(search, box.gather.memories, box)
            answers.append(await box.look("mem0", found))

    world.answerer.use_tools = use_tools
    answer = world.chat("Where do I live?")

    evidence = world.answerer.prompts[0].context
    spent = sum(map(estimate_tokens, [evidence, *(a for a in answers if a != '{"items":[]}')]))
    assert spent <= TURN_TOKENS + 30  # the time stands beside the evidence
    assert spent > TURN_TOKENS / 2
    first = [item["text"] for item in json.loads(answers[0])["items"]]
    assert [text.split()[0] for text in first] == [str(n) for n in range(len(first))]
    assert json.loads(answers[-1]) == {"items": []}
    told = {item.text for item in answer.recalled}
    assert set(first) <= told


def test_what_is_hidden_here_alone_is_told_to_nobody() -> None:
    world = World()
    world.stores.memories = [memory("Is fond of tea"), memory("Likes tea")]
    hidden = Mem0Id(world.stores.memories[0]["id"])
    world.ledger.changes = {"hidden": frozenset({hidden})}

    async def use_tools(box: Toolbox) -> None:
        await box.look("mem0", partial(search, box.gather.memories, box))

    world.answerer.use_tools = use_tools
    answer = world.chat("What do I like?")

    assert [item.text for item in answer.recalled] == ["Likes tea"]
    assert "fond" not in world.answerer.prompts[0].context


@pytest.mark.parametrize("message", ["Where do I live?", "I like tea.", "forget that I like tea"])
def test_the_evidence_leaves_room_for_the_tools(message: str) -> None:
    world = World()
    world.stores.memories = [memory(f"{n} " + "word " * 40) for n in range(50)]

    world.chat(message)

    [box] = world.answerer.boxes
    assert 600 <= box.tokens < TURN_TOKENS
