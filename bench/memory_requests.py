"""Requests to the endpoints that change a person's memory, each with something left to change."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, repeat
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import pg8000.native

from bench.results import BenchError
from local.person import Person
from local.stack import Stack

Request = Callable[[], Any]

TO_FORGET: Final = tuple(
    f"I like {game}." for game in ("rowing", "archery", "fencing", "judo", "karate")
)
"""What the person has to have said in a chat, and both stores to have learned."""

# What a request asks that is none of its changes: whose memory it is, what the ledger holds for
# what is read at the stores, the run's start with what is planned, and its end.
CORRECT: Final = 6
FORGET: Final = 7
UNDO: Final = 5
RESOLVE: Final = 7
# Seven of them are the picture. Each round of the judge is three: decided, noted, still alive.
CONSOLIDATE_DRY: Final = 7
CONSOLIDATE: Final = 19

_STAGE: Final = "dev"
_MEMORY: Final = "/api/memory"
_SESSION: Final = "managing"

# Counted by a trigger: what forgets takes its own rows of the journal with it.
_COUNTING: Final = (
    "create sequence changes_planned minvalue 0",
    "select nextval('changes_planned')",
    """
    create function count_a_change() returns trigger language plpgsql as
    'begin perform nextval(''changes_planned''); return null; end'
    """,
    """
    create trigger count_a_change after insert on changes
       for each row execute function count_a_change()
    """,
)


class Call(NamedTuple):
    """An endpoint, and requests that it answers well.

    Attributes:
        attempts: one after the other, each with something of its own to use up.
        limit: how often it may ask PostgreSQL, apart from the changes it carries out.
        case: which of several that are counted for this route.
    """

    route: str
    attempts: Iterator[Request]
    limit: int = 1
    case: str = ""


class Behind:
    """What lies behind the API, reached past the wire: the ledger, and Mem0's memories.

    Args:
        person: logged in; whose memory it is.
    """

    def __init__(self, stack: Stack, person: Person) -> None:
        parts = urlsplit(stack.database_url)
        self._ledger = pg8000.native.Connection(
            user=parts.username or "",
            password=parts.password,
            host=parts.hostname or "",
            port=parts.port or 5432,
            database=parts.path[1:],
            ssl_context=False,
        )
        for statement in _COUNTING:
            self._ledger.run(statement)
        self._mem0_url = stack.mem0_url
        claims = person.http.headers["authorization"].split(".")[1]
        self._account: str = json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]

    def close(self) -> None:
        """Ends the connection."""
        self._ledger.close()

    def changes(self) -> int:
        """How many changes of memory were planned up to now."""
        rows = self._ledger.run("select last_value from changes_planned")
        return int(rows[0][0]) if rows else 0

    def remember(self, text: str) -> str:
        """A new memory, word for word; returns the recalled item's id."""
        body = {
            "messages": [{"role": "user", "content": text}],
            "user_id": f"{_STAGE}:{self._account}",
            "infer": False,
            "metadata": {"said_at": "2026-01-05T10:00:00+00:00"},
        }
        headers = {"authorization": "Token test-key"}
        url = f"{self._mem0_url}/v3/memories/add/"
        answer = httpx.post(url, json=body, headers=headers, trust_env=False)
        return f"mem_{answer.raise_for_status().json()['results'][0]['id']}"

    def contradict(self, left: str, right: str) -> str:
        """A conflict between two new memories, as a run reports it; returns its id.

        Args:
            left, right: normalised already: such words are hashed as they stand.
        """
        (left_id, left), (right_id, right) = sorted((self.remember(t), t) for t in (left, right))
        rows = self._ledger.run(
            "insert into conflicts (id, account_id, left_id, right_id, left_hash, right_hash)"
            " values (gen_random_uuid(), cast(:account as uuid), :left_id, :right_id, :left_hash,"
            " :right_hash) returning id",
            account=self._account,
            left_id=left_id,
            right_id=right_id,
            left_hash=hashlib.sha256(left.encode()).digest(),
            right_hash=hashlib.sha256(right.encode()).digest(),
        )
        return str(rows[0][0]) if rows else ""


