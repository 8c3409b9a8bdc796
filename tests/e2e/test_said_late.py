"""Words that reach the stores hours after they were said, when newer ones are there already.

Through the whole stack, with places that are drawn each time.
"""

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from local.person import Person, until
from local.stack import Stack
from tests.e2e import hybrid
from tests.e2e.harness import claims_of, database_of, token_of

_PLACES = ["Delhi", "Reykjavik", "Windhoek", "Quito", "Aarhus", "Tbilisi", "Nairobi", "Hobart"]
_LATE = timedelta(hours=3)


@pytest.fixture
def places(seed: random.Random) -> list[str]:
    """Where somebody lived three hours ago, and where they live now."""
    return seed.sample(_PLACES, 2)


@contextlib.contextmanager
def both_stores_away(stack: Stack) -> Iterator[None]:
    """Zep and Mem0 refuse every call until the block is left."""
    urls = [f"{url}/_twin/faults" for url in (stack.zep_url, stack.mem0_url)]
    for url in urls:
        away = {"kind": "status", "status": 503}
        httpx.post(url, json=away, trust_env=False).raise_for_status()
    try:
        yield
    finally:
        for url in urls:
            httpx.delete(url, trust_env=False).raise_for_status()


def say_three_hours_ago(stack: Stack, person: Person, message: str) -> dict[str, Any]:
    """A turn of a session `early`, said when both stores were away; they have it not yet, and are
    not given it before `deliver_now`."""
    with both_stores_away(stack):
        turn: dict[str, Any] = person.chat("early", message)
        assert "mem0" in turn["degraded"]  # Zep doesn't know the person yet, and isn't asked
        until(partial(_were_asked, stack, person), "both stores have been asked in vain")
        _change(
            stack,
            person,
            "update turns set said_at = said_at - interval '3 hours',"
            " replied_at = replied_at - interval '3 hours'",
            "update deliveries set owed_at = owed_at - interval '3 hours'",
            "update delivery_leases set not_before = now() + interval '1 hour',"
            " unclear_since = unclear_since - interval '3 hours'",
        )
    return turn


def deliver_now(stack: Stack, person: Person, turn: dict[str, Any]) -> None:
    """Ends the rest that the stores were given, and waits until they have learned the turn."""
    _change(stack, person, "update delivery_leases set not_before = '-infinity', wake_at = null")
    stack.invoke("SweepFunction", {})
    person.until_learned([turn["turn_id"]])


def _were_asked(stack: Stack, person: Person) -> bool:
    leases = _change(stack, person, "select l.failures, l.owner is null from delivery_leases l")
    return len(leases) == 2 and all(failures and free for failures, free in leases)


def _change(stack: Stack, person: Person, *statements: str) -> list[Any]:
    """Runs statements on the rows of the person's session `early`; the last one's rows."""
    rows: list[Any] = []
    with database_of(stack) as connection:
        for statement in statements:
            rows = connection.run(
                f"{statement} where session_row = (select id from sessions"  # noqa: S608 - ours
                " where account_id = :sub and session_id = 'early')",
                sub=UUID(claims_of(token_of(person))["sub"]),
            )
    return rows or []


def texts(items: list[dict[str, Any]]) -> list[str]:
    return [item["text"] for item in items]


def assert_newer_one_holds(
    person: Person, before: str, now: str, since: datetime, *, is_linked: bool = True
) -> None:
    """What was said last holds wherever one asks; what was said first did until then.

    Args:
        is_linked: it is known that what Mem0 has of the older one says the same as Zep's fact that
            has ended; of a statement, which is kept as it was given, a consolidation finds it out.
    """
    reply = person.chat("third", "Where do I live?")["reply"]
    assert now in reply, reply
    assert before not in reply, reply
    shown = texts(person.memory()["facts"])
    assert now in shown[0], shown
    assert not is_linked or not any(before in text for text in shown), shown
    everything = person.memory(include_superseded="true")["facts"]
    ended = [item for item in everything if before in item["text"]]
    assert ended
    for item in ended:
        if item["store"] in {"zep", "both"}:
            assert datetime.fromisoformat(item["valid_to"]) >= since, item
            assert abs(datetime.fromisoformat(item["valid_from"]) - (since - _LATE)) < _HALF, item
    for scope in ("mem0", "zep", "hybrid"):
        found = texts(person.search("Where do I live?", scope=scope))
        assert now in found[0], (scope, found)
    then = (since - timedelta(hours=2)).isoformat()
    held = texts(person.memory(as_of=then)["facts"])
    assert any(before in text for text in held), held
    assert not any(now in text for text in held), held


_HALF = timedelta(minutes=30)


def assert_tidying_hides_the_older_one(stack: Stack, person: Person, before: str, now: str) -> None:
    hybrid.tidy(person)
    listed = hybrid.listed(stack, person)
    assert any(now in text for text in listed), listed
    assert not any(before in text for text in listed), listed
    assert hybrid.tidy(person)["changes"] == []
    assert hybrid.listed(stack, person) == listed


def test_a_message_that_is_delivered_three_hours_late_does_not_beat_a_newer_one(
    stack: Stack, person: Person, places: list[str]
) -> None:
    before, now = places
    hybrid.judged_by(stack, [(f"Lives in {before}", f"Lives in {now}", "update")])
    early = say_three_hours_ago(stack, person, f"I live in {before}.")
    since = datetime.now(UTC)
    later = person.chat("later", f"I live in {now}.")
    person.until_learned([later["turn_id"]])

    deliver_now(stack, person, early)

    assert_newer_one_holds(person, before, now, since)
    said = person.history("early", limit=10)
    assert (said[0]["content"], said[0]["delivered"]) == (f"I live in {before}.", True)
    for one in said:
        assert abs(datetime.fromisoformat(one["created_at"]) - (since - _LATE)) < _HALF
    assert_tidying_hides_the_older_one(stack, person, before, now)
    assert_newer_one_holds(person, before, now, since)


def test_a_statement_that_is_given_three_hours_late_does_not_beat_a_newer_one(
    stack: Stack, person: Person, places: list[str]
) -> None:
    before, now = places
    since = datetime.now(UTC)
    later = person.chat("later", f"I live in {now}.")
    person.until_learned([later["turn_id"]])

    hybrid.remember(person, f"I live in {before}.", said_at=(since - _LATE).isoformat())

    sides = [
        [text for text in [*hybrid.listed(stack, person), *_known(stack, person)] if place in text]
        for place in places
    ]
    hybrid.judged_by(stack, [(a, b, "update") for a in sides[0] for b in sides[1]])
    assert_newer_one_holds(person, before, now, since, is_linked=False)
    assert_tidying_hides_the_older_one(stack, person, before, now)
    assert_newer_one_holds(person, before, now, since)


def _known(stack: Stack, person: Person) -> list[str]:
    return [fact["fact"] for fact in hybrid.facts(stack, person)]
