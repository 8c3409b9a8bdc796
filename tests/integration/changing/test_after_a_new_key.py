"""What was forgotten under one secret key stays so under the next."""

from typing import Any

import pytest

from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.changing.test_forgetting import forget

pytestmark = pytest.mark.integration
NEW = "next-key-" * 8


def change_key(memory: MemoryWorld, **previous: str) -> None:
    memory.secret = {"SECRET_KEY": NEW, **previous}
    memory.parts.secrets.forget()


def learn_elsewhere(memory: MemoryWorld, text: str, message: str) -> None:
    """Mem0 gets these words as if it had them from another turn."""
    [[turn]] = memory.person.run(
        "select id from turns where account_id = :account and message = :message", message=message
    )
    added: Any = memory.parts.mem0.add(
        text,
        user_id=f"test:{memory.person.principal.account_id}",
        metadata={"turn_id": str(turn)},
        infer=False,
        timeout_seconds=5,
    )
    memory.run(added)


@pytest.mark.parametrize("kept", [True, False])
def test_the_same_words_are_known_again_while_the_key_before_is_there(
    kept: bool, memory: MemoryWorld
) -> None:
    memory.tell("I live in Delhi")
    memory.tell("I have a dog")
    forget(memory, "dog")
    memory.until_gone("dog")

    learn_elsewhere(memory, "Has a dog", "I live in Delhi")
    previous = {"SECRET_KEY_PREVIOUS": memory.secret["SECRET_KEY"]} if kept else {}
    change_key(memory, **previous)
    memory.clean()

    assert ("Has a dog" in memory.memories()) is not kept
    assert "Lives in Delhi" in memory.memories()


def test_who_was_asked_before_a_change_of_key_may_still_say_yes(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    _, shown = memory.call("POST", "/api/memory/forget", {"query": "dog"})
    change_key(memory, SECRET_KEY_PREVIOUS=memory.secret["SECRET_KEY"])

    status, _ = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})

    assert status == 200
    memory.until_gone("dog")


def test_without_the_key_before_the_question_has_to_be_asked_again(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    _, shown = memory.call("POST", "/api/memory/forget", {"query": "dog"})
    change_key(memory)

    status, problem = memory.call("POST", "/api/memory/forget", {"token": shown["token"]})

    assert (status, problem["code"]) == (422, "invalid_token")
    assert memory.mentions("dog")
