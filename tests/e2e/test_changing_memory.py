"""One's memory is remembered, corrected and forgotten, through the gateway."""

import random
from typing import Any

import httpx
import pytest

from local.person import Person, until
from local.stack import Stack
from tests.e2e.harness import assert_problem

pytestmark = pytest.mark.e2e


def _texts(person: Person) -> list[str]:
    view = person.memory()
    return [item["text"] for item in [*view["facts"], *view["pending"]]]


def _item(person: Person, text: str) -> dict[str, Any]:
    """What is remembered of this, once a store has it."""
    until(lambda: any(one["text"] == text for one in person.memory()["facts"]), f"{text!r} is kept")
    return next(one for one in person.memory()["facts"] if one["text"] == text)


def test_a_statement_is_remembered_corrected_and_forgotten(
    person: Person, anna: Person, seed: random.Random
) -> None:
    seat, other = seed.sample(["window", "aisle", "middle"], 2)
    body = {"statement": f"Prefers {seat} seats"}
    pending = person.call("POST", "/api/memory", status=201, json=body)
    assert (pending["store"], pending["text"]) == ("pending", f"Prefers {seat} seats")
    assert f"Prefers {seat} seats" in _texts(person)
    item = _item(person, f"Prefers {seat} seats")

    path = f"/api/memory/{item['id']}"
    for answer in (
        anna.http.patch(path, json={"text": "Prefers nothing"}),
        anna.http.delete(path),
        anna.http.get(f"{path}/history"),
    ):
        assert_problem(answer, 404, "memory_not_found")

    corrected = person.call("PATCH", path, json={"text": f"Prefers {other} seats"})
    assert (corrected["id"], corrected["text"]) == (item["id"], f"Prefers {other} seats")
    assert _item(person, f"Prefers {other} seats")["id"] == item["id"]
    story = person.call("GET", f"{path}/history")["items"]
    assert {one["text"] for one in story if one["store"] == "mem0"} == {
        f"Prefers {seat} seats",
        f"Prefers {other} seats",
    }

    shown = person.call("POST", "/api/memory/forget", json={"query": f"{other} seats"})
    assert {one["text"] for one in shown["items"]} == {f"Prefers {other} seats"}
    assert_problem(
        anna.http.post("/api/memory/forget", json={"token": shown["token"]}), 422, "invalid_token"
    )
    done = person.call("POST", "/api/memory/forget", json={"token": shown["token"]})
    assert done["forgotten"]["memories"] == 1
    assert not any(other in text for text in _texts(person))
    said = [message["content"] for message in person.history("memory", limit=10)]
    assert said == [f"Prefers {seat} seats", f"Prefers {other} seats"]


def test_a_page_in_a_browser_may_correct_and_forget(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, trust_env=False) as browser:
        for method in ("PATCH", "DELETE"):
            answer = browser.options(
                "/api/memory/mem_1",
                headers={
                    "origin": "http://localhost:5173",
                    "access-control-request-method": method,
                },
            )
            assert method in answer.headers["access-control-allow-methods"]
