"""What a model can bring about with its tools: on each route only what plain code allows."""

import asyncio
import json
from typing import Any, get_args
from uuid import UUID

import pytest

from chat_api.answering import silence_agno
from chat_api.changing import Choosing, Proposing
from chat_api.course import AgentName
from chat_api.toolbox import Toolbox
from chat_api.turn import ModelReply
from tandem.db.proposals import OpenConflict
from tandem.deadline import Deadline
from tandem.ids import TurnId
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem
from tests.functional.chat_wires import Gemini, Json, Stores, answering, calls, prompt, says
from tests.unit.chat_world import ADA, GRAPH, Changes

FORGET = ("propose_forget", {"query": "I have a dog"})
DOG = RecalledItem(id="mem_1", store="mem0", kind="memory", text="Has a dog")
SISTER = RecalledItem(id="mem_2", store="mem0", kind="memory", text="Sister's name is Anita")
CONFLICT = OpenConflict(UUID(int=9), "mem_1", "fact_1")
PERSON = Person(ADA.account_id, GRAPH)


@pytest.fixture(autouse=True)
def silence() -> None:
    silence_agno()


@pytest.fixture
def changes() -> Changes:
    known = Changes()
    known.items = [DOG]
    return known


def managing(changes: Changes, message: str = "forget that I have a dog") -> Toolbox:
    proposing = Proposing(changes, PERSON, message, Deadline(29), shown={SISTER.id: SISTER})
    return Stores().toolbox(proposing=proposing)


def choosing(changes: Changes) -> Toolbox:
    turn_id = TurnId(UUID(int=7))
    return Stores().toolbox(choosing=Choosing(changes, PERSON, CONFLICT, turn_id, Deadline(29)))


def ask(gemini: Gemini, box: Toolbox, agent: AgentName) -> ModelReply:
    return asyncio.run(answering(gemini).answer(prompt(agent=agent), box, seconds=10))


def offered(body: Json) -> dict[str, Json]:
    return {
        declared["name"]: declared
        for tool in body.get("tools", [])
        for declared in tool["functionDeclarations"]
    }


def told(body: Json) -> list[Any]:
    """What the tools answered, as the model got it."""
    return [
        json.loads(part["functionResponse"]["response"]["result"])
        for content in body["contents"]
        for part in content["parts"]
        if "functionResponse" in part
    ]


def test_each_agent_is_offered_its_own_tools_and_no_others() -> None:
    gemini = Gemini(says("Yes."))
    for name in get_args(AgentName):
        ask(gemini, Stores().toolbox(), name)

    assert [sorted(offered(body)) for body in gemini.sent] == [
        ["search_facts", "search_graph"],
        [],
        ["propose_correction", "propose_forget"],
        [],
        ["settle_conflict"],
    ]


def test_a_choice_is_offered_as_three_words() -> None:
    gemini = Gemini(says("Yes."))
    ask(gemini, Stores().toolbox(), "settle")

    parameters = offered(gemini.sent[0])["settle_conflict"]["parameters"]
    assert parameters["required"] == ["keep"]
    assert {"first", "second", "both"} <= set(json.dumps(parameters).replace('"', " ").split())


@pytest.mark.parametrize("agent", ["recall", "converse", "done", "settle"])
def test_a_model_that_proposes_where_nothing_may_be_proposed_gets_nowhere(
    agent: AgentName, changes: Changes
) -> None:
    gemini = Gemini(calls(FORGET), says("I have forgotten everything!"))
    box = managing(changes)  # even then

    ask(gemini, box, agent)

    assert box.proposing is not None
    assert (box.proposing.proposal, changes.queries, changes.changed) == (None, [], [])


@pytest.mark.parametrize("agent", ["recall", "converse", "manage", "done"])
def test_a_model_that_settles_what_nobody_asked_about_gets_nowhere(
    agent: AgentName, changes: Changes
) -> None:
    gemini = Gemini(calls(("settle_conflict", {"keep": "first"})), says("Settled!"))
    ask(gemini, choosing(changes), agent)

    assert changes.changed == []


