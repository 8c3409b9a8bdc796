"""Changes of memory in a chat, through the whole stack: proposed, confirmed, carried out."""

import random
from typing import Any

import httpx
import pytest

from local.person import Person, until
from local.stack import Stack
from tandem.recall.normalise import statement_hash
from tests.e2e import hybrid
from tests.e2e.harness import claims_of, database_of, mem0, name_at_stores, token_of

pytestmark = pytest.mark.e2e


def knows(stack: Stack, person: Person, word: str) -> bool:
    """Whether either store still knows of it."""
    texts = [*hybrid.listed(stack, person), *(one["fact"] for one in hybrid.facts(stack, person))]
    return any(word in text for text in texts)


def tell(person: Person, *messages: str) -> None:
    said = [person.chat("told", message)["turn_id"] for message in messages]
    person.until_learned(said)


@pytest.fixture
def pet(seed: random.Random) -> str:
    return seed.choice(["dog", "cat", "parrot", "tortoise"])


def test_what_is_to_be_forgotten_is_listed_confirmed_and_gone(
    stack: Stack, person: Person, pet: str
) -> None:
    tell(person, f"I have a {pet}.", "I like chess.")

    proposed = person.chat("managing", f"Please forget that I have a {pet}.")

    assert proposed["route"] == "manage"
    listed = [item for item in proposed["recalled"] if pet in item["text"]]
    assert listed
    assert all(item["text"] in proposed["reply"] for item in listed)
    assert "chess" not in proposed["reply"]
    assert knows(stack, person, pet)

    done = person.chat("managing", "Yes, please.")

    assert done["route"] == "manage"
    assert pet not in done["reply"]
    assert pet not in str(done["recalled"])
    until(lambda: not knows(stack, person, pet), "both stores have forgotten it")
    assert knows(stack, person, "chess")
    person.until_learned([proposed["turn_id"], done["turn_id"]])
    assert not knows(stack, person, pet)
    assert f"I have a {pet}." in str(person.history("told", limit=50))
    after = person.chat("elsewhere", f"Do I have a {pet}?")
    assert pet not in str(after["recalled"])
    again = person.chat("managing", "yes")  # to nothing: that proposal has been decided
    assert again["route"] == "converse"
    assert knows(stack, person, "chess")


def test_what_a_store_can_not_forget_now_it_forgets_later_and_the_reply_says_so(
    stack: Stack, person: Person, pet: str
) -> None:
    tell(person, f"I have a {pet}.")
    person.chat("managing", f"Forget that I have a {pet}.")
    faults = f"{stack.zep_url}/_twin/faults"
    fault = {"path": "*/edges/*", "method": "DELETE", "kind": "status", "status": 503}
    httpx.post(faults, json=fault, trust_env=False).raise_for_status()
    try:
        done = person.chat("managing", "yes")
    finally:
        httpx.delete(faults, trust_env=False).raise_for_status()

    assert "a little longer" in done["reply"]
    assert rows_of(stack, person, "proposals", "state") == ["confirmed"]
    hybrid.scheduled_day(stack)
    until(lambda: not knows(stack, person, pet), "both stores have forgotten it")


@pytest.mark.parametrize("answer", ["No, keep it.", "What time is it?", "yes, but not today"])
def test_anything_but_a_yes_changes_nothing(
    stack: Stack, person: Person, pet: str, answer: str
) -> None:
    tell(person, f"I have a {pet}.")
    person.chat("managing", f"forget that I have a {pet}")

    person.chat("managing", answer)
    person.chat("managing", "yes")

    assert knows(stack, person, pet)
    assert rows_of(stack, person, "proposals", "state") == ["declined"]
    assert rows_of(stack, person, "changes", "kind") == []


def test_a_yes_in_another_session_confirms_nothing(stack: Stack, person: Person, pet: str) -> None:
    tell(person, f"I have a {pet}.")
    person.chat("managing", f"forget that I have a {pet}")

    assert person.chat("another", "yes")["route"] == "converse"

    assert knows(stack, person, pet)


