"""Function calling on the Gemini twin: what is called, with what, and the way back."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.twins.gemini.app import create
from local.twins.schemas import problems

Run = Callable[..., None]
Json = dict[str, Any]
MODEL = "gemini-3.8-flash"


def declared(name: str, *required: str, **properties: Json) -> Json:
    """A declaration in OpenAPI's words."""
    parameters = {"type": "OBJECT", "properties": properties, "required": list(required)}
    return {"name": name, **({"parameters": parameters} if properties else {})}


ORDER = declared(
    "lookup_order", "order_id", order_id={"type": "STRING"}, verbose={"type": "BOOLEAN"}
)
TIMER = declared(
    "start_timer",
    "minutes",
    minutes={"type": "INTEGER", "minimum": 1, "maximum": 60},
    label={"type": "STRING"},
    tone={"type": "STRING", "enum": ["bell", "horn"]},
)
CLOCK = declared("current_time")
SEARCH = declared("search_facts", "query", query={"type": "STRING"})
ALL = [ORDER, TIMER, CLOCK, SEARCH]


def said(text: str) -> Json:
    return {"role": "user", "parts": [{"text": text}]}


def post(run: Run, body: Json, model: str = MODEL) -> httpx.Response:
    found: list[httpx.Response] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        found.append(await client.post(f"/v1/models/{model}:generateContent", json=body))

    run(create(), scenario, x_goog_api_key="test-key")
    return found[0]


def ask(words: str, *functions: Json, **config: Any) -> Json:
    body: Json = {"contents": [said(words)], "tools": [{"functionDeclarations": list(functions)}]}
    if config:
        body["toolConfig"] = {"functionCallingConfig": config}
    return body


def content(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["candidates"][0]["content"]
    return found


def calls(answer: httpx.Response) -> list[tuple[str, Json]]:
    called = [part["functionCall"] for part in content(answer)["parts"] if "functionCall" in part]
    return [(call["name"], call["args"]) for call in called]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Where is order A-17?", [("lookup_order", {"order_id": "A-17"})]),
        (
            "Where are orders A-17 and B-2?",
            [("lookup_order", {"order_id": "A-17"}), ("lookup_order", {"order_id": "B-2"})],
        ),
        ("Set a timer for 5 minutes please", [("start_timer", {"minutes": 5})]),
        (
            "A timer of ten minutes with the horn",
            [("start_timer", {"minutes": 10, "tone": "horn"})],
        ),
        (
            "What time is it, and where is order A-17?",
            [("lookup_order", {"order_id": "A-17"}), ("current_time", {})],
        ),
        ("Where do I live?", [("search_facts", {"query": "Where do I live?"})]),
        ("Hello!", []),
        ("I live in Pune.", []),
    ],
)
def test_what_the_words_speak_of_is_called_with_what_they_say(
    run: Run, words: str, wanted: list[tuple[str, Json]]
) -> None:
    assert calls(post(run, ask(words, *ALL))) == wanted


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"mode": "AUTO"}, []),
        ({"mode": "VALIDATED"}, []),
        ({"mode": "NONE"}, []),
        ({"mode": "ANY"}, ["lookup_order"]),
        ({"mode": "any", "allowedFunctionNames": ["start_timer"]}, ["start_timer"]),
        ({"mode": "VALIDATED", "allowed_function_names": ["start_timer"]}, []),
    ],
)
def test_the_mode_decides_whether_there_must_may_or_must_not_be_a_call(
    run: Run, config: Json, names: list[str]
) -> None:
    answer = post(run, ask("Good morning", *ALL, **config))

    assert [name for name, _ in calls(answer)] == names
    for _, args in calls(answer):
        schema = next(one["parameters"] for one in ALL if one["name"] == names[0])
        assert problems(json.loads(json.dumps(schema).lower()), args) == []


def test_none_means_text_also_when_the_words_speak_of_a_function(run: Run) -> None:
    answer = post(run, ask("Where is order A-17?", *ALL, mode="NONE"))

    assert calls(answer) == []


def test_parameters_may_be_json_schema(run: Run) -> None:
    schema = {
        "type": "object",
        "properties": {"orders": {"type": "array", "items": {"$ref": "#/$defs/Id"}, "minItems": 1}},
        "required": ["orders"],
        "$defs": {"Id": {"type": "string", "pattern": "^[A-Z]-[0-9]+$"}},
        "additionalProperties": False,
    }
    tool = {"name": "lookup_orders", "parametersJsonSchema": schema}

    [(_, args)] = calls(post(run, ask("Where are orders A-17 and B-2?", tool)))

    assert args == {"orders": ["A-17", "B-2"]}
    assert problems(schema, args) == []


def answered(asked: Json, answer: httpx.Response, *results: Json) -> Json:
    """The next request: the model's content as it came, and what its calls gave."""
    turn = content(answer)
    names = [part["functionCall"]["name"] for part in turn["parts"] if "functionCall" in part]
    responses = [
        {"functionResponse": {"name": name, "response": result}}
        for name, result in zip(names, results, strict=False)
    ]
    return {**asked, "contents": [*asked["contents"], turn, {"role": "user", "parts": responses}]}


