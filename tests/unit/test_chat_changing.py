"""A turn that proposes, confirms or settles a change of memory, with fakes of all around it."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chat_api.changing import DECLINED, Proposal, with_proposal
from chat_api.toolbox import Toolbox
from tandem import errors
from tandem.db.proposals import Awaiting, Effects, OpenConflict, OpenProposal
from tandem.ids import TurnId
from tandem.recall.items import RecalledItem
from tandem.recall.source_sentences import Utterance
from tests.functional.chat_wires import fact, memory
from tests.unit.chat_world import NOW, World, pending

PROPOSED = TurnId(UUID(int=7))
FORGET = OpenProposal(PROPOSED, NOW - timedelta(minutes=1), "forget", ("mem_1", "fact_2"), None)
CORRECT = OpenProposal(
    PROPOSED, NOW - timedelta(minutes=1), "correct", ("mem_2",), "My sister is Anika"
)
DOG = RecalledItem(id="mem_1", store="mem0", kind="memory", text="Has a dog")
BRUNO = RecalledItem(id="fact_2", store="zep", kind="fact", text="Dog's name is Bruno")


@pytest.fixture
def world() -> World:
    return World()


def lines_of(world: World) -> list[dict[str, Any]]:
    prompt = world.answerer.prompts[-1]
    return [json.loads(line) for line in prompt.context.splitlines() if line.startswith("{")]


def notes_of(world: World) -> list[str]:
    return [line["note"] for line in lines_of(world) if "note" in line]


def proposing(world: World, query: str = "I have a dog") -> None:
    async def use_tools(box: Toolbox) -> None:
        await box.propose(lambda proposing: proposing.forget(query))

    world.answerer.use_tools = use_tools


# ------------------------------------------------------------------ proposing


def test_a_request_to_forget_is_stored_as_a_proposal_with_the_reply(world: World) -> None:
    world.changes.items = [DOG, BRUNO]
    world.answerer.outcome = "I would forget “Has a dog” and “Dog's name is Bruno”. Shall I?"
    proposing(world)

    answer = world.chat("forget that I have a dog")

    assert answer.route == "manage"
    assert answer.reply == world.answerer.outcome
    assert [item.id for item in answer.recalled] == ["mem_1", "fact_2"]
    [reply] = world.ledger.committed
    assert reply.effects == Effects(kind="forget", item_ids=["mem_1", "fact_2"])
    assert world.changes.changed == []
    assert world.answerer.prompts[0].agent == "manage"


def test_a_reply_that_keeps_silent_about_an_item_is_completed_before_a_yes_may_count(
    world: World,
) -> None:
    world.changes.items = [DOG, BRUNO]
    world.answerer.outcome = "I would forget your dog. Shall I?"
    proposing(world)

    reply = world.chat("forget that I have a dog").reply

    assert reply.startswith("I would forget your dog. Shall I?\n\nThis would be forgotten:\n")
    assert "\n- Has a dog\n- Dog's name is Bruno\n" in reply
    assert world.ledger.committed[0].text == reply


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("I would forget: HAS A DOG.", False),
        ("I would forget: has  a dog. Shall I?", True),
        ("I would forget that Ada has a dogma. Shall I?", False),
        ("", False),
    ],
)
def test_a_proposal_is_listed_and_asked_about(said: str, whole: bool) -> None:
    reply = with_proposal(said, Proposal("forget", [DOG]))
    assert (reply == said) is whole
    assert "has a dog" in " ".join(reply.lower().split())
    assert "yes" in reply or "?" in reply


def test_a_correction_shows_the_old_words_and_the_new() -> None:
    reply = with_proposal("Shall I?", Proposal("correct", [BRUNO], "My dog is called Bo"))
    assert "- “Dog's name is Bruno” → “My dog is called Bo”" in reply
    assert with_proposal("Hello", None) == "Hello"


def test_a_proposal_that_leaves_something_out_says_so() -> None:
    reply = with_proposal(f"{DOG.text}. Shall I?", Proposal("forget", [DOG], more=True))
    assert "More is remembered that fits." in reply
    assert reply.endswith("any other answer changes nothing.")


def test_nothing_is_proposed_when_nothing_like_it_is_remembered(world: World) -> None:
    proposing(world)

    world.chat("forget that I have a dog")

    assert world.changes.queries == ["I have a dog"]
    assert world.ledger.committed[0].effects == Effects()


def test_a_turn_that_fails_has_proposed_nothing(world: World) -> None:
    world.changes.items = [DOG]
    proposing(world)
    world.answerer.outcome = errors.UpstreamTimeout("gemini", operation="x")

    with pytest.raises(errors.UpstreamTimeout):
        world.chat("forget that I have a dog")

    assert (world.ledger.committed, world.changes.changed) == ([], [])


def test_what_was_just_said_can_go_too_but_no_request_or_question_is_taken_for_a_statement(
    world: World,
) -> None:
    world.ledger.changes = {
        "pending": [
            pending("I have a dog", 3, 100),
            pending("Forget that I have a dog", 2, 110),
            pending("Do I have a dog?", 1, 120),
        ]
    }
    proposing(world)

    answer = world.chat("forget that I have a dog")

    assert [item.text for item in answer.recalled] == ["I have a dog"]
    assert world.ledger.committed[0].effects.item_ids == [f"said_{UUID(int=100)}"]


def test_a_correction_keeps_its_words_with_the_answer(world: World) -> None:
    world.stores.memories = [memory("Sister's name is Anita")]
    name = f"mem_{world.stores.memories[0]['id']}"

    async def use_tools(box: Toolbox) -> None:
        await box.propose(lambda proposing: proposing.correct(name, "My sister is called Anika"))

    world.answerer.use_tools = use_tools
    answer = world.chat("that's not right, my sister is called Anika")

    [reply] = world.ledger.committed
    assert reply.effects == Effects(kind="correct", item_ids=[name])
    assert reply.facts["replacement"] == "My sister is called Anika"
    assert "“Sister's name is Anita” → “My sister is called Anika”" in answer.reply


@pytest.mark.parametrize("message", ["Where do I live?", "I like tea.", "yes"])
def test_on_any_other_turn_the_tools_find_nothing_to_propose_with(
    world: World, message: str
) -> None:
    world.changes.items = [DOG]
    proposing(world)

    world.chat(message)

    assert world.ledger.committed[0].effects == Effects()
    assert world.changes.queries == []


def test_a_line_has_the_sentence_in_which_it_was_said_as_far_as_the_ledger_has_it(
    world: World,
) -> None:
    world.stores.memories = [memory("Lives in Delhi"), memory("Likes tea")]
    name = world.stores.memories[0]["id"]
    told = Utterance(PROPOSED, "Hi! I have lived in Delhi since 2018.", frozenset({name}))
    world.ledger.changes = {"said": [told]}

    world.chat("Where do I live?")

    sources = {line["text"]: line.get("source") for line in lines_of(world)}
    assert sources == {"Lives in Delhi": "I have lived in Delhi since 2018.", "Likes tea": None}


# ------------------------------------------------------------------ deciding


@pytest.mark.parametrize(
    ("proposal", "change"),
    [
        (FORGET, ("forget", ("mem_1", "fact_2"))),
        (CORRECT, ("correct", ("mem_2",), "My sister is Anika")),
    ],
)
def test_a_yes_carries_out_what_was_proposed_before_the_model_is_asked(
    world: World, proposal: OpenProposal, change: tuple[Any, ...]
) -> None:
    world.stores.memories = [memory("Has a dog")]
    world.ledger.changes = {"awaiting": Awaiting(proposal=proposal)}

    answer = world.chat("Yes, please")

    assert world.changes.changed == [(*change, answer.turn_id)]
    [prompt] = world.answerer.prompts
    assert (answer.route, prompt.agent) == ("manage", "done")
    assert [note.split(":")[0] for note in notes_of(world)] == ["Confirmed and done"]
    assert lines_of(world) == [{"note": notes_of(world)[0]}]  # what is gone is not shown again
    assert world.stores.asked == []
    [reply] = world.ledger.committed
    assert reply.effects == Effects(decided=PROPOSED, decision="confirmed")


@pytest.mark.parametrize(("outcome", "told"), [("later", "a little longer"), ("gone", "nothing")])
def test_a_change_that_takes_longer_or_comes_too_late_is_told_as_it_is(
    world: World, outcome: Any, told: str
) -> None:
    world.changes.outcome = outcome
    world.ledger.changes = {"awaiting": Awaiting(proposal=FORGET)}

    world.chat("yes")

    assert told in notes_of(world)[0]


def test_a_confirming_turn_without_the_model_is_released_and_its_proposal_stays_open(
    world: World,
) -> None:
    world.ledger.changes = {"awaiting": Awaiting(proposal=FORGET)}
    world.answerer.outcome = errors.UpstreamUnavailable("gemini", operation="x")

    with pytest.raises(errors.UpstreamUnavailable) as failed:
        world.chat("yes", key="k")

    assert failed.value.context["turn_id"] == str(world.ledger.opened[0].turn_id)
    assert len(world.changes.changed) == 1
    assert (world.ledger.committed, len(world.ledger.released)) == ([], 1)


@pytest.mark.parametrize("proposal", [FORGET, CORRECT])
@pytest.mark.parametrize(
    ("failure", "missing"),
    [
        (errors.UpstreamUnavailable("mem0", operation="x"), ["mem0"]),
        (errors.UpstreamTimeout("zep", operation="x"), ["zep"]),
        (errors.Unavailable(code="unfinished"), []),
    ],
)
def test_a_change_that_a_store_does_not_let_through_is_told_and_can_be_asked_for_again(
    world: World, proposal: OpenProposal, failure: errors.AppError, missing: list[str]
) -> None:
    world.ledger.changes = {"awaiting": Awaiting(proposal=proposal)}
    world.changes.outcome = failure

    answer = world.chat("yes")

    assert (answer.reply, answer.degraded) == ("The reply.", missing)
    assert "can't be done right now" in notes_of(world)[0]
    assert world.answerer.prompts[0].agent == "done"
    assert world.ledger.committed[0].effects == Effects()  # nothing has been decided


def test_a_change_without_the_database_fails_the_turn(world: World) -> None:
    world.ledger.changes = {"awaiting": Awaiting(proposal=FORGET)}
    world.changes.outcome = errors.Unavailable(code="database_unavailable")

    with pytest.raises(errors.Unavailable):
        world.chat("yes")


@pytest.mark.parametrize(
    ("message", "route"),
    [
        ("no", "converse"),
        ("Where do I live?", "recall"),
        ("yes, but keep the cat", "converse"),
        ("forget my job", "manage"),
    ],
)
def test_anything_but_a_yes_closes_the_proposal_and_is_answered_as_it_stands(
    world: World, message: str, route: str
) -> None:
    world.ledger.changes = {"awaiting": Awaiting(proposal=FORGET)}

    answer = world.chat(message)

    assert answer.route == route
    assert world.changes.changed == []
    assert notes_of(world) == [DECLINED]
    assert world.ledger.committed[0].effects == Effects(decided=PROPOSED, decision="declined")


def test_a_yes_to_nothing_is_a_message_like_any_other(world: World) -> None:
    assert world.chat("yes").route == "converse"
    assert (world.changes.changed, notes_of(world)) == ([], [])


# ------------------------------------------------------------------ conflicts


def conflicting(world: World) -> OpenConflict:
    """A memory and a fact that contradict each other, as both stores have them."""
    world.stores.memories, world.stores.facts = [memory("Is vegetarian")], [fact("Loves steak")]
    left, right = world.stores.memories[0]["id"], world.stores.facts[0]["uuid"]
    return OpenConflict(UUID(int=5), f"mem_{left}", f"fact_{right}")


def conflict_told(world: World) -> Any:
    told = [line["conflict"] for line in lines_of(world) if "conflict" in line]
    return [(one["first"]["text"], one["second"]["text"]) for one in told]


def test_a_conflict_is_put_to_the_person_in_a_quiet_moment(world: World) -> None:
    conflict = conflicting(world)
    world.ledger.changes = {"awaiting": Awaiting(conflict=conflict)}
    world.answerer.outcome = "Nice! Which holds: vegetarian or steak?"

    answer = world.chat("I like tea.")

    assert conflict_told(world) == [("Is vegetarian", "Loves steak")]
    assert (answer.route, world.answerer.prompts[0].agent) == ("converse", "converse")
    assert world.ledger.committed[0].effects == Effects(asked=conflict.id)
    assert {item.text for item in answer.recalled} == {"Is vegetarian", "Loves steak"}


def test_a_reply_that_asks_nothing_has_not_asked_about_the_conflict(world: World) -> None:
    world.ledger.changes = {"awaiting": Awaiting(conflict=conflicting(world))}

    world.chat("I like tea.")

    assert world.ledger.committed[0].effects == Effects()


@pytest.mark.parametrize("message", ["Where do I live?", "forget that I have a dog"])
def test_a_conflict_waits_while_something_else_is_asked_or_managed(
    world: World, message: str
) -> None:
    world.ledger.changes = {"awaiting": Awaiting(conflict=conflicting(world))}
    world.answerer.outcome = "Hm?"

    world.chat(message)

    assert conflict_told(world) == []
    assert world.ledger.committed[0].effects == Effects()


def test_a_conflict_waits_while_a_proposal_is_decided(world: World) -> None:
    waiting = Awaiting(proposal=FORGET, conflict=conflicting(world))
    world.ledger.changes = {"awaiting": waiting}
    world.answerer.outcome = "Hm?"

    for message in ("yes", "no"):
        world.chat(message)

    assert conflict_told(world) == []
    assert {reply.effects.asked for reply in world.ledger.committed} == {None}


@pytest.mark.parametrize("missing", ["memory", "fact", "zep", "mem0"])
def test_a_conflict_of_which_a_side_is_missing_is_not_asked_about(
    world: World, missing: str
) -> None:
    conflict = conflicting(world)
    world.ledger.changes = {"awaiting": Awaiting(conflict=conflict)}
    world.answerer.outcome = "Hm?"
    if missing == "memory":
        world.stores.memories.clear()
    elif missing == "fact":
        world.stores.facts.clear()
    else:
        world.stores.status[missing] = 503

    answer = world.chat("I like tea.")

    assert (answer.reply, conflict_told(world)) == ("Hm?", [])
    assert world.ledger.committed[0].effects == Effects()


def test_the_next_message_may_settle_it(world: World) -> None:
    conflict = conflicting(world)
    world.ledger.changes = {"awaiting": Awaiting(asked=conflict)}

    async def use_tools(box: Toolbox) -> None:
        await box.choose("second")

    world.answerer.use_tools = use_tools
    answer = world.chat("I love steak these days.")

    assert world.answerer.prompts[0].agent == "settle"
    assert conflict_told(world) == [("Is vegetarian", "Loves steak")]
    assert world.changes.changed == [("settle", conflict.id, "second", answer.turn_id)]
    assert world.ledger.committed[0].effects == Effects()
    assert answer.route == "converse"


@pytest.mark.parametrize("message", ["Why?", "Why do you ask?", "Is that so? Really?"])
def test_a_mere_question_settles_nothing(world: World, message: str) -> None:
    world.ledger.changes = {"awaiting": Awaiting(asked=conflicting(world))}

    async def use_tools(box: Toolbox) -> None:
        await box.choose("first")

    world.answerer.use_tools = use_tools
    world.chat(message)

    assert world.answerer.prompts[0].agent != "settle"
    assert world.changes.changed == []


def test_without_its_two_sides_a_conflict_can_not_be_settled(world: World) -> None:
    world.ledger.changes = {"awaiting": Awaiting(asked=conflicting(world))}
    world.stores.facts.clear()

    async def use_tools(box: Toolbox) -> None:
        await box.choose("first")

    world.answerer.use_tools = use_tools
    world.chat("I love steak these days.")

    assert world.answerer.prompts[0].agent == "converse"
    assert world.changes.changed == []
