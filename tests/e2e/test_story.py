"""The story as a test: other people, places and things each time, drawn by a printed seed."""

import random
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.demo import CONVERSATION, PAGE
from local.person import Person
from local.stack import Stack
from tests.e2e import story
from tests.e2e.harness import newcomer

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_story_comes_true_for_whoever_is_drawn(
    stack: Stack, seed: random.Random, number: int
) -> None:
    draw = story.draw_from(seed)
    print(f"story {number}: {draw}")  # noqa: T201 - shown when the test fails
    with newcomer(stack.url, first_name="Asha") as person:
        story.play(stack, person, draw)


def test_two_people_with_the_same_session_id_know_nothing_of_each_other(stack: Stack) -> None:
    with newcomer(stack.url) as one, newcomer(stack.url) as other:
        said = one.chat("sess789", "I live in Windhoek and like chess.")
        likes = other.chat("sess789", "I like pottery.")
        one.until_learned([said["turn_id"]])
        asked = other.chat("sess789", "Where do I live?")
        assert "Windhoek" not in asked["reply"]
        assert len(other.history("sess789", limit=PAGE)) == 4
        assert len(one.history("sess789", limit=PAGE)) == 2
        other.until_learned([likes["turn_id"], asked["turn_id"]])
        assert other.search("Where do I live?") == []


def test_a_refresh_token_that_is_used_again_later_ends_its_login(
    stack: Stack, person: Person
) -> None:
    story.refresh_works_once(stack, person)


def test_the_written_conversation_is_in_the_history_byte_for_byte(person: Person) -> None:
    sessions = tomllib.loads(CONVERSATION.read_text())["session"]
    assert sum(len(session["messages"]) for session in sessions) >= 60
    for session in sessions:
        for message in session["messages"]:
            person.chat(session["id"], message)
    for session_id in person.said:
        assert _history(person, session_id) == _said(person, session_id)
    person.until_learned(
        [item["turn_id"] for name in person.said for item in person.history(name, limit=100)]
    )
    for session_id in person.said:
        assert _history(person, session_id) == _said(person, session_id)
        assert all(item["delivered"] for item in person.history(session_id, limit=PAGE))


def test_pages_are_stable_while_turns_are_being_delivered(person: Person) -> None:
    """Read from both ends of the line at once: what one page has shown, no later read changes."""
    texts = [f"Note {number}: naïve façade, 東京, {'🙂' * (number % 5)}" for number in range(30)]
    with ThreadPoolExecutor(1) as speaking:
        talk = speaking.submit(lambda: [person.chat("notes", text) for text in texts])
        reads = _read_until(talk.done, person)
        talk.result()
    said = _said(person, "notes")
    assert len(reads) >= 3
    for shown in reads:
        assert shown == said[: len(shown)]
    assert _history(person, "notes") == said


def _read_until(is_done: Callable[[], bool], person: Person) -> list[list[tuple[str, bytes]]]:
    reads = []
    with Person(str(person.http.base_url), email=person.email, password=person.password) as reader:
        reader.log_in()
        while not is_done():
            sessions = reader.call("GET", "/api/session")["items"]
            if sessions:
                reads.append(_history(reader, "notes"))
    return reads


def _history(person: Person, session_id: str) -> list[tuple[str, bytes]]:
    items = person.history(session_id, limit=PAGE)
    assert len({item["message_id"] for item in items}) == len(items)
    return [(item["role"], item["content"].encode()) for item in items]


def _said(person: Person, session_id: str) -> list[tuple[str, bytes]]:
    return [(role, text.encode()) for role, text in person.said[session_id]]
