"""The story that the whole of Tandem is for, with names drawn afresh each time.

Asked of the source tree by the end-to-end tests and of the built artifacts by the smoke test.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from local.person import Person, until
from local.stack import Stack
from tests.e2e.harness import (
    age_refresh_tokens,
    assert_problem,
    claims_of,
    delete_at_stores,
    kill_instances,
    mem0,
    name_at_stores,
    token_of,
    zep,
)

_PLACES = ["Delhi", "Reykjavik", "Windhoek", "Quito", "Aarhus", "Tbilisi", "Nairobi", "Hobart"]
_PETS = ["dog", "cat", "parrot", "rabbit", "hamster", "tortoise", "horse", "kitten"]
_KIN = ["sister", "brother", "mother", "father", "daughter", "son", "aunt", "uncle", "cousin"]
_HOBBIES = ["chess", "archery", "pottery", "origami", "rowing", "calligraphy", "fencing", "yoga"]
_HEADS = ["Bra", "Cho", "Da", "Fe", "Ga", "Hu", "Ju", "Ka", "Li", "Mo", "Na", "Ro", "Ve", "Zo"]
_MIDDLES = ["ba", "di", "go", "la", "mi", "ru", "ne", "vo", "sha", "ki"]
_TAILS = ["ka", "lin", "mor", "na", "ris", "ta", "vel", "zan", "dor"]
LONG_AGO = datetime(2022, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Draw:
    """Who the story is about this time."""

    home: str
    next_home: str
    pet: str
    pet_name: str
    relation: str
    relative: str
    hobby: str
    employer: str
    next_employer: str


def draw_from(seed: random.Random) -> Draw:
    """People, places and things; half of the places and all names are made up."""
    invented = iter({_name(seed): None for _ in range(40)})
    homes = [seed.choice(_PLACES), next(invented)]
    seed.shuffle(homes)
    return Draw(
        home=homes[0],
        next_home=homes[1],
        pet=seed.choice(_PETS),
        pet_name=next(invented),
        relation=seed.choice(_KIN),
        relative=next(invented),
        hobby=seed.choice(_HOBBIES),
        employer=f"{next(invented)} Mills",
        next_employer=f"{next(invented)} Labs",
    )


def _name(seed: random.Random) -> str:
    return seed.choice(_HEADS) + seed.choice(_MIDDLES) + seed.choice(_TAILS)


def play(stack: Stack, person: Person, draw: Draw) -> None:
    """Everything of row 1, from the first message to the last refusal."""
    _tell(person, draw)
    _another_session_knows(person, draw)
    _search_finds(person, draw)
    _moving_counts_at_once_and_later(person, draw)
    _the_view_has_a_past(person, draw)
    _deleted_memory_is_gone(stack, person, draw)
    logged_out_is_refused_though_cached(stack, person)


def _tell(person: Person, draw: Draw) -> None:
    said = [
        f"I live in {draw.home} and like {draw.hobby}.",
        f"My {draw.pet}'s name is {draw.pet_name}",
        f"My {draw.relation}'s name is {draw.relative}.",
        f"I have worked at {draw.employer} since 2018.",
    ]
    person.until_learned([person.chat("telling", message)["turn_id"] for message in said])


def _another_session_knows(person: Person, draw: Draw) -> None:
    answer = _asked(person, "Where do I live?", expect=draw.home)
    assert answer["route"] == "recall"
    assert answer["degraded"] == []
    [first, *_] = person.history("telling", limit=7)
    sources = [
        source
        for item in answer["recalled"]
        if draw.home in item["text"]
        for source in item["source"]
    ]
    assert sources, answer["recalled"]
    for source in sources:
        assert source["session_id"] == "telling"
        assert source["message_id"] == first["message_id"]
        assert source["turn_id"] == first["turn_id"]
    _asked(person, f"What is my {draw.pet}'s name?", expect=draw.pet_name)
    _asked(person, f"What is my {draw.relation}'s name?", expect=draw.relative)
    _asked(person, "What do I like?", expect=draw.hobby)


def _search_finds(person: Person, draw: Draw) -> None:
    [first, *_] = person.search("Where do I live?")
    assert draw.home in first["text"]
    assert first["source"][0]["session_id"] == "telling"
    [first, *_] = person.search(f"What is my {draw.pet}'s name?")
    assert draw.pet_name in first["text"]


def _moving_counts_at_once_and_later(person: Person, draw: Draw) -> None:
    moved = person.chat("moving", f"I moved to {draw.next_home} last month")
    _asked(person, "Where do I live?", expect=draw.next_home, never=draw.home)
    started = person.chat("moving", f"I started working at {draw.next_employer} two weeks ago.")
    person.until_learned([moved["turn_id"], started["turn_id"]])
    _asked(person, "Where do I live?", expect=draw.next_home, never=draw.home)
    _asked(person, "Where did I live before?", expect=draw.home)
    [first, *_] = person.search("Where do I live?")
    assert draw.next_home in first["text"]
    _search_tells_now_from_then(person, draw)


def _search_tells_now_from_then(person: Person, draw: Draw) -> None:
    for scope in ("zep", "hybrid"):
        [now, *_] = person.search("Where do I live?", scope=scope)
        assert draw.next_home in now["text"], (scope, now)
        assert now["source"][0]["session_id"] == "moving"
        for question in ("Where did I live before?", f"Where did I live before {draw.next_home}?"):
            [before, *_] = person.search(question, scope=scope)
            assert draw.home in before["text"], (scope, question, before)
            assert before["source"][0]["session_id"] == "telling"
            assert before["valid_to"] == now["valid_from"]
            assert now["valid_to"] is None
    found = _texts(person.search("Where do I live?", scope="hybrid"))
    assert len({text.rstrip(".").lower() for text in found}) == len(found)


def _the_view_has_a_past(person: Person, draw: Draw) -> None:
    now = datetime.now(UTC)
    plain = _texts(person.memory()["facts"])
    assert _has(plain, draw.next_home)
    assert not _has(plain, draw.home)
    everything = person.memory(include_superseded="true")["facts"]
    [home] = [fact for fact in everything if draw.home in fact["text"]]
    ended = datetime.fromisoformat(home["valid_to"])
    assert now - timedelta(days=33) < ended < now - timedelta(days=26)
    [new] = [fact for fact in everything if draw.next_home in fact["text"]]
    assert new["valid_to"] is None
    assert datetime.fromisoformat(new["valid_from"]) == ended
    then = _texts(person.memory(as_of=LONG_AGO.isoformat())["facts"])
    assert _has(then, draw.employer)
    assert not _has(then, draw.next_employer)
    assert not _has(then, draw.next_home)
    assert _has(plain, draw.next_employer)
    assert not _has(plain, draw.employer)


def _deleted_memory_is_gone(stack: Stack, person: Person, draw: Draw) -> None:
    sessions = [one["session_id"] for one in person.call("GET", "/api/session")["items"]]
    for session_id in sessions:
        person.call("DELETE", f"/api/session/{session_id}", status=204)
        person.call("GET", "/api/history", status=404, params={"session_id": session_id})
    _until_idle(stack, person)
    delete_at_stores(stack, person)
    for question in ("Where do I live?", f"What is my {draw.pet}'s name?", "What do I like?"):
        answer = person.chat("afterwards", question)
        for known in (draw.home, draw.next_home, draw.pet_name, draw.hobby):
            assert known not in answer["reply"]
            assert not _has(_texts(answer["recalled"]), known)
        assert "don't know" in answer["reply"]
    view = person.memory(include_superseded="true")
    assert view["facts"] == []


def _until_idle(stack: Stack, person: Person) -> None:
    """Nothing that was sent before may be learned after the memory has been deleted."""
    name = name_at_stores(person)
    graph = zep(stack, "POST", "/users/lookup", json={"user_id": name})["graph_uuid"]

    def known() -> tuple[int, int]:
        edges = zep(stack, "POST", f"/graphs/{graph}/edges/list", json={})["items"]
        found = mem0(stack, "POST", "/v3/memories/", json={"filters": {"user_id": name}})
        return len(edges), found["count"]

    seen: list[tuple[int, int]] = []

    def is_steady() -> bool:
        seen.append(known())
        return len(seen) >= 10 and len(set(seen[-10:])) == 1

    until(is_steady, "the stores have learned what they were sent")


def logged_out_is_refused_though_cached(stack: Stack, person: Person) -> None:
    """The gateway still lets the token pass, which is why the function has to look."""
    person.call("GET", "/api/auth/me")
    token = token_of(person)
    kill_instances(stack, "AuthorizerFunction")
    person.log_out()
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/api/auth/me", {}),
        ("POST", "/api/chat", {"json": {"message": "Where do I live?"}}),
        ("GET", "/api/session", {}),
        ("GET", "/api/memory", {}),
        ("POST", "/api/memory/search", {"json": {"query": "Where do I live?"}}),
        ("POST", "/api/auth/logout", {}),
    ]
    for method, path, request in calls:
        assert_problem(person.http.request(method, path, **request), 401, "login_ended")
    # Whoever asks an authorizer starts one: all had been ended, and there is still none.
    assert not [name for name in stack.pids if name.startswith("AuthorizerFunction.")]
    assert claims_of(token)["exp"] > datetime.now(UTC).timestamp() + 60
    stack.forget_authorizations()
    assert_problem(person.http.get("/api/auth/me"), 401, "login_ended")
    assert [name for name in stack.pids if name.startswith("AuthorizerFunction.")]


def refresh_works_once(stack: Stack, person: Person) -> None:
    """Rotation: a token renews a login once, and once more at once; later it ends the login."""
    old = person.refresh_token

    def renewed(token: str) -> httpx.Response:
        return person.http.post("/api/auth/refresh", json={"refresh_token": token})

    first = renewed(old).json()
    assert first["refresh_token"] != old
    person.http.headers["authorization"] = f"Bearer {first['access_token']}"
    person.call("GET", "/api/auth/me")
    twin = renewed(old).json()
    assert twin["refresh_token"] not in {old, first["refresh_token"]}
    age_refresh_tokens(stack)
    assert_problem(renewed(old), 401, "bad_refresh_token")
    assert_problem(renewed(twin["refresh_token"]), 401, "bad_refresh_token")
    assert_problem(person.http.get("/api/auth/me"), 401, "login_ended")
    person.log_in()


def _asked(person: Person, question: str, *, expect: str, never: str | None = None) -> Any:
    answer = person.chat("asking", question)
    assert expect in answer["reply"], (question, answer)
    assert never is None or never not in answer["reply"], (question, answer)
    return answer


def _texts(items: Sequence[Any]) -> list[str]:
    return [item["text"] for item in items]


def _has(texts: Sequence[str], word: str) -> bool:
    return any(word in text for text in texts)


__all__ = ["Draw", "draw_from", "logged_out_is_refused_though_cached", "play", "refresh_works_once"]
