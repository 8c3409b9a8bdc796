"""How often each endpoint asks PostgreSQL, counted on the socket, with everything warm.

The person is known to both stores, so that there is something whose source is looked up. The
delivery job doesn't run meanwhile: what is counted between a request and its answer is that
request's own.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.results import BenchError, Result
from bench.shipped import PASSWORD, database_behind, person_at, shipped_stack, teach
from bench.wire import Wire
from local.person import Person
from local.stack import Stack

EMAIL, SESSION = "round-trips@example.com", "round-trips"
FACTS = ("I live in Delhi and like chess.", "My dog's name is Bruno.")

TWO = {
    "POST /api/chat",
    "GET /api/memory",
    "POST /api/memory/search",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
}
"""Routes that may ask twice; every other asks once."""

_TAKES_SECONDS = 0.003
_ATTEMPTS = 5

Call = tuple[str, Callable[[], Any]]
"""A route by its key, and a request that it answers well."""


def run() -> list[Result]:
    """Counts for every route of the template."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        with shipped_stack(data_dir=kept) as stack, person_at(stack, EMAIL) as person:
            teach(person, SESSION, *FACTS)
        with (
            shipped_stack(data_dir=kept, event_sources=False) as stack,
            Wire(_port_of_database(stack), takes_seconds=_TAKES_SECONDS) as wire,
            Person(stack.url, email=EMAIL, password=PASSWORD) as person,
        ):
            database_behind(stack, wire)
            person.log_in()
            counted = {key: count(wire, call) for key, call in _calls(person)}
            routes = stack.template.api.routes if stack.template.api else ()
    forgotten = {route.key for route in routes} - set(counted)
    if forgotten:
        raise BenchError(f"no request is made to {', '.join(sorted(forgotten))}")
    return [
        Result(f"round trips {key}", measured, limit=2 if key in TWO else 1, unit="")
        for key, measured in sorted(counted.items())
    ]


def count(wire: Wire, call: Callable[[], Any]) -> int:
    """Round trips of one request to a function that is warm.

    Raises:
        BenchError: each attempt opened a connection of its own, which no warm function does.
    """
    for _ in range(_ATTEMPTS):
        round_trips, connections = wire.round_trips, wire.connections
        call()
        if wire.connections == connections:
            return wire.round_trips - round_trips
    raise BenchError("a function connects to PostgreSQL in every request")


def _calls(person: Person) -> Iterator[Call]:
    """A request for each route. A request that uses something up finds a new one each time."""
    call = person.call
    turn_id = person.chat(SESSION, "Hello there")["turn_id"]
    yield "POST /api/chat", lambda: person.chat(SESSION, "Where do I live?")
    yield "GET /api/chat/{turn_id}", lambda: call("GET", f"/api/chat/{turn_id}")
    yield "GET /api/memory", lambda: call("GET", "/api/memory", params={"session_id": SESSION})
    yield "POST /api/memory/search", lambda: person.search("Where do I live?", scope="hybrid")
    yield "POST /api/session/start", lambda: call("POST", "/api/session/start", status=201, json={})
    yield "GET /api/session", lambda: call("GET", "/api/session")
    yield "GET /api/session/{session_id}", lambda: call("GET", f"/api/session/{SESSION}")
    yield "GET /api/history", lambda: call("GET", "/api/history", params={"session_id": SESSION})
    yield "DELETE /api/session/{session_id}", _deletions(person)
    yield "GET /api/auth/me", lambda: call("GET", "/api/auth/me")
    yield "POST /api/auth/signup", lambda: _sign_up(person)
    yield "POST /api/auth/login", person.log_in
    yield "POST /api/auth/refresh", lambda: _refresh(person)
    yield "POST /api/auth/logout", _log_outs(person)


def _deletions(person: Person) -> Callable[[], Any]:
    ids = [
        person.call("POST", "/api/session/start", status=201, json={})["session_id"]
        for _ in range(_ATTEMPTS)
    ]
    return lambda: person.call("DELETE", f"/api/session/{ids.pop()}", status=204)


def _log_outs(person: Person) -> Callable[[], Any]:
    tokens = []
    for _ in range(_ATTEMPTS):
        person.log_in()
        tokens.append(person.http.headers["authorization"])
    return lambda: person.call(
        "POST", "/api/auth/logout", status=204, headers={"authorization": tokens.pop()}
    )


def _sign_up(person: Person) -> None:
    body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
    person.call("POST", "/api/auth/signup", status=201, json=body)


def _refresh(person: Person) -> None:
    body = {"refresh_token": person.refresh_token}
    answer = person.call("POST", "/api/auth/refresh", json=body)
    person.refresh_token = answer["refresh_token"]


def _port_of_database(stack: Stack) -> Callable[[], int]:
    return lambda: int(urlsplit(stack.database_url).port or 0)
