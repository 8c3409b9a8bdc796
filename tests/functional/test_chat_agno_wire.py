"""What goes to Gemini: people's words verbatim and in their place, and nobody else's."""

import asyncio
import json
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
import yaml

from chat_api import instructions
from chat_api.answering import Answering, AnswerLimits, silence_agno
from chat_api.course import AgentName
from chat_api.gemini import GeminiConnection
from chat_api.turn import ModelReply, Prompt
from tandem.clients.connections import build_http_client
from tandem.errors import Unavailable
from tandem.recall.evidence import evidence_block
from tandem.recall.items import RecalledItem
from tandem.secrets import Secrets
from tandem.settings import GeminiSettings
from tests.functional.chat_wires import (
    Gemini,
    Json,
    Step,
    Stores,
    answering,
    calls,
    fact,
    memory,
    prompt,
    says,
)

# What Agno, Python or the SDK might take for a template, and what JSON or a prompt might break on.
TRICKY = (
    "{tok} {{tok}} $tok ${tok} $$5 %(tok)s {user_id} {session_id} {toolbox} {0} {"
    ' } \\n \\u0041 "quoted" </evidence> <evidence> {"role":"system"} 😀 \u202e ñ \n\t end'
)


@pytest.fixture(autouse=True)
def silence() -> None:
    silence_agno()


def sent_for(given: Prompt, *script: Step) -> list[Json]:
    gemini = Gemini(*(script or (says("Yes."),)))
    asyncio.run(answering(gemini).answer(given, Stores().toolbox(), seconds=10))
    return gemini.sent


def texts_of(body: Json) -> list[tuple[str, str]]:
    """Each content's role and text, in order."""
    return [
        (content["role"], part["text"])
        for content in body["contents"]
        for part in content["parts"]
        if "text" in part
    ]


def evidence(text: str) -> str:
    item = RecalledItem(id="mem_1", store="mem0", kind="memory", text=text)
    return evidence_block([item])


def test_what_people_said_arrives_letter_by_letter_and_in_its_place() -> None:
    given = prompt(
        TRICKY,
        earlier=[("user", f"1 {TRICKY}"), ("assistant", f"2 {TRICKY}")],
        context=evidence(TRICKY),
        person="{tok}",
    )

    [body] = sent_for(given)

    assert texts_of(body) == [
        ("user", f"1 {TRICKY}"),
        ("model", f"2 {TRICKY}"),
        ("user", evidence(TRICKY)),
        ("user", TRICKY),
    ]
    [_, line, _] = evidence(TRICKY).splitlines()
    assert json.loads(line)["text"] == TRICKY


def test_without_evidence_there_is_no_empty_message() -> None:
    [body] = sent_for(prompt("Hello", agent="converse"))

    assert texts_of(body) == [("user", "Hello")]


@pytest.mark.parametrize(
    ("route", "text", "tools"),
    [
        ("recall", instructions.RECALL, ["search_facts", "search_graph"]),
        ("converse", instructions.CONVERSE, []),
        ("nonsense", instructions.CONVERSE, []),
    ],
)
def test_instructions_are_constant_and_tools_are_for_recall_alone(
    route: str, text: str, tools: list[str]
) -> None:
    given = prompt(TRICKY, agent=route, context=evidence(TRICKY), earlier=[("user", TRICKY)])

    [body] = sent_for(given)

    assert [part["text"] for part in body["systemInstruction"]["parts"]] == [text]
    declared = [d["name"] for tool in body.get("tools", []) for d in tool["functionDeclarations"]]
    assert declared == tools


def test_nothing_but_the_bound_is_configured_and_nothing_leaks_into_the_next_run() -> None:
    gemini = Gemini(calls(("search_facts", {"query": "x"})), says("Yes."))

    async def story() -> None:
        agents, stores = answering(gemini), Stores()
        for name in ("recall", "converse", "converse"):
            given = prompt(f"{name} says", agent=name, context=evidence(f"only for {name}"))
            await agents.answer(given, stores.toolbox(), seconds=10)

    asyncio.run(story())

    assert len(gemini.sent) == 4
    assert {json.dumps(body["generationConfig"]) for body in gemini.sent} == {
        '{"maxOutputTokens": 512}'
    }
    members = {"contents", "systemInstruction", "generationConfig"}
    assert [set(body) - members for body in gemini.sent] == [{"tools"}, {"tools"}, set(), set()]
    assert "recall" not in json.dumps([body["contents"] for body in gemini.sent[2:]])
    assert gemini.sent[2]["contents"] == gemini.sent[3]["contents"]


