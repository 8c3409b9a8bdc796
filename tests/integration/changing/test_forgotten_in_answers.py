"""What is forgotten leaves the stored answers of other turns, too; their replies are history."""

import pytest

from tandem.db.turns import Reply, Turn
from tandem.ids import TurnId
from tandem.recall.items import Draft, RecalledItem
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.turn_ledger import FACTS

pytestmark = pytest.mark.integration


def draft(item_id: str, text: str, *provider_ids: str, turns: tuple[TurnId, ...] = ()) -> Draft:
    item = RecalledItem(id=item_id, store="mem0", kind="memory", text=text)
    return Draft(item, provider_ids=provider_ids, turn_ids=turns)


def recall(memory: MemoryWorld, *drafts: Draft, replacement: str | None = None) -> TurnId:
    """A turn in which the model was given these."""
    return answer(memory, memory.open("What do you know?"), *drafts, replacement=replacement)


def answer(
    memory: MemoryWorld, turn: Turn, *drafts: Draft, replacement: str | None = None
) -> TurnId:
    recalled = [
        {
            "item": one.item.model_dump(mode="json"),
            "provider_ids": one.provider_ids,
            "turn_ids": [str(name) for name in one.turn_ids],
        }
        for one in drafts
    ]
    facts = {**FACTS, "recalled": recalled, "replacement": replacement}
    reply = Reply(text="You have a dog.", facts=facts, drafts=drafts)
    account = memory.person.principal.account_id
    assert memory.run(memory.turns.commit(turn, account, reply)) is not None
    return turn.turn_id


def recalled_in(memory: MemoryWorld, turn: TurnId) -> list[str]:
    [[answer, reply]] = memory.person.run("select answer, reply from turns where id = :t", t=turn)
    assert reply == "You have a dog."
    return [one["item"]["text"] for one in answer["recalled"]]


def test_what_is_forgotten_was_never_offered_to_a_turn(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    memory.tell("I live in Delhi")
    dog, delhi = memory.item("Has a dog"), memory.item("Lives in Delhi")
    turn = recall(
        memory,
        draft(dog, "Has a dog", dog[4:]),
        draft(delhi, "Lives in Delhi", delhi[4:]),
        draft("mem_purged", "Once had a dog"),
    )

    assert memory.call("DELETE", f"/api/memory/{dog}")[0] == 204

    assert recalled_in(memory, turn) == ["Lives in Delhi", "Once had a dog"]


def test_words_that_were_pending_leave_the_answers_that_were_given_them(
    memory: MemoryWorld,
) -> None:
    said = memory.say("I have a dog", "How nice")
    told = memory.say("I live in Delhi", "How nice")
    turn = recall(
        memory,
        draft(f"said_{said.turn_id}", "I have a dog"),
        draft(f"said_{told.turn_id}", "I live in Delhi"),
    )
    memory.deliver_all()

    assert memory.call("DELETE", f"/api/memory/{memory.item('Has a dog')}")[0] == 204

    assert recalled_in(memory, turn) == ["I live in Delhi"]


def test_what_rests_on_the_forgotten_words_alone_leaves_answers_but_for_what_was_to_stay(
    memory: MemoryWorld,
) -> None:
    first = memory.say("I have a dog. I live in Delhi.", "How nice")
    second = memory.say("I like tea", "How nice")
    memory.deliver_all()
    delhi = memory.item("Lives in Delhi")
    turn = recall(
        memory,
        draft("mem_rewritten", "Had a dog in May", turns=(first.turn_id,)),
        draft("mem_both", "Has tea with the dog", turns=(first.turn_id, second.turn_id)),
        draft(delhi, "Lives in Delhi", delhi[4:]),
    )

    assert memory.call("DELETE", f"/api/memory/{memory.item('Has a dog')}")[0] == 204

    assert recalled_in(memory, turn) == ["Has tea with the dog", "Lives in Delhi"]


def test_the_words_of_a_correction_that_is_forgotten_leave_the_turn_that_proposed_it(
    memory: MemoryWorld,
) -> None:
    memory.tell("I have a cat")
    item = memory.item("Has a cat")
    proposed = recall(memory, replacement="I have a dog")
    memory.person.run(
        "insert into sources (provider_id, account_id, turn_id, role)"
        " values (:name, :account, :t, 'user')",
        name=item[4:],
        t=proposed,
    )

    assert memory.call("DELETE", f"/api/memory/{item}")[0] == 204

    [[answer]] = memory.person.run("select answer from turns where id = :t", t=proposed)
    assert "replacement" not in answer


def test_what_is_forgotten_while_a_turn_is_answered_is_not_stored_with_it(
    memory: MemoryWorld,
) -> None:
    memory.tell("I have a dog")
    told = memory.say("I live in Delhi", "How nice")
    memory.deliver_all()
    dog, delhi = memory.item("Has a dog"), memory.item("Lives in Delhi")
    [[said]] = memory.person.run("select turn_id from sources where provider_id = :m", m=dog[4:])
    turn = memory.open("What do you know?")

    assert memory.call("DELETE", f"/api/memory/{dog}")[0] == 204
    answer(
        memory,
        turn,
        draft(dog, "Has a dog", dog[4:], turns=(TurnId(said),)),
        draft("fact_gone", "Owns a dog", "gone"),
        draft(f"said_{said}", "I have a dog"),
        draft(f"said_{told.turn_id}", "I live in Delhi"),
        draft(delhi, "Lives in Delhi", delhi[4:]),
    )

    assert recalled_in(memory, turn.turn_id) == ["I live in Delhi", "Lives in Delhi"]
    later = recall(memory, draft("fact_other", "Likes tea", "unknown"))
    assert recalled_in(memory, later) == ["Likes tea"]
