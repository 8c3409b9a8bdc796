"""The README's example, run as it stands there, and its error, asked for."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.person import Person
from local.stack import Stack
from tests.e2e.harness import newcomer

pytestmark = pytest.mark.e2e

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
MARKS = [f"<!-- example: {run} by tests/e2e/test_readme.py -->\n" for run in ("run", "also run")]
ADDRESS = "http://127.0.0.1:3000"


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def documents(text: str) -> list[Any]:
    """JSON documents that follow one another."""
    found = []
    rest = text.lstrip()
    while rest:
        document, end = json.JSONDecoder().raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


EXAMPLE, TIDYING = (blocks("sh", README.split(mark, 1)[1])[0] for mark in MARKS)
ANSWER, PROBLEM, RUN = (
    json.loads(text) for text in blocks("json", README.split(MARKS[0], 1)[1])[:3]
)


def shape(document: Any) -> Any:
    """The document with its kinds in place of its values; of a list, the first item."""
    match document:
        case dict():
            return {key: shape(value) for key, value in document.items()}
        case list():
            return [shape(item) for item in document[:1]]
        case int() | float():
            return "number"
        case _:
            return type(document).__name__


@pytest.fixture(scope="module")
def printed(stack: Stack) -> list[Any]:
    """What the examples print, run one after the other as a newcomer would."""
    script = f"{EXAMPLE}\n{TIDYING}"
    assert script.count(ADDRESS) == 1
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, stack.url)],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return documents(finished.stdout)


def test_the_example_answers_what_is_printed_below_it(printed: list[Any]) -> None:
    account, told, asked, *_ = printed

    assert account["email"] == "asha@example.com"
    assert (told["session_id"], told["degraded"]) == ("kitchen", [])
    assert told["reply"]
    assert "Delhi" in asked["reply"]
    assert "Delhi" in ANSWER["reply"]
    for field in ("session_id", "route", "degraded"):
        assert asked[field] == ANSWER[field]
    assert "Delhi" in asked["recalled"][0]["text"]
    assert asked["recalled"][0]["source"][0]["session_id"] == "kitchen"


def test_tidying_does_what_is_printed_below_it_and_is_undone(printed: list[Any]) -> None:
    stated, tidied, undone, would_go = printed[3:]

    assert (stated["store"], stated["text"]) == ("pending", "Lives in Delhi.")
    assert shape(tidied | {"counts": {}}) == shape(RUN | {"counts": {}})
    assert tidied["counts"].items() >= RUN["counts"].items()
    assert (tidied["status"], tidied["undecided"]) == (RUN["status"], RUN["undecided"])
    [change], [shown] = tidied["changes"], RUN["changes"]
    for field in ("kind", "reason", "state", "text", "kept_text"):
        assert change[field] == shown[field]
    assert change["evidence"]["decided_by"] == shown["evidence"]["decided_by"]
    [back] = undone["changes"]
    assert (back["kind"], back["memory_id"]) == ("show", change["memory_id"])
    assert [item["text"] for item in would_go["items"]] == ["Likes chess"]
    assert would_go["token"]


def test_the_answer_has_the_fields_that_are_printed_and_no_other(person: Person) -> None:
    said = person.chat("kitchen", "I live in Delhi and like chess.")
    person.until_learned([said["turn_id"]])

    asked = person.chat("garden", "Where do I live?")

    [item] = [item for item in asked["recalled"] if item["text"] == "Lives in Delhi"]
    assert shape(asked | {"recalled": [item]}) == shape(ANSWER)
    [printed] = ANSWER["recalled"]
    assert [item[key] for key in ("store", "kind", "text")] == [
        printed[key] for key in ("store", "kind", "text")
    ]


def test_asking_for_somebody_else_s_data_gets_the_problem_that_is_printed(
    stack: Stack, person: Person
) -> None:
    with newcomer(stack.url, user_id="somebody-else"):
        answer = person.http.post(
            PROBLEM["instance"], json={"message": "Hello.", "user_id": "somebody-else"}
        )

    problem = answer.json()
    assert answer.status_code == PROBLEM["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem | {"request_id": ""} == PROBLEM | {"request_id": ""}
    assert problem["request_id"] == answer.headers["x-request-id"]