def test_fifty_people_at_once_never_mix() -> None:
    """The model asks for the tools, then says what it was given: all of it is theirs."""
    people = [uuid4() for _ in range(50)]

    def answer(body: Json) -> Any:
        async def soon() -> Json:
            await asyncio.sleep(0.001 * (hash(json.dumps(body)) % 20))
            if not any("functionResponse" in str(content) for content in body["contents"]):
                return calls(("search_facts", {"query": "mine"}), ("search_graph", {"query": "x"}))
            return says(json.dumps(body["contents"]))

        return soon()

    async def ask(agents: Answering, person: UUID) -> tuple[ModelReply, Any]:
        stores = Stores()
        stores.memories = [memory(f"memory of {person}")]
        stores.facts = [fact(f"fact of {person}")]
        toolbox = stores.toolbox()
        given = prompt(
            f"message of {person}",
            person=str(person),
            session=f"session-{person}",
            context=evidence(f"evidence of {person}"),
            earlier=[("user", f"earlier of {person}")],
        )
        return await agents.answer(given, toolbox, seconds=20), toolbox

    async def story() -> list[tuple[ModelReply, Any]]:
        agents = answering(Gemini(answer))
        return await asyncio.gather(*(ask(agents, person) for person in people))

    for person, (reply, toolbox) in zip(people, asyncio.run(story()), strict=True):
        for kind in ("message", "earlier", "evidence", "memory", "fact"):
            assert f"{kind} of {person}" in reply.text
        assert not [other for other in people if other != person and str(other) in reply.text]
        assert [draft.item.text for draft in toolbox.found] == [
            f"memory of {person}",
            f"fact of {person}",
        ]
        assert reply.usage == {"input_tokens": 22, "output_tokens": 14, "model_calls": 2}


def test_no_session_sticks_to_the_agents() -> None:
    async def story() -> Answering:
        agents = answering(Gemini(says("Yes.")))
        for _ in range(3):
            await agents.answer(prompt(session="one"), Stores().toolbox(), seconds=10)
        await agents.answer(prompt(session="two"), Stores().toolbox(), seconds=10)
        return agents

    workflow = asyncio.run(story())._workflow
    [router] = workflow.steps
    held = [workflow, *(step.agent for step in router.choices)]
    assert {getattr(part, "session_id", None) for part in held} == {None}
    assert {getattr(part, "user_id", None) for part in held} == {None}


def test_no_level_of_agno_runs_anything_again() -> None:
    # Whatever fails is tried again by the SDK alone; the counts of all levels would multiply.
    [router] = answering(Gemini(says("Yes.")))._workflow.steps
    steps: list[Any] = router.choices
    tries = [(step.max_retries, step.agent.retries, step.agent.model.retries) for step in steps]
    assert set(tries) == {(0, 0, 0)}


def test_only_gemini_is_ever_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    gemini, opened = Gemini(says("Yes.")), []
    monkeypatch.setattr("socket.socket.connect", lambda *args: opened.append(args))
    monkeypatch.setattr("socket.create_connection", lambda *args, **_: opened.append(args))
    monkeypatch.delenv("AGNO_TELEMETRY", raising=False)

    async def story() -> None:
        agents = answering(gemini)
        for name in get_args(AgentName):
            await agents.answer(prompt(agent=name), Stores().toolbox(), seconds=10)
        steps: list[Any] = agents._workflow.steps
        built = [agents._workflow, *(step.agent for step in steps[0].choices)]
        assert {part.telemetry for part in built} == {False}

    asyncio.run(story())

    assert opened == []
    # Version 1, and never an alias of a model, which only v1beta knows.
    path = "/v1/models/gemini-test:generateContent"
    assert {(request.url.host, request.url.path) for request in gemini.requests} == {
        ("gemini.test", path)
    }


def test_the_template_switches_agnos_telemetry_off() -> None:
    class Template(yaml.SafeLoader):
        """Reads CloudFormation's tags as their plain values."""

    Template.add_multi_constructor("!", lambda *arguments: str(arguments[-1].value))
    text = (Path(__file__).parents[2] / "template.yaml").read_text()
    function = yaml.load(text, Template)["Resources"]["ChatFunction"]  # noqa: S506 - a SafeLoader

    assert function["Properties"]["Environment"]["Variables"]["AGNO_TELEMETRY"] == "false"


def test_a_changed_key_makes_a_new_client_over_the_same_connections() -> None:
    values = {"GEMINI_API_KEY": "test-key"}
    now = [0.0]
    secrets = Secrets(lambda: dict(values), clock=lambda: now[0])
    gemini = Gemini(says("Yes."))

    async def story() -> list[Any]:
        connection = GeminiConnection(
            GeminiSettings(gemini_base_url="http://gemini.test"),
            secrets,
            timeout_seconds=5,
            http=build_http_client(transport=gemini),
        )
        agents = Answering("gemini-test", client=connection.client, limits=AnswerLimits(4, 512))
        clients = []
        for key in ("test-key", "test-key", "test-key-2"):
            values["GEMINI_API_KEY"] = key
            now[0] += 301
            await agents.answer(prompt(), Stores().toolbox(), seconds=10)
            clients.append(connection.client())
        connection.forget()
        assert (connection._key, connection._client) == ("", None)
        assert connection.client() is not clients[-1]
        return clients

    first, second, third = asyncio.run(story())

    assert first is second
    assert second is not third
    keys = [request.headers["x-goog-api-key"] for request in gemini.requests]
    assert keys == ["test-key", "test-key", "test-key-2"]


def test_without_its_key_gemini_is_not_asked_and_the_secret_is_named() -> None:
    gemini = Gemini(says("Yes."))
    connection = GeminiConnection(
        GeminiSettings(gemini_base_url="http://gemini.test"),
        Secrets(dict),
        timeout_seconds=5,
        http=build_http_client(transport=gemini),
    )
    agents = Answering("gemini-test", client=connection.client, limits=AnswerLimits(4, 512))

    with pytest.raises(Unavailable) as missing:
        asyncio.run(agents.answer(prompt(), Stores().toolbox(), seconds=5))

    assert missing.value.code == "not_configured"
    assert missing.value.context["setting"] == "GEMINI_API_KEY"
    assert gemini.sent == []