def test_a_confirmed_correction_takes_the_place_of_what_was_wrong(
    stack: Stack, person: Person
) -> None:
    tell(person, "My sister's name is Anita.")

    proposed = person.chat("managing", "That's not right, my sister is called Anika")
    assert "Anita" in proposed["reply"]
    assert "my sister is called Anika" in proposed["reply"]
    done = person.chat("managing", "yes")
    person.until_learned([proposed["turn_id"], done["turn_id"]])

    until(
        lambda: not any("Anita" in text for text in hybrid.listed(stack, person)),
        "Mem0 has the correction",
    )
    until(
        lambda: not any("Anita" in text for text in hybrid.holding(stack, person)),
        "Zep has the correction",
    )
    assert "Anika" in person.chat("asking", "What is my sister's name?")["reply"]


def test_a_conflict_is_asked_about_once_and_the_answer_settles_it(
    stack: Stack, person: Person
) -> None:
    tell(person, "I'm vegetarian.", "I love steak.")
    conflicting(stack, person, "vegetarian", "steak")

    quiet = person.chat("one", "Where do I live?")
    asked = asking(person)
    between = person.chat("two", "Good morning!")  # asked once, and not in every session

    assert "Which of the two holds?" not in quiet["reply"] + between["reply"]
    assert asked["reply"].endswith("Which of the two holds?")
    assert all(word in asked["reply"] for word in ("vegetarian", "steak"))
    assert knows(stack, person, "egetarian")

    settled = person.chat("one", "I love steak, I'm not vegetarian any more.")

    assert settled["route"] == "converse"
    assert rows_of(stack, person, "conflicts", "state || coalesce(kept, '')") == ["resolvedright"]
    until(
        lambda: not any("egetarian" in text for text in hybrid.listed(stack, person)),
        "Mem0 has it",
    )
    assert any("steak" in text for text in hybrid.listed(stack, person))


def test_a_conflict_of_which_one_only_asks_stays_open(stack: Stack, person: Person) -> None:
    tell(person, "I'm vegetarian.", "I love steak.")
    conflicting(stack, person, "vegetarian", "steak")
    asking(person)

    person.chat("one", "Steak or vegetarian, why do you ask?")

    assert rows_of(stack, person, "conflicts", "state") == ["open"]
    listed = str(hybrid.listed(stack, person))
    assert "egetarian" in listed
    assert "steak" in listed


def asking(person: Person) -> Any:
    """The turn that asks: the first one for which both sides could be read in time."""
    for _ in range(5):
        answer = person.chat("one", "I like rowing.")
        if "Which of the two holds?" in answer["reply"]:
            return answer
    return answer


def conflicting(stack: Stack, person: Person, left: str, right: str) -> None:
    """A conflict between the two memories with these words, as a consolidation reports it."""
    body = {"filters": {"user_id": name_at_stores(person)}}
    found = mem0(stack, "POST", "/v3/memories/?page=1&page_size=200", json=body)["results"]
    sides = [next(one for one in found if word in one["memory"]) for word in (left, right)]
    with database_of(stack) as connection:
        connection.run(
            "insert into conflicts (id, account_id, left_id, right_id, left_hash, right_hash)"
            " values (gen_random_uuid(), cast(:sub as uuid), :left, :right, :one, :other)",
            sub=claims_of(token_of(person))["sub"],
            left=f"mem_{sides[0]['id']}",
            right=f"mem_{sides[1]['id']}",
            one=statement_hash(sides[0]["memory"]),
            other=statement_hash(sides[1]["memory"]),
        )


def rows_of(stack: Stack, person: Person, table: str, column: str) -> list[Any]:
    """One column of a person's rows."""
    with database_of(stack) as connection:
        rows = connection.run(
            f"select {column} from {table} where account_id = cast(:sub as uuid)",  # noqa: S608
            sub=claims_of(token_of(person))["sub"],
        )
    return [row[0] for row in rows]