def test_what_the_calls_gave_is_spoken_and_not_called_again(run: Run) -> None:
    asked = ask("Where are orders A-17 and B-2?", *ALL)
    first = post(run, asked)

    second = post(run, answered(asked, first, {"result": "shipped"}, {"status": "lost"}))

    [part] = content(second)["parts"]
    assert "lookup_order: shipped" in part["text"]
    assert '"status": "lost"' in part["text"]


def test_new_words_after_results_may_be_called_for_again(run: Run) -> None:
    asked = ask("Where is order A-17?", *ALL)
    body = answered(asked, post(run, asked), {"result": "shipped"})
    done = {"role": "model", "parts": [{"text": "Shipped."}]}
    body["contents"] += [done, said("And where is order C-3?")]

    assert calls(post(run, body)) == [("lookup_order", {"order_id": "C-3"})]


def test_calls_have_ids_and_the_first_alone_a_signature(run: Run) -> None:
    parts = content(post(run, ask("Where are orders A-17 and B-2?", *ALL)))["parts"]

    assert len({part["functionCall"]["id"] for part in parts}) == 2
    assert ["thoughtSignature" in part for part in parts] == [True, False]


def test_a_signature_that_does_not_come_back_is_refused_by_new_models_alone(run: Run) -> None:
    asked = ask("Where is order A-17?", *ALL)
    body = answered(asked, post(run, asked), {"result": "shipped"})
    bare = copy.deepcopy(body)
    del bare["contents"][1]["parts"][0]["thoughtSignature"]

    refused = post(run, bare)

    assert refused.status_code == 400
    message = refused.json()["error"]["message"]
    assert "missing a thought_signature" in message
    assert "`lookup_order` , position 2" in message
    assert post(run, body).status_code == 200
    assert post(run, bare, "gemini-2.5-flash").status_code == 200


def test_signatures_of_earlier_turns_are_not_asked_for(run: Run) -> None:
    asked = ask("Where is order A-17?", *ALL)
    body = answered(asked, post(run, asked), {"result": "shipped"})
    del body["contents"][1]["parts"][0]["thoughtSignature"]
    body["contents"] += [{"role": "model", "parts": [{"text": "Shipped."}]}, said("Thanks")]

    assert post(run, body).status_code == 200


@pytest.mark.parametrize("results", [[], [{"result": "one"}], [{"result": "x"}] * 2])
def test_every_call_is_answered_and_nothing_else_is(run: Run, results: list[Json]) -> None:
    asked = ask("Where are orders A-17 and B-2?", *ALL)
    body = answered(asked, post(run, asked), *results)
    body["contents"] = [one for one in body["contents"] if one["parts"]]

    answer = post(run, body)

    if len(results) == 2:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400
        assert "number of function response parts" in answer.json()["error"]["message"]


def test_results_without_a_call_or_for_another_one_are_refused(run: Run) -> None:
    response = {"functionResponse": {"name": "lookup_order", "response": {"result": "x"}}}
    alone = ask("Hello", *ALL)
    alone["contents"].append({"role": "user", "parts": [response]})
    assert "comes immediately after a function call" in post(run, alone).text

    asked = ask("Where is order A-17?", *ALL)
    body = answered(asked, post(run, asked), {"result": "shipped"})
    body["contents"][2]["parts"][0]["functionResponse"]["id"] = "other"
    assert post(run, body).status_code == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ask("x", declared("")), "Invalid function name"),
        (ask("x", declared("1st")), "Invalid function name"),
        (ask("x", ORDER, ORDER), "Duplicate function declaration found: lookup_order"),
        (ask("x", ORDER, mode="AUTO", allowedFunctionNames=["lookup_order"]), "only when mode is"),
        (ask("x", ORDER, mode="ANY", allowedFunctionNames=["other"]), "`other` is not one of"),
        (ask("x", mode="ANY"), "set without function_declarations"),
        (ask("x", {"name": "f", "parameters": {"type": "STRING"}}), "should be of type OBJECT"),
        (ask("x", {"name": "f", "parameters": {"type": "OBJECT"}}), "should be non-empty"),
        (
            ask("x", {**ORDER, "parametersJsonSchema": {"type": "object"}}),
            "only one of parameters",
        ),
    ],
)
def test_declarations_that_the_service_would_not_take_are_refused(
    run: Run, body: Json, words: str
) -> None:
    answer = post(run, body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_arguments_that_cannot_be_made_are_an_invalid_argument(run: Run) -> None:
    never = declared("f", "n", n={"type": "INTEGER", "minimum": 3, "maximum": 2})

    assert post(run, ask("x", never, mode="ANY")).status_code == 400


def test_json_and_functions_together_are_for_new_models_alone(run: Run) -> None:
    body = ask("Hello", *ALL) | {"generationConfig": {"responseMimeType": "application/json"}}

    assert json.loads(content(post(run, body))["parts"][0]["text"])
    refused = post(run, body, "gemini-2.5-flash")
    assert "Function calling with a response mime type" in refused.json()["error"]["message"]