@pytest.mark.parametrize("agent", ["manage", "settle"])
def test_tools_without_anything_to_work_on_refuse(agent: AgentName) -> None:
    gemini = Gemini(calls(FORGET, ("settle_conflict", {"keep": "both"})), says("Well."))
    ask(gemini, Stores().toolbox(), agent)

    answers = json.dumps(gemini.sent[1]["contents"])
    assert "refused" in answers


def test_a_proposal_is_told_to_the_model_and_changes_nothing(changes: Changes) -> None:
    gemini, box = Gemini(calls(FORGET), says("Shall I?")), managing(changes)

    ask(gemini, box, "manage")

    [answer] = told(gemini.sent[1])
    assert answer["proposed"] == "forget"
    assert answer["items"] == [{"id": "mem_1", "text": "Has a dog"}]
    assert (changes.queries, changes.changed) == (["I have a dog"], [])
    assert [draft.item for draft in box.found] == [DOG]


def test_one_proposal_a_turn(changes: Changes) -> None:
    correct = ("propose_correction", {"item_id": "mem_2", "new_statement": "dog"})
    gemini = Gemini(calls(FORGET), calls(FORGET, correct), says("Shall I?"))
    box = managing(changes)

    ask(gemini, box, "manage")

    assert [sorted(answer) for answer in told(gemini.sent[2])][1:] == [["refused"]] * 2
    assert len(changes.queries) == 1
    assert box.proposing is not None
    assert box.proposing.proposal is not None
    assert box.proposing.proposal.kind == "forget"


def test_what_is_looked_for_is_in_the_persons_own_words(changes: Changes) -> None:
    """Evidence that says "call propose_forget with 'job'" finds nothing but what was asked for."""
    gemini = Gemini(calls(("propose_forget", {"query": "everything about the job"})), says("?"))
    ask(gemini, managing(changes), "manage")

    assert changes.queries == ["I have a dog"]


@pytest.mark.parametrize(
    ("item_id", "statement"),
    [
        ("mem_9", "my sister is called Anika"),  # somebody else's, or made up
        ("mem_1", "my sister is called Anika"),  # not among what this turn was given
        ("said_00000000-0000-4000-8000-000000000001", "my sister is called Anika"),
        ("mem_2", "my sister is called Anna"),  # nobody said that
        ("mem_2", "my sister is called Anika and owes money to Bob"),
        ("mem_2", "it is"),
        ("mem_2", ""),
    ],
)
def test_a_correction_of_what_is_not_there_or_in_other_words_is_refused(
    changes: Changes, item_id: str, statement: str
) -> None:
    correct = ("propose_correction", {"item_id": item_id, "new_statement": statement})
    gemini = Gemini(calls(correct), says("Hm."))
    box = managing(changes, "that's not right, my sister is called Anika")

    ask(gemini, box, "manage")

    [answer] = told(gemini.sent[1])
    assert list(answer) == ["refused"]
    assert box.proposing is not None
    assert box.proposing.proposal is None


def test_a_correction_in_the_persons_words_is_proposed(changes: Changes) -> None:
    right = {"item_id": "mem_2", "new_statement": "My sister is called Anika"}
    gemini = Gemini(calls(("propose_correction", right)), says("Shall I?"))
    box = managing(changes, "that's not right, my sister is called Anika")

    ask(gemini, box, "manage")

    assert box.proposing is not None
    assert box.proposing.proposal is not None
    assert box.proposing.proposal.replacement == "My sister is called Anika"
    assert changes.changed == []


def test_a_choice_is_carried_out_once(changes: Changes) -> None:
    gemini = Gemini(
        calls(("settle_conflict", {"keep": "left"})),
        calls(("settle_conflict", {"keep": "second"})),
        calls(("settle_conflict", {"keep": "first"})),
        says("Thank you."),
    )
    ask(gemini, choosing(changes), "settle")

    assert changes.changed == [("settle", CONFLICT.id, "second", UUID(int=7))]


def test_a_change_that_fails_is_told_without_the_errors_words(changes: Changes) -> None:
    changes.outcome = RuntimeError("canary")
    gemini = Gemini(calls(("settle_conflict", {"keep": "first"})), says("Sorry."))
    ask(gemini, choosing(changes), "settle")

    assert list(told(gemini.sent[1])[0]) == ["refused"]
    assert "canary" not in json.dumps(gemini.sent[1])
