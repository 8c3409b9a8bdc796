"""Nobody asks for it: a plan names people, the queue carries them, and the job tidies."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.person import Person, until
from local.stack import Stack
from tests.e2e.harness import (
    FAST_TALKER,
    claims_of,
    database_of,
    mem0,
    messages_in,
    newcomer,
    send_message,
    token_of,
)
from tests.e2e.harness import name_at_stores as name_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tidied() -> Iterator[Stack]:
    """A stack of its own: a plan is about everybody."""
    with Stack(extra_environment=FAST_TALKER) as running:
        yield running


@pytest.fixture
def ada(tidied: Stack) -> Iterator[Person]:
    """Somebody of whom the same is remembered twice."""
    with newcomer(tidied.url) as person:
        person.until_learned([person.chat("one", "I like chess.")["turn_id"]])
        for text in ("Plays the violin", "plays the  violin."):
            remember(tidied, person, text)
        yield person


def remember(stack: Stack, person: Person, text: str) -> None:
    body = {"messages": [{"role": "user", "content": text}], "infer": False}
    mem0(stack, "POST", "/v3/memories/add/", json=body | {"user_id": name_of(person)})


def visible(stack: Stack, person: Person) -> list[str]:
    body = {"filters": {"user_id": name_of(person)}}
    found = mem0(stack, "POST", "/v3/memories/", json=body)["results"]
    return sorted(memory["memory"].casefold() for memory in found)


def of_violins(stack: Stack, person: Person) -> int:
    return sum("violin" in text for text in visible(stack, person))


def runs(stack: Stack, person: Person) -> list[list[Any]]:
    with database_of(stack) as connection:
        return list(
            connection.run(
                "select started_by, state from runs where account_id = cast(:sub as uuid)",
                sub=claims_of(token_of(person))["sub"],
            )
        )


def plan(stack: Stack) -> int:
    """How many people the plan has sent messages for."""
    answer = stack.invoke("PlanFunction", {})
    assert answer["goes_on"] == 0
    return int(answer["people"])


def until_all_is_handled(stack: Stack) -> None:
    until(lambda: messages_in(stack, "ConsolidationQueue") == 0, "no message is left")
    assert messages_in(stack, "ConsolidationDeadLetterQueue") == 0


def test_who_chatted_is_tidied_by_the_job_and_whoever_did_not_is_left_alone(
    tidied: Stack, ada: Person
) -> None:
    with newcomer(tidied.url) as silent:
        assert of_violins(tidied, ada) == 2

        assert plan(tidied) == 1
        until_all_is_handled(tidied)

        assert of_violins(tidied, ada) == 1
        assert runs(tidied, ada) == [["schedule", "done"]]
        assert runs(tidied, silent) == []
        assert plan(tidied) == 0


def test_a_message_that_comes_twice_or_names_nobody_changes_nothing(
    tidied: Stack, ada: Person
) -> None:
    plan(tidied)
    until_all_is_handled(tidied)
    account = claims_of(token_of(ada))["sub"]

    for body in ({"account": account}, {"account": "7d0a4b0e-5b0c-4d0e-9f53-0b6f1a2c3d4e"}):
        send_message(tidied, "ConsolidationQueue", json.dumps(body))
    until_all_is_handled(tidied)

    assert runs(tidied, ada) == [["schedule", "done"]]


def test_the_rest_of_a_plan_is_made_by_the_job(tidied: Stack, ada: Person) -> None:
    nobody = {"plan_after": "00000000-0000-0000-0000-000000000000"}
    send_message(tidied, "ConsolidationQueue", json.dumps(nobody))
    until(lambda: runs(tidied, ada) == [["schedule", "done"]], "the job has planned and tidied")
    until_all_is_handled(tidied)
    assert of_violins(tidied, ada) == 1


def test_what_has_been_hidden_for_a_month_is_deleted_though_nothing_new_was_said(
    tidied: Stack, ada: Person
) -> None:
    plan(tidied)
    until_all_is_handled(tidied)
    with database_of(tidied) as connection:
        [[hidden]] = connection.run(
            "update hidden_memories set hidden_at = now() - interval '31 days'"
            " where account_id = cast(:sub as uuid) returning mem0_id",
            sub=claims_of(token_of(ada))["sub"],
        )
    mem0(tidied, "GET", f"/v1/memories/{hidden}/")

    assert plan(tidied) == 1
    until_all_is_handled(tidied)

    with pytest.raises(httpx.HTTPStatusError, match="404"):
        mem0(tidied, "GET", f"/v1/memories/{hidden}/")
    assert of_violins(tidied, ada) == 1
    assert plan(tidied) == 0
