"""Changes of memory on the Gemini twin: proposed, asked about, settled."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.twins.test_gemini_twin_calls import Json, calls, content, declared, post

Run = Callable[..., None]
TEXT = {"type": "STRING"}
FORGET = declared("propose_forget", "query", query=TEXT)
CORRECT = declared(
    "propose_correction", "item_id", "new_statement", item_id=TEXT, new_statement=TEXT
)
SETTLE = declared(
    "settle_conflict", "keep", keep={"type": "STRING", "enum": ["first", "second", "both"]}
)
SEARCH = declared("search_facts", "query", query=TEXT)
DIET = {"conflict": {"first": {"text": "Is vegetarian"}, "second": {"text": "Loves steak"}}}
SISTER = {"id": "mem_2", "store": "mem0", "kind": "memory", "text": "Sister's name is Anita"}
DOG = {"id": "mem_1", "store": "mem0", "kind": "memory", "text": "Has a dog"}


def ask(message: str, *functions: Json, lines: list[Json] | None = None) -> Json:
    texts = [message]
    if lines:
        block = "\n".join(["<evidence>", *map(json.dumps, lines), "</evidence>"])
        texts.insert(0, block)
    body: Json = {"contents": [{"role": "user", "parts": [{"text": text}]} for text in texts]}
    if functions:
        body["tools"] = [{"functionDeclarations": list(functions)}]
    return body


def then(run: Run, body: Json, result: Any) -> str:
    """What the model says once its call has given this result."""
    called = content(post(run, body))
    [call] = [part["functionCall"] for part in called["parts"]]
    answer = {"name": call["name"], "response": {"result": json.dumps(result)}}
    following = copy.deepcopy(body)
    following["contents"] += [called, {"role": "user", "parts": [{"functionResponse": answer}]}]
    return str(content(post(run, following))["parts"][0]["text"])


def said(run: Run, body: Json) -> str:
    return str(content(post(run, body))["parts"][0]["text"])


@pytest.mark.parametrize(
    ("message", "query"),
    [
        ("forget that I have a dog", "I have a dog"),
        ("Please delete what you know about my job.", "my job"),
        ("Stop remembering where I live!", "where I live"),
    ],
)
def test_what_is_to_be_forgotten_is_proposed(run: Run, message: str, query: str) -> None:
    wanted = [("propose_forget", {"query": query})]
    assert calls(post(run, ask(message, FORGET, CORRECT))) == wanted


def test_a_correction_names_the_item_that_it_is_about(run: Run) -> None:
    body = ask("that's not right, my sister is called Anika", FORGET, CORRECT, lines=[DOG, SISTER])
    right = {"item_id": "mem_2", "new_statement": "my sister is called Anika"}
    assert calls(post(run, body)) == [("propose_correction", right)]


@pytest.mark.parametrize("message", ["I like tea", "Where do I live?", "Don't worry."])
def test_nothing_is_proposed_that_the_message_does_not_ask_for(run: Run, message: str) -> None:
    assert calls(post(run, ask(message, FORGET, CORRECT))) == []


def test_what_is_proposed_is_listed_and_a_yes_asked_for(run: Run) -> None:
    result = {"proposed": "forget", "items": [DOG, SISTER], "new_statement": None}
    reply = then(run, ask("forget that I have a dog", FORGET), result)
    assert "Has a dog" in reply
    assert "Sister's name is Anita" in reply
    assert "?" in reply


def test_what_is_refused_is_told(run: Run) -> None:
    reply = then(run, ask("forget my dog", FORGET), {"refused": "Nothing like that."})
    assert reply == "I can't do that: Nothing like that."


def test_a_note_is_told(run: Run) -> None:
    assert said(run, ask("yes", lines=[{"note": "Confirmed and done."}])).startswith(
        "Confirmed and done."
    )


def test_a_conflict_is_asked_about_at_the_end_of_the_reply(run: Run) -> None:
    reply = said(run, ask("I like tea.", lines=[DIET]))
    assert reply.startswith("Got it: you like tea.")
    assert reply.endswith(
        "both that you are vegetarian and that you love steak. Which of the two holds?"
    )


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("I am vegetarian", "first"),
        ("I love steak!", "second"),
        ("I'm not vegetarian any more", "second"),
        ("I'm vegetarian, I don't love steak now", "first"),
        ("Both are true", "both"),
        ("What a nice day", None),
    ],
)
def test_the_answer_settles_it(run: Run, message: str, kept: str | None) -> None:
    wanted = [("settle_conflict", {"keep": kept})] if kept else []
    assert calls(post(run, ask(message, SETTLE, lines=[DIET]))) == wanted


def test_what_is_being_settled_is_not_asked_about_again(run: Run) -> None:
    assert "Which of the two" not in said(run, ask("What a nice day", SETTLE, lines=[DIET]))
    reply = then(run, ask("I love steak", SETTLE, lines=[DIET]), {"settled": "done"})
    assert reply == "Thank you, I will keep that in mind."


def test_other_functions_are_called_as_ever(run: Run) -> None:
    body = ask("Where do I live?", FORGET, SEARCH)
    assert [name for name, _ in calls(post(run, body))] == ["search_facts"]


@pytest.mark.parametrize("line", [{"note": 3}, {"conflict": 3}, {"conflict": {"first": DOG}}, 3])
def test_odd_lines_are_passed_over(run: Run, line: Any) -> None:
    assert said(run, ask("I like tea.", lines=[line])) == "Got it: you like tea."
