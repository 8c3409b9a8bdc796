"""Ctrl-C and kill -9: what was answered stays, once; what was not can be asked for again."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from local.person import Person, until
from local.postgres import Postgres
from local.processes import answers
from local.stack import Stack
from tests.e2e.development import (
    command_for,
    copy_tree,
    free_ports,
    names_of,
    own_command,
    processes_of,
    running,
    still_alive,
)
from tests.e2e.harness import IMPATIENT, ROOT, newcomer, thread_of, thread_uuid_of, until_caught_up

pytestmark = pytest.mark.e2e

PEOPLE, SESSIONS = 3, 8
IN_FLIGHT = 20
_ANSWERED_BEFORE = 30


# ------------------------------------------------------------------ Ctrl-C


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    yield copy_tree(tmp_path)
    Postgres(tmp_path / ".tandem" / "dev" / "postgres").remove()


def test_after_ctrl_c_a_new_make_dev_has_everything_that_the_old_one_had(tree: Path) -> None:
    ports = free_ports()
    url = f"http://127.0.0.1:{ports['gateway']}"
    with running(own_command(), cwd=tree, ports=ports) as dev, newcomer(url) as person:
        turns = [
            person.chat("one", "I live in Tbilisi and like chess."),
            person.chat("two", "My dog's name is Bruno"),
        ]
        person.until_learned([turn["turn_id"] for turn in turns])
        known = _known(person)
        assert any("Tbilisi" in fact for fact in known)
        person.chat("one", "I play the cello.")  # and nothing waits until it is delivered
        dev.send_signal(signal.SIGINT)
        assert dev.wait(20) == 0
        assert not any(answers(port) for port in ports.values())

        with running(own_command(), cwd=tree, ports=ports) as dev_again:
            person.call("GET", "/api/auth/me")  # the login holds
            person.log_in()
            for session_id in ("one", "two"):
                assert _history(person, session_id) == person.said[session_id]
            sessions = person.call("GET", "/api/session")["items"]
            assert {one["session_id"]: one["turns"] for one in sessions} == {"one": 2, "two": 1}
            assert known <= _known(person)
            answer = person.chat("two", "Where do I live?")
            assert "Tbilisi" in answer["reply"]
            assert "cello" in person.chat("two", "What do I play?")["reply"]
            dev_again.send_signal(signal.SIGINT)
            assert dev_again.wait(20) == 0


def _known(person: Person) -> set[str]:
    return {fact["text"] for fact in person.memory()["facts"]}


# ------------------------------------------------------------------ kill -9


@dataclass
class Talk:
    """One session's talk, as its client knows it."""

    person: Person
    session_id: str
    number: int = 0
    said: list[tuple[str, str]] = field(default_factory=list)
    unanswered: str | None = None
    """The message that was sent and not answered."""

    def key(self) -> str:
        return f"{self.session_id}-{self.number}"

    def send(self, message: str) -> httpx.Response:
        body = {"session_id": self.session_id, "message": message}
        headers = {"idempotency-key": self.key()}
        return self.person.http.post("/api/chat", json=body, headers=headers)

    def note(self, message: str, answer: httpx.Response) -> None:
        self.said += [("user", message), ("assistant", answer.json()["reply"])]


