"""The hybrid memory's story through the whole stack, with values that are drawn each time."""

import random
import tomllib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from evaluation.sets import SETS
from local.person import Person, until
from local.stack import Stack
from tests.e2e import hybrid
from tests.e2e.harness import database_of

_WORDINGS = tomllib.loads((SETS / "wordings.toml").read_text())["fact"]
_PLACES = ["Delhi", "Reykjavik", "Windhoek", "Quito", "Aarhus", "Tbilisi", "Nairobi", "Hobart"]


@pytest.fixture
def places(seed: random.Random) -> list[str]:
    """Two towns."""
    return seed.sample(_PLACES, 2)


def test_a_move_is_known_with_its_past_after_a_day_of_the_schedule(
    stack: Stack, person: Person, places: list[str]
) -> None:
    first, second = places
    hybrid.judged_by(stack, [(f"Lives in {first}", f"Lives in {second}", "update")])
    said = [person.chat("one", f"I live in {first}."), person.chat("one", f"I moved to {second}.")]
    person.until_learned([turn["turn_id"] for turn in said])

    hybrid.scheduled_day(stack)

    assert second in person.chat("two", "Where do I live?")["reply"]
    why = person.chat("two", f"Why do you think I live in {second}?")
    assert f"I moved to {second}." in why["reply"]
    said_in = {source["turn_id"] for item in why["recalled"] for source in item["source"]}
    assert said[1]["turn_id"] in said_in
    before = person.chat("two", "Where did I live before?")
    assert first in before["reply"]
    ended = [item for item in before["recalled"] if first in item["text"]]
    assert any(item["valid_from"] and item["valid_to"] for item in ended), before["recalled"]
    shown = [item["text"] for item in person.memory()["facts"]]
    assert any(second in text for text in shown)
    assert not any(first in text for text in shown)


@pytest.mark.parametrize("hidden_counts", [False, True])
def test_who_moves_back_lives_there_again(
    stack: Stack, person: Person, places: list[str], *, hidden_counts: bool
) -> None:
    """Also with a Mem0 that takes what is said again for what is hidden, and drops it."""
    first, second = places
    hybrid.judged_by(stack, [(f"Lives in {first}", f"Lives in {second}", "update")])
    switch = {"hidden_count": hidden_counts}
    url = f"{stack.mem0_url}/_twin/expiration"
    httpx.post(url, json=switch, trust_env=False).raise_for_status()
    try:
        for place in (first, second, first):
            turn = person.chat("one", f"I live in {place}.")
            person.until_learned([turn["turn_id"]])
            hybrid.scheduled_day(stack)
    finally:
        httpx.post(url, json={"hidden_count": False}, trust_env=False).raise_for_status()

    assert first in person.chat("two", "Where do I live?")["reply"]
    shown = [item["text"] for item in person.memory()["facts"]]
    assert any(first in text for text in shown), shown
    assert not any(second in text for text in shown), shown
    listed = hybrid.listed(stack, person)
    assert any(first in text for text in listed), listed
    assert not any(second in text for text in listed), listed


def test_fifteen_wordings_of_five_facts_end_as_five_memories_with_fifteen_sources(
    stack: Stack, person: Person, seed: random.Random
) -> None:
    groups: list[set[str]] = []
    fact_of: dict[str, int] = {}
    for number, fact in enumerate(_WORDINGS):
        value = seed.choice(fact["values"])
        groups.append({text.format(value=value) for text in fact["wordings"]})
        fact_of |= {hybrid.remember(person, text): number for text in sorted(groups[-1])}
    # What Zep has made of a statement says the same as it does.
    for item in person.memory()["facts"]:
        if item["store"] == "zep":
            matters = {fact_of[source["turn_id"]] for source in item["source"]}
            assert len(matters) == 1, item
            groups[matters.pop()].add(item["text"])
    hybrid.judged_by(stack, [(a, b, "same") for texts in groups for a in texts for b in texts])
    hybrid.means_the_same(stack, [sorted(texts) for texts in groups])

    run = hybrid.tidy(person)

    assert len(hybrid.listed(stack, person)) == len(groups), run
    shown = [item for item in person.memory()["facts"] if item["kind"] == "memory"]
    assert len(shown) == len(groups)
    sources = {source["turn_id"] for item in shown for source in item["source"]}
    assert sources == fact_of.keys()
    assert hybrid.tidy(person)["changes"] == []


def test_a_run_after_an_undo_hides_nothing_again(
    stack: Stack, person: Person, places: list[str]
) -> None:
    first, second = f"I often think of {places[0]}.", f"{places[0]} is often on my mind."
    hybrid.judged_by(stack, [(first, second, "same")])
    hybrid.means_the_same(stack, [[first, second]])
    for text in (first, second):
        hybrid.remember(person, text)
    before = sorted(hybrid.listed(stack, person))
    run = hybrid.tidy(person)
    assert len(hybrid.listed(stack, person)) < len(before)

    path = f"/api/memory/consolidations/{run['run_id']}/undo"
    person.call("POST", path)

    assert sorted(hybrid.listed(stack, person)) == before
    hybrid.tidy(person)
    assert sorted(hybrid.listed(stack, person)) == before