def memory_calls(person: Person, behind: Behind) -> Iterator[Call]:
    """A call for each endpoint that changes memory, or tells how it was changed."""
    get = partial(partial, person.call, "GET")
    runs, conflicts = f"{_MEMORY}/consolidations", f"{_MEMORY}/conflicts"
    post = f"POST {_MEMORY}"
    tidied = person.call("POST", f"{_MEMORY}/consolidate", json={})["run_id"]
    dry = partial(person.call, "POST", f"{_MEMORY}/consolidate", json={"dry_run": True})
    yield Call(f"{post}/consolidate", repeat(dry), CONSOLIDATE_DRY, "dry run")
    yield Call(f"{post}/consolidate", _consolidations(person, behind), CONSOLIDATE)
    yield Call(f"POST {runs}/{{run_id}}/undo", _undoings(person, behind), UNDO)
    yield Call(f"GET {runs}", repeat(get(runs)))
    yield Call(f"GET {runs}/{{run_id}}", repeat(get(f"{runs}/{tidied}")))
    yield Call(f"POST {conflicts}/{{conflict_id}}/resolve", _resolutions(person, behind), RESOLVE)
    behind.contradict("i never eat fish", "i eat fish on fridays")
    yield Call(f"GET {conflicts}", repeat(get(conflicts)))
    stated = partial(person.call, "POST", _MEMORY, status=201, json={"statement": "I row."})
    yield Call(post, repeat(stated))
    yield Call(f"PATCH {_MEMORY}/{{memory_id}}", _corrections(person, behind), CORRECT)
    yield Call(f"DELETE {_MEMORY}/{{memory_id}}", _deletions(person), FORGET)
    told = behind.remember("I keep bees.")
    yield Call(f"GET {_MEMORY}/{{memory_id}}/history", repeat(get(f"{_MEMORY}/{told}/history")))
    asked = partial(person.call, "POST", f"{_MEMORY}/forget", json={"query": "I keep bees"})
    yield Call(f"{post}/forget", repeat(asked), 2, "dry run")
    yield Call(f"{post}/forget", _forgettings(person, behind), FORGET)


def chat_calls(person: Person, behind: Behind) -> Iterator[Call]:
    """Turns of chat in which something waits for the person's word, and they speak of other
    things."""
    yield Call("POST /api/chat", _asked_about(person, behind), 2, "a conflict waits")
    yield Call("POST /api/chat", _declined(person), 2, "a proposal is open")


def _consolidations(person: Person, behind: Behind) -> Iterator[Request]:
    for number in count():
        _say_twice(behind, f"I collect {number} coins")
        yield partial(person.call, "POST", f"{_MEMORY}/consolidate", json={})


def _undoings(person: Person, behind: Behind) -> Iterator[Request]:
    for number in count():
        _say_twice(behind, f"I collect {number} stamps")
        run_id = person.call("POST", f"{_MEMORY}/consolidate", json={})["run_id"]
        yield partial(person.call, "POST", f"{_MEMORY}/consolidations/{run_id}/undo")


def _say_twice(behind: Behind, text: str) -> None:
    behind.remember(f"{text}.")
    behind.remember(f"{text.upper()}!")


def _resolutions(person: Person, behind: Behind) -> Iterator[Request]:
    for number in count():
        conflict_id = behind.contradict(f"i own {number} boats", f"i do not own {number} boats")
        path = f"{_MEMORY}/conflicts/{conflict_id}/resolve"
        yield partial(person.call, "POST", path, json={"keep": "left"})


def _corrections(person: Person, behind: Behind) -> Iterator[Request]:
    for number in count():
        path = f"{_MEMORY}/{behind.remember(f'I have {number} cousins.')}"
        yield partial(person.call, "PATCH", path, json={"text": f"I have {number} nephews."})


def _deletions(person: Person) -> Iterator[Request]:
    for said in TO_FORGET:
        [*_, word] = said.rstrip(".").split()
        [found] = [one for one in person.search(word) if word in one["text"]]
        yield partial(person.call, "DELETE", f"{_MEMORY}/{found['id']}", status=204)


def _forgettings(person: Person, behind: Behind) -> Iterator[Request]:
    for number in count():
        text = f"My {number} uncles sing."
        behind.remember(text)
        path = f"{_MEMORY}/forget"
        token = person.call("POST", path, json={"query": text})["token"]
        yield partial(person.call, "POST", path, json={"token": token})


def _asked_about(person: Person, behind: Behind) -> Iterator[Request]:
    for number in count():
        behind.contradict(f"i have {number} sheep", f"i do not have {number} sheep")
        yield partial(_ask_at, person, f"quiet-{number}")


def _ask_at(person: Person, session: str) -> None:
    answer = person.chat(session, "Good morning!")
    if not answer["reply"].endswith("Which of the two holds?"):
        raise BenchError("a turn did not ask about the conflict that waits")


def _declined(person: Person) -> Iterator[Request]:
    while True:
        proposed = person.chat(_SESSION, "Please forget that I like chess.")
        if "chess" not in proposed["reply"]:
            raise BenchError("a turn did not propose what it was asked for")
        yield partial(person.chat, _SESSION, "I cooked soup in the evening.")
