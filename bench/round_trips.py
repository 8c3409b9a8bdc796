"""How often each endpoint asks PostgreSQL, counted on the socket, with everything warm.

The person is known to both stores, so that there is something whose source is looked up. The
delivery job doesn't run meanwhile: what is counted between a request and its answer is that
request's own.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from bench.memory_requests import TO_FORGET, Behind, Call, Request, chat_calls, memory_calls
from bench.results import BenchError, Result
from bench.shipped import PASSWORD, database_behind, person_at, shipped_stack, teach
from bench.wire import Wire
from local.person import Person
from local.stack import Stack

EMAIL, SESSION = "round-trips@example.com", "round-trips"
FACTS = ("I live in Delhi and like chess.", "My dog's name is Bruno.")

A_CHANGE = 2
"""What each change of memory may ask: marked before it is sent, and confirmed."""

_TAKES_SECONDS = 0.003
_ATTEMPTS = 5


class Counted(NamedTuple):
    """What one request has asked, and how many changes of memory it carried out."""

    round_trips: int
    changes: int


def run() -> list[Result]:
    """Counts for every route of the template."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        with shipped_stack(data_dir=kept) as stack, person_at(stack, EMAIL) as person:
            teach(person, SESSION, *FACTS, *TO_FORGET)
        with (
            shipped_stack(data_dir=kept, event_sources=False) as stack,
            Wire(_port_of_database(stack), takes_seconds=_TAKES_SECONDS) as wire,
            Person(stack.url, email=EMAIL, password=PASSWORD) as person,
        ):
            database_behind(stack, wire)
            person.log_in()
            with closing(Behind(stack, person)) as behind:
                counted = [
                    (call, count(wire, call.attempts, behind.changes))
                    for calls in (
                        _calls(person),
                        chat_calls(person, behind),
                        memory_calls(person, behind),
                        _log_out(person),
                    )
                    for call in calls
                ]
            routes = stack.template.api.routes if stack.template.api else ()
    forgotten = {route.key for route in routes} - {call.route for call, _ in counted}
    if forgotten:
        raise BenchError(f"no request is made to {', '.join(sorted(forgotten))}")
    return sorted((result(call, told) for call, told in counted), key=lambda one: one.name)


def result(call: Call, counted: Counted) -> Result:
    """The figure that is judged: what a request asks, with two more for each change."""
    return Result(
        f"round trips {call.route}" + (f" ({call.case})" if call.case else ""),
        counted.round_trips,
        limit=call.limit + A_CHANGE * counted.changes,
        unit="",
        detail=f"{call.limit} and {counted.changes} changes" if counted.changes else "",
    )


def count(wire: Wire, attempts: Iterator[Request], changes: Callable[[], int]) -> Counted:
    """Round trips and changes of one request to a function that is warm.

    Args:
        attempts: requests that are alike.
        changes: how many were planned so far.

    Raises:
        BenchError: each attempt opened a connection of its own, which no warm function does.
    """
    for _ in range(_ATTEMPTS):
        request, before = next(attempts), changes()
        round_trips, connections = wire.round_trips, wire.connections
        request()
        if wire.connections == connections:
            return Counted(wire.round_trips - round_trips, changes() - before)
    raise BenchError("a function connects to PostgreSQL in every request")


def _calls(person: Person) -> Iterator[Call]:
    """A call for each route that changes no memory."""
    get = partial(partial, person.call, "GET")
    turn_id = person.chat(SESSION, "Hello there")["turn_id"]
    asked = partial(person.chat, SESSION, "Where do I live?")
    yield Call("POST /api/chat", repeat(asked), 2)
    yield Call("GET /api/chat/{turn_id}", repeat(get(f"/api/chat/{turn_id}")))
    here = {"session_id": SESSION}
    yield Call("GET /api/memory", repeat(get("/api/memory", params=here)), 2)
    searched = partial(person.search, "Where do I live?", scope="hybrid")
    yield Call("POST /api/memory/search", repeat(searched), 2)
    started = partial(person.call, "POST", "/api/session/start", status=201, json={})
    yield Call("POST /api/session/start", repeat(started))
    yield Call("GET /api/session", repeat(get("/api/session")))
    yield Call("GET /api/session/{session_id}", repeat(get(f"/api/session/{SESSION}")))
    yield Call("GET /api/history", repeat(get("/api/history", params=here)))
    yield Call("DELETE /api/session/{session_id}", _deletions(person))
    yield Call("GET /api/auth/me", repeat(get("/api/auth/me")))
    yield Call("POST /api/auth/signup", repeat(partial(_sign_up, person)))
    yield Call("POST /api/auth/login", repeat(person.log_in), 2)
    yield Call("POST /api/auth/refresh", repeat(partial(_refresh, person)), 2)
    yield Call("GET /api/auth/logins", repeat(get("/api/auth/logins")))
    yield Call("DELETE /api/auth/logins/{login_id}", _ends_of_logins(person))
    same = {"current_password": PASSWORD, "new_password": PASSWORD}
    changed = partial(person.call, "POST", "/api/auth/password", status=204, json=same)
    yield Call("POST /api/auth/password", repeat(changed), 2)


def _log_out(person: Person) -> Iterator[Call]:
    """Comes last: whoever has logged out is nobody."""
    yield Call("POST /api/auth/logout", _log_outs(person))


def _deletions(person: Person) -> Iterator[Request]:
    while True:
        started = person.call("POST", "/api/session/start", status=201, json={})
        yield partial(person.call, "DELETE", f"/api/session/{started['session_id']}", status=204)


def _ends_of_logins(person: Person) -> Iterator[Request]:
    while True:
        person.log_in()
        logins = person.call("GET", "/api/auth/logins")["items"]
        other = next(login["login_id"] for login in logins if not login["current"])
        yield partial(person.call, "DELETE", f"/api/auth/logins/{other}", status=204)


def _log_outs(person: Person) -> Iterator[Request]:
    while True:
        person.log_in()
        yield person.log_out


def _sign_up(person: Person) -> None:
    body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD}
    person.call("POST", "/api/auth/signup", status=201, json=body)


def _refresh(person: Person) -> None:
    body = {"refresh_token": person.refresh_token}
    answer = person.call("POST", "/api/auth/refresh", json=body)
    person.refresh_token = answer["refresh_token"]


def _port_of_database(stack: Stack) -> Callable[[], int]:
    return lambda: int(urlsplit(stack.database_url).port or 0)