def test_a_contradiction_is_asked_about_once_and_the_answer_settles_it_in_both_stores(
    stack: Stack, person: Person
) -> None:
    vegetarian, steak = "I'm vegetarian.", "I love steak."
    may = datetime.now(UTC) - timedelta(days=150)
    hybrid.remember(person, vegetarian, said_at=may.isoformat())
    hybrid.remember(person, steak, said_at=(may + timedelta(days=60)).isoformat())
    # As given, and as Zep has put it.
    sides = [
        [given, *(text for text in hybrid.holding(stack, person) if word in text)]
        for given, word in ((vegetarian, "vegetarian"), (steak, "steak"))
    ]
    labels = [(a, b, "same") for side in sides for a in side for b in side]
    labels += [(a, b, "contradiction") for a in sides[0] for b in sides[1]]
    hybrid.judged_by(stack, labels)
    hybrid.means_the_same(stack, [[text for side in sides for text in side]])

    hybrid.tidy(person)

    [conflict] = person.call("GET", "/api/memory/conflicts")["items"]
    assert {"vegetarian", "steak"} <= set(str(conflict).replace(".", " ").replace("'", " ").split())
    asked = person.chat("dinner", "I cooked some rice tonight.")["reply"]
    assert "vegetarian" in asked
    assert "steak" in asked
    person.chat("dinner", "I love steak, I'm not vegetarian any more.")
    until(partial(_no_conflict, person), "the conflict is settled")
    assert "vegetarian" not in person.chat("dinner", "The rice was good.")["reply"]

    until(partial(_says_no_more, stack, person, "is vegetarian"), "both stores have it")
    assert any("steak" in text for text in hybrid.listed(stack, person))


def test_what_is_forgotten_is_nowhere_but_in_the_history(
    stack: Stack, person: Person, seed: random.Random
) -> None:
    pet = seed.choice(["dog", "cat", "parrot", "tortoise"])
    told = [person.chat("one", f"I have a {pet}."), person.chat("one", "I like chess.")]
    person.until_learned([turn["turn_id"] for turn in told])
    assert any(pet in text for text in hybrid.listed(stack, person))

    proposed = person.chat("one", f"Please forget that I have a {pet}.")
    assert pet in proposed["reply"]
    assert any(pet in text for text in hybrid.listed(stack, person))
    person.chat("one", "Yes, please.")

    for day in range(7):
        if day in {0, 3}:
            _deliver_again(stack, told[0]["turn_id"])
        hybrid.scheduled_day(stack)
    until(partial(_is_nowhere, stack, person, pet), "it is gone from both stores")
    assert not _mentioning(person.memory(include_superseded="true")["facts"], pet)
    assert not _mentioning(person.memory()["pending"], pet)
    for scope in ("mem0", "zep", "hybrid"):
        assert not _mentioning(person.search(f"Do I have a {pet}?", scope=scope), pet)
    context = person.call("GET", "/api/memory", params={"session_id": "one"})["context"]
    assert pet not in context
    assert pet not in hybrid.everything_journalled(stack, person)
    assert any("chess" in text for text in hybrid.listed(stack, person))
    said = [message["content"] for message in person.history("one", limit=50)]
    assert f"I have a {pet}." in said

    again = person.chat("two", f"I have a {pet}.")
    person.until_learned([again["turn_id"]])
    hybrid.scheduled_day(stack)
    assert any(pet in text for text in hybrid.listed(stack, person))


def _no_conflict(person: Person) -> bool:
    return not person.call("GET", "/api/memory/conflicts")["items"]


def _says_no_more(stack: Stack, person: Person, words: str) -> bool:
    texts = [*hybrid.listed(stack, person), *hybrid.holding(stack, person)]
    return not any(words in text.casefold() for text in texts)


def _is_nowhere(stack: Stack, person: Person, word: str) -> bool:
    known = [fact["fact"] for fact in hybrid.facts(stack, person)]
    return not any(word in text for text in [*known, *hybrid.listed(stack, person)])


def _mentioning(items: list[dict[str, Any]], word: str) -> list[str]:
    return [item["text"] for item in items if word in item["text"]]


def _deliver_again(stack: Stack, turn_id: str) -> None:
    """A delivery of which nobody knows any more that it was made."""
    with database_of(stack) as connection:
        connection.run(
            "update deliveries set state = 'owed', owed_at = owed_at - interval '1 hour',"
            " sent_at = null, finished_at = null, check_id = null"
            " where turn_id = cast(:turn as uuid) and role = 'user'",
            turn=turn_id,
        )
        connection.run(
            "update delivery_leases l set unclear = true from turns t"
            " where t.id = cast(:turn as uuid) and l.session_row = t.session_row",
            turn=turn_id,
        )
    stack.invoke("SweepFunction", {})
    until(partial(_is_delivered, stack, turn_id), "it is delivered again")


def _is_delivered(stack: Stack, turn_id: str) -> bool:
    stack.invoke("SweepFunction", {})
    with database_of(stack) as connection:
        [[left]] = connection.run(
            "select count(*) from deliveries where turn_id = cast(:turn as uuid)"
            " and state in ('owed', 'sent')",
            turn=turn_id,
        )
    return bool(left == 0)