class Crowd:
    """Everybody talks in all of their sessions at once until the line goes dead."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.talks = [Talk(who, f"session-{n}") for who in people for n in range(SESSIONS)]
        self._lock = threading.Lock()
        self.in_flight = self.answered = 0

    def talk(self, talk: Talk) -> None:
        while talk.unanswered is None:
            talk.number += 1
            message = f"I like hobby-{talk.number} of {talk.session_id}, naïvely: 東京 🙂"
            self._count(in_flight=1)
            try:
                answer = talk.send(message)
            except httpx.TransportError:
                talk.unanswered = message
            else:
                if answer.status_code == 200:
                    talk.note(message, answer)
                    self._count(in_flight=-1, answered=1)
                else:  # the gateway lived a little longer than the function or the database
                    talk.unanswered = message

    def _count(self, *, in_flight: int, answered: int = 0) -> None:
        with self._lock:
            self.in_flight += in_flight
            self.answered += answered


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    Postgres(tmp_path / "data" / "postgres").remove()


def test_after_kill_9_of_everything_each_answered_turn_is_there_exactly_once(
    folder: Path,
) -> None:
    people, talks = _talk_until_everything_is_killed(folder)
    with Stack(data_dir=folder / "data", extra_environment=IMPATIENT) as stack:
        for person in people:
            person.http.base_url = stack.url
            person.call("GET", "/api/auth/me")
            person.log_in()
            assert "Nairobi" in person.chat("question", "Where do I live?")["reply"]
        for talk in talks:
            _unanswered_is_there_at_most_once(talk)
        with ThreadPoolExecutor(8) as crowd:
            list(crowd.map(_go_on, talks))
        for person in people:
            labels = [f"session-{n}" for n in range(SESSIONS)]
            until_caught_up(stack, person, ["question", *labels])
        for talk in talks:
            thread = thread_of(stack, thread_uuid_of(stack, talk.person, talk.session_id))
            assert thread == talk.said
            assert _history(talk.person, talk.session_id) == talk.said
        for person in people:
            facts = [fact["text"] for fact in person.memory()["facts"]]
            assert any("Nairobi" in fact for fact in facts)
            assert len(facts) == len(set(facts))
            person.http.close()


def _talk_until_everything_is_killed(folder: Path) -> tuple[list[Person], list[Talk]]:
    ports = free_ports()
    url = f"http://127.0.0.1:{ports['gateway']}"
    command = command_for(
        folder, extra_environment=IMPATIENT, latency_ms={"gemini": 400, "zep": 400}
    )
    with running(command, cwd=ROOT, ports=ports) as dev:
        people = [_somebody(url, number) for number in range(PEOPLE)]
        crowd = Crowd(people)
        with ThreadPoolExecutor(len(crowd.talks)) as threads:
            for talk in crowd.talks:
                threads.submit(crowd.talk, talk)
            until(
                lambda: crowd.answered >= _ANSWERED_BEFORE and crowd.in_flight >= IN_FLIGHT,
                "many turns are in flight",
            )
            pids = processes_of(dev, folder / "data")
            names = names_of(pids)
            for part in ("awslambdaric", "local.gateway", "local.aws_server", "postgres"):
                assert part in names
            for twin in ("zep", "mem0", "gemini"):
                assert f"local.twins.{twin}" in names
            _kill_all(pids, zep_url=f"http://127.0.0.1:{ports['zep']}")
        until(lambda: not still_alive(pids), "all are gone", within_seconds=10)
    unanswered = [talk for talk in crowd.talks if talk.unanswered is not None]
    assert len(unanswered) >= IN_FLIGHT
    return people, crowd.talks


def _kill_all(pids: Sequence[int], *, zep_url: str) -> None:
    """The database a moment before the rest, so that Zep gets messages of which the ledger will
    not hear: what comes next must find them there instead of sending them again."""
    database = [pid for pid in pids if "postgres" in names_of([pid]).split(" ")[0]]
    assert database
    for pid in database:
        with contextlib.suppress(ProcessLookupError):  # backends may go with their postmaster
            os.kill(pid, signal.SIGKILL)
    killed_at = datetime.now(UTC)
    with contextlib.suppress(TimeoutError):  # as likely as can be, but nobody can promise it
        until(lambda: _last_posted(zep_url) > killed_at, "Zep knows more", within_seconds=2)
    for pid in still_alive(pids):
        with contextlib.suppress(ProcessLookupError):  # children die with their parents
            os.kill(pid, signal.SIGKILL)


def _last_posted(zep_url: str) -> datetime:
    """When messages were given to Zep the last time."""
    calls = httpx.get(f"{zep_url}/_twin/requests", trust_env=False).json()["requests"]
    posts = [call for call in calls if call["method"] == "POST"]
    said = [call["at"] for call in posts if call["path"].endswith("/messages")]
    return max(datetime.fromisoformat(at) for at in said)


def _somebody(url: str, number: int) -> Person:
    person = Person(url, email=f"someone-{number}@example.test", password="long enough")
    person.sign_up()
    person.log_in()
    person.until_learned([person.chat("question", "I live in Nairobi.")["turn_id"]])
    return person


def _unanswered_is_there_at_most_once(talk: Talk) -> None:
    found = _history(talk.person, talk.session_id)
    assert found[: len(talk.said)] == talk.said
    # A reply may have been stored and not have reached its client any more.
    left = found[len(talk.said) :]
    assert [role for role, _ in left] in ([], ["user"], ["user", "assistant"])
    assert [text for _, text in left[:1]] in ([], [talk.unanswered])


def _go_on(talk: Talk) -> None:
    """Half of the clients ask again by their key, the others say something else instead."""
    assert talk.unanswered is not None
    asks_again = int(talk.session_id[-1]) % 2 == 0
    if asks_again:
        talk.note(talk.unanswered, _sent(talk, talk.unanswered))
        return
    left = _history(talk.person, talk.session_id)[len(talk.said) :]
    talk.said += left
    talk.number += 1
    message = f"I like something else than {talk.session_id}."
    talk.note(message, _sent(talk, message))


def _sent(talk: Talk, message: str) -> httpx.Response:
    ends_at = time.monotonic() + 40
    while (answer := talk.send(message)).status_code != 200:
        assert answer.status_code in {409, 503}, answer.text
        assert time.monotonic() < ends_at, answer.text
    return answer


def _history(person: Person, session_id: str) -> list[tuple[str, str]]:
    return [(item["role"], item["content"]) for item in person.history(session_id, limit=7)]
